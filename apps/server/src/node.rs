//! From a checked configuration to a running node, and to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tessera_authorization_server::ports::OperatorStore as _;
use tessera_authorization_server::{AuthorizationServer, Ports};
use tessera_gateway::Gateway;
use tessera_http::endpoints::operator::{self, OperatorView};
use tessera_http::routes::{BasePaths, GroupPath, router};
use tessera_http::server::{ConnectionLimits, serve};
use tessera_http::state::{Node, RequestLimits, Surroundings as _};
use tessera_store::sqlite::{SqliteSettings, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::audit_log::AuditLog;
use crate::audit_sink::AuditFile;
use crate::config::Config;
use crate::config::path_of;
use crate::surroundings::System;
use crate::{jobs, metrics, outgoing};

/// Longer than any decision takes, fetches included.
const DECISIONS_END_WITHIN: Duration = Duration::from_secs(20);

/// A node that serves.
#[derive(Debug)]
pub struct RunningNode {
    address: SocketAddr,
    operator_address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
    jobs: JoinSet<()>,
    /// Free when nothing is in work.
    slots: Arc<Semaphore>,
    requests: usize,
}

impl RunningNode {
    /// Opens the store and the audit log, binds the listeners and serves.
    ///
    /// # Errors
    /// When something that the configuration names cannot be used.
    pub async fn start(config: Config) -> Result<Self> {
        metrics::recorder();
        let listener = bind(config.listen).await?;
        let operator_listener = match config.operator {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let store = SqliteStore::open(&config.store, &SqliteSettings::default(), System.now())
            .with_context(|| format!("the store {}", config.store.display()))?;
        let store = Arc::new(store);
        let audit_log = Arc::new(AuditLog::open(&config.audit)?);
        let audit = Arc::new(AuditFile::new(Arc::clone(&audit_log)));
        let trust = Arc::new(outgoing::trust_engine(&config.communities, store.clone())?);
        let paths = paths(&config);

        let ports = Ports {
            registrations: store.clone(),
            replays: store.clone(),
            revocations: store.clone(),
            trust: trust.clone(),
            audit: audit.clone(),
        };
        let authorization_server =
            AuthorizationServer::new(config.authorization_server, ports, System.now(), System.entropy())?;
        let authorization_server = Arc::new(authorization_server);
        let gateway = Gateway::new(
            config.gateway,
            authorization_server.token_keys().clone(),
            outgoing::upstream()?,
            store.clone(),
            audit,
        );
        let node = Node {
            authorization_server: Arc::clone(&authorization_server),
            gateway: Arc::new(gateway),
            surroundings: Arc::new(System),
            recorder: audit_log.clone(),
            limits: RequestLimits::default(),
        };

        let mut jobs = JoinSet::new();
        jobs::start(&mut jobs, authorization_server, trust, Arc::clone(&store));
        let (stop, stopped) = watch::channel(false);
        let address = listener.local_addr()?;
        let limits = ConnectionLimits { connections: config.connections, ..ConnectionLimits::default() };
        let slots = Arc::new(Semaphore::new(config.requests));
        let app = router(&node, &paths.0, &paths.1, Arc::clone(&slots));
        let mut servers = vec![tokio::spawn(serve(listener, config.tls, app, limits.clone(), stopped.clone()))];
        let mut operator_address = None;
        if let Some(listener) = operator_listener {
            operator_address = Some(listener.local_addr()?);
            let view = Arc::new(View { store, audit_log });
            servers.push(tokio::spawn(serve(listener, None, operator::router(view), limits, stopped)));
        }
        Ok(Self { address, operator_address, stop, servers, jobs, slots, requests: config.requests })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its operator's endpoints are.
    #[must_use]
    pub fn operator_address(&self) -> Option<SocketAddr> {
        self.operator_address
    }

    /// Finishes open requests and stops.
    pub async fn stop(mut self) {
        // Nobody listening any more is the same as stopped.
        let _ = self.stop.send(true);
        for server in self.servers {
            let _ = server.await;
        }
        // A decision whose caller has left is still brought to its end, and recorded.
        let all = u32::try_from(self.requests).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(DECISIONS_END_WITHIN, self.slots.acquire_many(all)).await;
        self.jobs.shutdown().await;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn paths(config: &Config) -> (Vec<BasePaths>, Vec<GroupPath>) {
    let path = |url: &str| path_of(url).to_owned();
    let bases = config.authorization_server.bases.iter().map(|base| BasePaths {
        name: base.name.clone(),
        base: path(base.base_url.as_str()),
        token: path(base.token_endpoint.as_str()),
        introspection: path(base.introspection_endpoint.as_str()),
        revocation: path(base.revocation_endpoint.as_str()),
        jwks: path(base.jwks_uri.as_str()),
        gateway: config.gateway.serves(base.name.as_str()),
    });
    let groups = config
        .authorization_server
        .groups
        .iter()
        .map(|group| GroupPath { name: group.name.clone(), registration: path(group.registration_endpoint.as_str()) });
    (bases.collect(), groups.collect())
}

/// What the operator's endpoints tell of this node.
struct View {
    store: Arc<SqliteStore>,
    audit_log: Arc<AuditLog>,
}

#[async_trait::async_trait]
impl OperatorView for View {
    fn metrics(&self) -> String {
        metrics::show_writes("registry", self.store.write_statistics());
        metrics::show_writes("spent", self.store.spent_ids_statistics());
        metrics::recorder().render()
    }

    async fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        if let Err(error) = self.store.ping().await {
            obstacles.push(error.to_string());
        }
        if self.audit_log.is_broken() {
            obstacles.push("the audit log cannot be written".to_owned());
        }
        obstacles
    }
}
