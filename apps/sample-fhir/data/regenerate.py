#!/usr/bin/env python3
"""Makes patients.ndjson.gz anew from the synthetic data of carebundle (see README.md).

    pip install carebundle==0.5.0            (in a virtual environment)
    python3 regenerate.py [--carebundle PROGRAM] [--check]

Six cohorts of ten patients, each seen on its own day, so that searches by date have something to tell apart. The
transaction Bundles become one resource per line: short stable ids instead of random-looking UUIDs, `urn:uuid:`
references rewritten to `Type/id`, `meta.versionId` "1" and `meta.lastUpdated` the end of the patient's visit.

The same version of carebundle gives the same lines, byte for byte; the gzip header carries neither time nor name.
`--check` writes nothing and fails unless the present file holds exactly these lines.
"""

import argparse
import gzip
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

TARGET = pathlib.Path(__file__).with_name("patients.ndjson.gz")
PATIENTS_PER_COHORT = 10
# (seed, day of the visit)
COHORTS = [
    (7, "2025-01-14"),
    (8, "2025-04-08"),
    (9, "2025-07-22"),
    (10, "2025-10-02"),
    (11, "2025-12-11"),
    (12, "2026-01-01"),
]
# What a resource is called after its patient's number; several of a kind are numbered.
NAMES = {
    "AllergyIntolerance": "allergy",
    "Condition": "condition",
    "DiagnosticReport": "report",
    "Encounter": "visit",
    "MedicationRequest": "medication",
    "Observation": "observation",
    "Practitioner": "practitioner",
}


def main():
    arguments = argparse.ArgumentParser(description="Makes patients.ndjson.gz anew.")
    arguments.add_argument("--carebundle", default="carebundle", help="the program to run (default: from the PATH)")
    arguments.add_argument("--check", action="store_true", help="compare only")
    chosen = arguments.parse_args()

    lines = []
    patient = 0
    for seed, day in COHORTS:
        for bundle in bundles_of(chosen.carebundle, seed, day):
            patient += 1
            lines.extend(resources_of(bundle, f"p{patient:02}"))
    lines.sort(key=lambda resource: (resource["resourceType"], resource["id"]))
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines).encode()

    print(f"{len(lines)} resources, {len(text)} bytes, SHA-256 {hashlib.sha256(text).hexdigest()}")
    if chosen.check:
        if gzip.decompress(TARGET.read_bytes()) != text:
            sys.exit(f"{TARGET.name} does not hold these lines")
        return
    TARGET.write_bytes(compress(text))


def bundles_of(program, seed, day):
    """The cohort's transaction Bundles, in the order of their file names."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [program, "generate", "--profile", "mixed", "--count", str(PATIENTS_PER_COHORT), "--sex", "mixed",
             "--age-range", "18-88", "--seed", str(seed), "--reference-date", day, "--out", folder],
            capture_output=True, text=True, check=False,
        )
        if run.returncode != 0:
            sys.exit(f"{program} failed: {run.stderr.strip()}")
        files = sorted(pathlib.Path(folder).glob("*.json"), key=lambda file: file.stem.rsplit("-", 1)[1])
        if len(files) != PATIENTS_PER_COHORT:
            sys.exit(f"expected {PATIENTS_PER_COHORT} Bundles, carebundle wrote {len(files)}")
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def resources_of(bundle, patient_id):
    """The resources of one patient's Bundle with their ids, references and versions settled."""
    resources = [entry["resource"] for entry in bundle["entry"]]
    counts = {kind: sum(r["resourceType"] == kind for r in resources) for kind in NAMES}
    numbers = dict.fromkeys(NAMES, 0)
    references = {}
    for entry, resource in zip(bundle["entry"], resources):
        kind = resource["resourceType"]
        if kind == "Patient":
            resource["id"] = patient_id
        else:
            numbers[kind] += 1
            number = f"-{numbers[kind]:02}" if counts[kind] > 1 or kind not in ("Encounter", "Practitioner") else ""
            resource["id"] = f"{patient_id}-{NAMES[kind]}{number}"
        references[entry["fullUrl"]] = f"{kind}/{resource['id']}"

    seen = next(r["period"]["end"] for r in resources if r["resourceType"] == "Encounter")
    for resource in resources:
        rewrite_references(resource, references)
        resource["meta"] = {"versionId": "1", "lastUpdated": seen, **resource["meta"]}
    # Reading order: what it is, which one, then the rest as carebundle wrote it.
    return [{"resourceType": r.pop("resourceType"), "id": r.pop("id"), "meta": r.pop("meta"), **r} for r in resources]


def rewrite_references(node, references):
    """Replaces every `urn:uuid:` reference; one that points nowhere is an error, not a dangling link."""
    if isinstance(node, dict):
        target = node.get("reference")
        if isinstance(target, str):
            node["reference"] = references[target]
        for value in node.values():
            rewrite_references(value, references)
    elif isinstance(node, list):
        for value in node:
            rewrite_references(value, references)


def compress(text):
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as writer:
        writer.write(text)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
