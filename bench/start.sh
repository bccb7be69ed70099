#!/usr/bin/env bash
# How long `tessera sandbox` takes from its start to the first token, and how much memory its process needs, as
# docs/benchmarks.md states it. Each round starts a new world (keys, CAs, certificates, sample data) in a new folder.
#
#   bench/start.sh [--rounds 5] [--profile release|dist]
#
# Builds what it needs. Needs GNU time (/usr/bin/time) and node.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rounds=5 profile=release
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2 ;; --profile) profile=$2 ;;
    *) sed -n 2,9p "$0"; exit 2 ;;
  esac
  shift 2
done
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --manifest-path "$here/../Cargo.toml" --profile "$profile" --package tessera
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for round in $(seq "$rounds"); do
  # Taken before anything starts, the reader of the steps included.
  export STARTED_MS=$(date +%s%3N)
  /usr/bin/time -f '%e %M' -o "$work/time-$round" "$target/$profile/tessera" sandbox --once --json --port 0 |
    node -e '
const start = Number(process.env.STARTED_MS);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  if (JSON.parse(line).name === "token") console.log((Date.now() - start) / 1000);
});' >>"$work/tokens"
  cat "$work/time-$round" >>"$work/times"
done
node -e '
const fs = require("fs"), rows = (f) => fs.readFileSync(f, "utf8").trim().split("\n");
const median = (a) => a.map(Number).sort((x, y) => x - y)[Math.floor(a.length / 2)];
const times = rows(process.argv[1]).map((row) => row.split(" "));
console.log(`start to first token ${median(rows(process.argv[2])).toFixed(2)} s, whole visit ${median(times.map((t) => t[0])).toFixed(2)} s, peak memory ${(median(times.map((t) => t[1])) / 1024).toFixed(0)} MB (medians of ${times.length})`);
' "$work/times" "$work/tokens"
