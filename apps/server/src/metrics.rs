//! Prometheus metrics of the process: recorded everywhere by the `metrics` facade, shown on the operator's listener.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tessera_store::sqlite::WriteStatistics;

/// Name and meaning; the same list, with all labels, is in `docs/operations.md`.
const COUNTERS: &[(&str, &str)] = &[
    ("tessera_tokens_issued_total", "Access tokens issued, by base"),
    ("tessera_registrations_total", "Registrations created, changed and cancelled, by outcome"),
    ("tessera_gateway_requests_total", "FHIR requests, by base and status"),
    ("tessera_refusals_total", "Refused requests, by endpoint, community and reason"),
    ("tessera_requests_shed_total", "Requests answered 503 because too many were in work"),
    ("tessera_requests_unrecordable_total", "Requests answered 503 because the audit log cannot be written"),
    ("tessera_panics_total", "Requests that ended in a panic"),
    ("tessera_audit_events_lost_total", "Audit events that found no room or were not written before the end"),
    ("tessera_store_operations_total", "Operations that the store's writers have run, by file"),
    ("tessera_store_commits_total", "Commits that they shared, by file"),
    ("tessera_store_failed_commits_total", "Commits that failed with all their operations, by file"),
    ("tessera_store_turned_away_total", "Operations turned away because too many waited for a writer, by file"),
    ("tessera_purged_records_total", "Records removed from the store because they had ended, by kind"),
    ("tessera_crl_polls_total", "Revocation lists asked for anew, by community and outcome"),
];

/// As [`COUNTERS`].
const GAUGES: &[(&str, &str)] = &[
    (
        "tessera_crl_next_update_seconds",
        "Unix time at which the first of a community's revocation lists at hand ends; infinity without a list",
    ),
    ("tessera_metadata_due_seconds", "Unix time at which signed metadata is due to be signed anew"),
];

/// The process has one recorder, however many nodes a test starts in it.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder at the first call, and describes what is counted.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // A recorder that somebody else installed counts as well, but shows elsewhere.
        if metrics::set_global_recorder(recorder).is_ok() {
            describe();
        }
        handle
    })
}

/// Shows what has been written to one of the store's files since the start.
pub(crate) fn show_writes(file: &'static str, writes: WriteStatistics) {
    let WriteStatistics { operations, commits, failed_commits, turned_away } = writes;
    metrics::counter!("tessera_store_operations_total", "file" => file).absolute(operations);
    metrics::counter!("tessera_store_commits_total", "file" => file).absolute(commits);
    metrics::counter!("tessera_store_failed_commits_total", "file" => file).absolute(failed_commits);
    metrics::counter!("tessera_store_turned_away_total", "file" => file).absolute(turned_away);
}

fn describe() {
    for (name, meaning) in COUNTERS {
        metrics::describe_counter!(*name, *meaning);
    }
    for (name, meaning) in GAUGES {
        metrics::describe_gauge!(*name, *meaning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_page_explains_what_is_described_here() {
        let page = include_str!("../../../docs/operations.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let explained: Vec<&str> = rows.map(|(name, _)| name).filter(|name| name.starts_with("tessera_")).collect();
        let described: Vec<&str> = COUNTERS.iter().chain(GAUGES).map(|(name, _)| *name).collect();
        assert_eq!(explained, described, "by the same names in the same order");
    }
}
