//! What a node does beside its requests: signs metadata anew, polls CRLs, purges what has expired.

mod list_polls;

use std::sync::Arc;
use std::time::Duration;

use tessera_authorization_server::AuthorizationServer;
use tessera_authorization_server::ports::OperatorStore as _;
use tessera_http::state::Surroundings as _;
use tessera_outbound::trust::TrustEngine;
use tessera_store::sqlite::SqliteStore;
use tokio::task::JoinSet;

use self::list_polls::ListPolls;
use crate::surroundings::System;

/// Expired records are removed this often.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);
/// How often a job looks whether something is due.
const TICK: Duration = Duration::from_secs(1);

/// Starts all jobs; they end with the set.
pub(crate) fn start(
    jobs: &mut JoinSet<()>,
    authorization_server: Arc<AuthorizationServer>,
    trust: Arc<TrustEngine>,
    store: Arc<SqliteStore>,
) {
    jobs.spawn(renew_metadata(authorization_server));
    jobs.spawn(poll_revocation_lists(trust));
    jobs.spawn(purge(store));
}

async fn renew_metadata(authorization_server: Arc<AuthorizationServer>) {
    loop {
        // Signing takes milliseconds of CPU for each document; elsewhere than on a thread that answers requests.
        let server = Arc::clone(&authorization_server);
        let round = tokio::task::spawn_blocking(move || server.renew_documents(System.now(), System.entropy())).await;
        let Ok(renewal) = round else { return };
        for failure in &renewal.failures {
            tracing::error!(base = %failure.base, community.id = %failure.community, cause = %failure.cause, "{failure}");
        }
        let Some(due) = renewal.next_due else { return };
        metrics::gauge!("tessera_metadata_due_seconds").set(due.as_secs() as f64);
        tokio::time::sleep(due.since(System.now()).max(TICK)).await;
    }
}

async fn poll_revocation_lists(trust: Arc<TrustEngine>) {
    let mut polls = ListPolls::default();
    loop {
        tokio::time::sleep(TICK).await;
        for change in polls.note(trust.poll_due(System.now()).await) {
            change.log();
        }
        polls.show_ends(&trust.lists());
    }
}

async fn purge(store: Arc<SqliteStore>) {
    loop {
        tokio::time::sleep(PURGE_INTERVAL).await;
        match store.purge(System.now()).await {
            Ok(report) => {
                let purged = |kind: &'static str, count: u64| {
                    metrics::counter!("tessera_purged_records_total", "kind" => kind).increment(count);
                };
                purged("jti", report.spent_jtis);
                purged("revoked-token", report.revoked_tokens);
                purged("mass-revocation", report.mass_revocations);
                purged("registration", report.registrations);
            }
            Err(error) => tracing::error!(cause = ?error, "expired records could not be removed"),
        }
    }
}
