//! The embedded patients: read once at start into the store.

use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::Bytes;
use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::http;
use crate::identifier::ResourceId;
use crate::resource::Draft;
use crate::resource_type::ResourceType;
use crate::search::index::Interner;
use crate::search::period::Period;
use crate::store::{Limits, Store};

/// Origin, licence and the command that makes it anew: `data/README.md`.
static PATIENTS: &[u8] = include_bytes!("../data/patients.ndjson.gz");

/// More than the data needs; a damaged file must not fill the memory.
const DECOMPRESSED_LIMIT: u64 = 16 * 1024 * 1024;

/// A FHIR R4 store in memory, ready to be served.
#[derive(Debug)]
pub struct SampleFhir {
    store: Store,
}

impl SampleFhir {
    /// The store filled with the embedded synthetic patients and all that belongs to them.
    ///
    /// Every resource starts at version 1, last updated at the end of its patient's visit.
    ///
    /// # Errors
    /// When the embedded file cannot be read, which a test of this crate rules out.
    pub fn load() -> Result<Self> {
        let mut lines = Vec::new();
        GzDecoder::new(PATIENTS)
            .take(DECOMPRESSED_LIMIT)
            .read_to_end(&mut lines)
            .context("the embedded sample data is not readable gzip")?;
        // One allocation for all: each resource is a slice of it.
        lines.shrink_to_fit();
        let mut sample = Self::empty();
        sample.fill(&Bytes::from(lines))?;
        Ok(sample)
    }

    /// The store with nothing in it.
    #[must_use]
    pub fn empty() -> Self {
        Self { store: Store::new(Limits::default()) }
    }

    /// How many patients there are.
    #[must_use]
    pub fn patient_count(&self) -> usize {
        self.store.count(ResourceType::Patient)
    }

    /// Serves the store; `base` is the URL that the outside knows it by.
    ///
    /// The router answers every path it is given, an unknown one with an `OperationOutcome`. `base` (absolute, a final
    /// slash is dropped) begins every `fullUrl`, link and `Location`; no header of a request has a say in it.
    pub fn router(self, base: &str) -> Router {
        http::router(self.store, base)
    }

    fn fill(&mut self, lines: &Bytes) -> Result<()> {
        let mut texts = Interner::default();
        for (number, line) in lines.split(|byte| *byte == b'\n').enumerate() {
            if !line.is_empty() {
                self.put(lines.slice_ref(line), &mut texts)
                    .with_context(|| format!("line {} of the sample data", number + 1))?;
            }
        }
        Ok(())
    }

    fn put(&mut self, line: Bytes, texts: &mut Interner) -> Result<()> {
        let head: Head<'_> = serde_json::from_slice(&line)?;
        let kind = ResourceType::parse(head.resource_type).context("a resource type that is not served")?;
        let id = ResourceId::parse(head.id).context("not a logical id")?;
        let updated = Period::parse(head.meta.last_updated).context("meta.lastUpdated is not an instant")?;
        ensure!(head.meta.version_id == "1", "meta.versionId is not 1");

        let index = Draft::read(&line, kind, texts)?.index().to_vec();
        if !self.store.insert_first(kind, id, updated.from, line, index) {
            bail!("an id comes twice, or the data is larger than the store");
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "resourceType")]
    resource_type: &'a str,
    id: &'a str,
    #[serde(borrow)]
    meta: HeadMeta<'a>,
}

#[derive(Deserialize)]
struct HeadMeta<'a> {
    #[serde(rename = "versionId")]
    version_id: &'a str,
    #[serde(rename = "lastUpdated")]
    last_updated: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_data_has_at_least_fifty_patients_with_their_records() {
        let sample = SampleFhir::load().unwrap();
        assert!(sample.patient_count() >= 50);
        for kind in ResourceType::ALL {
            assert!(sample.store.count(kind) > 0, "{}", kind.name());
        }
    }

    /// What is kept is what would be kept, had it been written here: the form of the file is the form of the store.
    #[test]
    fn the_embedded_data_is_in_the_form_of_the_store() {
        let mut text = String::new();
        GzDecoder::new(PATIENTS).read_to_string(&mut text).unwrap();
        for line in text.lines() {
            let head: Head<'_> = serde_json::from_str(line).unwrap();
            let kind = ResourceType::parse(head.resource_type).unwrap();
            let draft = Draft::read(line.as_bytes(), kind, &mut Interner::default()).unwrap();
            let updated = Period::parse(head.meta.last_updated).unwrap().from;
            let written = draft.written(&ResourceId::parse(head.id).unwrap(), 1, updated).unwrap();
            assert_eq!(written, line.as_bytes());
        }
    }

    #[test]
    fn refuses_data_that_it_cannot_keep() {
        let good =
            r#"{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z"}}"#;
        let twice = format!("{good}\n{good}\n");
        for lines in [
            "not json\n",
            &twice,
            &good.replace("Patient", "Bundle"),
            &good.replace(r#""id":"a""#, r#""id":"a/b""#),
            &good.replace(r#""versionId":"1""#, r#""versionId":"2""#),
            &good.replace("2026-01-01", "2026-13-01"),
        ] {
            assert!(SampleFhir::empty().fill(&Bytes::from(lines.to_owned())).is_err(), "{lines}");
        }
        assert!(SampleFhir::empty().fill(&Bytes::from(format!("{good}\n\n"))).is_ok());
    }
}
