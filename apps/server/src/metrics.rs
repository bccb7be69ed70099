//! Prometheus metrics of the process: recorded everywhere by the `metrics` facade, shown on the operator's listener.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Seconds; from one store read to the handler's deadline.
const LATENCY_BUCKETS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// The process has one recorder, however many nodes a test starts in it.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder at the first call, and describes what is counted.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), LATENCY_BUCKETS)
            .expect("the list of buckets is not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // A recorder that somebody else installed counts as well, but shows elsewhere.
        if metrics::set_global_recorder(recorder).is_ok() {
            describe();
        }
        handle
    })
}

fn describe() {
    metrics::describe_counter!("tessera_tokens_issued_total", "Access tokens issued, by base");
    metrics::describe_counter!("tessera_registrations_total", "Registrations created, changed and cancelled");
    metrics::describe_counter!("tessera_refusals_total", "Refused requests, by endpoint, community and reason");
    metrics::describe_counter!("tessera_requests_shed_total", "Requests answered 503 because too many were in work");
    metrics::describe_counter!("tessera_panics_total", "Requests that ended in a panic");
    metrics::describe_counter!("tessera_audit_events_lost_total", "Audit events that could not be queued");
    metrics::describe_counter!(
        "tessera_requests_unrecordable_total",
        "Requests answered 503 because the audit log cannot be written"
    );
    metrics::describe_counter!("tessera_gateway_requests_total", "FHIR requests, by base and status");
    metrics::describe_counter!("tessera_purged_records_total", "Expired records removed from the store, by kind");
    metrics::describe_counter!("tessera_crl_polls_total", "Revocation lists asked for anew, by community and outcome");
    metrics::describe_gauge!(
        "tessera_crl_next_update_seconds",
        "Unix time at which the first of a community's revocation lists at hand ends"
    );
    metrics::describe_gauge!(
        "tessera_metadata_due_seconds",
        "Unix time at which signed metadata is due to be signed anew"
    );
    metrics::describe_gauge!("tessera_store_commits", "Commits of the store since the start");
    metrics::describe_gauge!("tessera_store_operations", "Operations written by these commits");
}
