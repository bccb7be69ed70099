//! Looks a correlation id up in an audit log, which may be large and is being written to.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use super::event::Decision;

/// The longest line that is read. A node's events are far shorter; the rest of a longer line is skipped.
const LINE_LIMIT: u64 = 256 * 1024;
/// One request makes a few events. More of one id would be a log that somebody has tampered with.
const DECISIONS_LIMIT: usize = 100;

/// What a search has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of the log.
    pub(crate) decisions: Vec<Decision>,
    /// Lines with the id that are not an event of a node.
    pub(crate) unreadable: usize,
}

/// Reads the log line by line, holding one line at a time.
pub(crate) fn search(log: &Path, correlation_id: &str) -> io::Result<Found> {
    search_in(BufReader::with_capacity(1024 * 1024, File::open(log)?), correlation_id)
}

fn search_in(mut log: impl BufRead, correlation_id: &str) -> io::Result<Found> {
    let mut found = Found::default();
    let mut line = Vec::new();
    while found.decisions.len() < DECISIONS_LIMIT {
        line.clear();
        if log.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let is_whole = line.last() == Some(&b'\n');
        if !is_whole && line.len() as u64 == LINE_LIMIT {
            // Too long: its end is not looked at either, since it would not be JSON.
            log.skip_until(b'\n')?;
        }
        // A look at the text first: of millions of lines few are worth parsing.
        if !std::str::from_utf8(&line).is_ok_and(|text| text.contains(correlation_id)) {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(event) => found.decisions.extend(Decision::read(&event, correlation_id)),
            // Written at this moment.
            Err(_) if !is_whole => {}
            Err(_) => found.unreadable += 1,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::event::Outcome;
    use super::*;

    const ID: &str = "abcdefgh12345678";

    fn event(id: &str, outcome: &str) -> String {
        let event = serde_json::json!({
            "resourceType": "AuditEvent",
            "subtype": [{ "system": "urn:tessera:audit", "code": "token" }],
            "recorded": "2027-01-15T08:00:00Z",
            "outcome": outcome,
            "outcomeDesc": "assertion-replayed",
            "purposeOfEvent": [{ "coding": [{ "system": "urn:oid:2.16.840.1.113883.5.8", "code": "TREAT" }] }],
            "agent": [{ "requestor": true, "who": { "identifier": { "value": "client-1" } } }],
            "entity": [{ "detail": [
                { "type": "correlation-id", "valueString": id },
                { "type": "identity", "valueString": "claimed" },
                { "type": "reason", "valueString": "assertion-replayed" },
                { "type": "section", "valueString": "FAST Security STU2 §7.1.4" },
                { "type": "likely-fix", "valueString": "make a new one for every request" },
                { "type": "evidence:jti", "valueString": "j-1" },
                { "type": "note", "valueString": "one" },
                { "type": "note", "valueString": "two" },
                { "type": "scope", "valueString": "system/Patient.rs" },
            ] }],
        });
        format!("{event}\n")
    }

    #[test]
    fn finds_the_decisions_of_one_request() {
        let log = [event("other-id-12345678", "0"), event(ID, "4"), event(ID, "0")].concat();
        let found = search_in(log.as_bytes(), ID).unwrap();
        assert_eq!(found.decisions.len(), 2);
        let first = &found.decisions[0];
        assert_eq!(first.outcome, Outcome::Refused);
        assert_eq!(first.who.identifier.as_deref(), Some("client-1"));
        assert_eq!(first.who.identity.as_deref(), Some("claimed"));
        assert_eq!(first.purposes, ["urn:oid:2.16.840.1.113883.5.8#TREAT"]);
        assert_eq!(first.notes, ["one", "two"]);
        let refusal = first.refusal.as_ref().unwrap();
        assert_eq!(refusal.reason, "assertion-replayed");
        assert_eq!(refusal.evidence["jti"], "j-1");
        assert_eq!(first.details["scope"], "system/Patient.rs");
    }

    #[test]
    fn an_id_that_only_appears_elsewhere_is_not_a_find() {
        let log = event("other-id-12345678", "0").replace("j-1", ID);
        assert!(search_in(log.as_bytes(), ID).unwrap().decisions.is_empty());
    }

    #[test]
    fn long_and_broken_lines_are_stepped_over() {
        let long = format!("{ID}{}\n", "x".repeat(3 * LINE_LIMIT as usize));
        let unfinished = event(ID, "0").trim_end().split_at(40).0.to_owned();
        let log = [long, format!("{{\"broken\": \"{ID}\n"), event(ID, "4"), unfinished].concat();
        let found = search_in(log.as_bytes(), ID).unwrap();
        assert_eq!(found.decisions.len(), 1);
        assert!(found.unreadable >= 1);
        assert!(search_in([0xff; 10].as_slice(), ID).unwrap().decisions.is_empty());
    }
}
