//! A running sandbox: from its options to its end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use tessera_http::server::{ConnectionLimits, serve};
use tessera_outbound::guard::Destination;
use tessera_sample_fhir::SampleFhir;
use tessera_server::RunningNode;
use tessera_udap::ids::BaseUrl;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::community::{COMMUNITIES, CRL_INTERVAL, Community};
use crate::control::Credential;
use crate::folder::Folder;
use crate::guide::{self, Guide};
use crate::ports::{self, Reserved};
use crate::publication::{self, Publication};
use crate::running::Record;
use crate::steps::{Step, VisitReport};
use crate::world::{Fhir, World};
use crate::{apps, control, holder, page, tls, visit};

/// Connections open at a time on each of the sandbox's own listeners.
const CONNECTIONS: usize = 64;

/// How a sandbox is to start.
#[derive(Debug, Clone, Default)]
pub struct SandboxOptions {
    /// The first of its four ports; 0 takes free ones.
    pub port: u16,
    /// Its folder, made when it is missing and taken up when it holds a sandbox; a temporary one when absent.
    pub data: Option<PathBuf>,
    /// The base URL of a FHIR R4 server to put the gateway before; the sandbox's own sample data when absent.
    pub fhir: Option<String>,
}

/// A sandbox that runs.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    node: RunningNode,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
    jobs: JoinSet<()>,
    record: Record,
}

impl Sandbox {
    /// Makes the world, or takes it up again from its folder, and starts every party.
    ///
    /// # Errors
    /// When a port is taken, the folder cannot be used, or the FHIR server's URL is not one.
    pub async fn start(options: SandboxOptions) -> Result<Self> {
        let fhir = match &options.fhir {
            Some(url) => Fhir::Other(judge_fhir(url)?),
            None => Fhir::Sample,
        };
        let folder = Arc::new(Folder::open(options.data.as_deref())?);
        let reserved = match folder.ports()? {
            Some(made_for) => Reserved::again(options.port, made_for).await?,
            None => ports::reserve(options.port).await?,
        };
        folder.set_ports(reserved.ports)?;
        Self::start_in(folder, reserved, fhir).await
    }

    async fn start_in(folder: Arc<Folder>, reserved: Reserved, fhir: Fhir) -> Result<Self> {
        let Reserved {
            ports,
            holder: holder_listener,
            page: page_listener,
            publication: publication_listener,
            fhir: fhir_listener,
        } = reserved;
        let publication = Arc::new(Publication::default());
        let mut communities = Vec::new();
        for (name, title) in COMMUNITIES {
            communities.push(Arc::new(Community::open(name, title, ports, &folder, &publication)?));
        }
        let tls_root = tls::prepare(&folder)?;
        let base = holder::base_url(ports);
        holder::prepare(&folder, &communities, &base).await?;
        let visitors_community = communities.first().context("there are two")?;
        let visitor = apps::visitor(&folder, visitors_community)?;
        let stranger = apps::stranger(&folder)?;

        let (stop, stopped) = watch::channel(false);
        let mut servers = Servers { running: Vec::new(), stopped };
        servers.add(publication_listener, publication::router(publication));
        let sample = format!("http://127.0.0.1:{}/fhir", ports.fhir());
        let upstream = match &fhir {
            Fhir::Other(url) => url.clone(),
            Fhir::Sample => {
                let data = tokio::task::spawn_blocking(SampleFhir::load).await??;
                servers.add(fhir_listener, Router::new().nest("/fhir", data.router(&sample)));
                sample
            }
        };

        holder::configure(&folder, &communities, ports, &upstream)?;
        // The node binds its own port, as it does everywhere; until now nobody else could.
        drop(holder_listener);
        let node = holder::start(&folder).await?;

        let world = Arc::new(World {
            ports,
            folder,
            base: BaseUrl::parse(&base)?,
            tls_root,
            communities,
            visitor,
            stranger,
            fhir,
            operator: node.operator_address(),
            last_visit: Mutex::default(),
        });
        let credential = Credential::make(&world.folder)?;
        let router = page::router(Arc::clone(&world)).merge(control::router(Arc::clone(&world), credential));
        servers.add(page_listener, page::only_for_us(router, ports));
        let mut jobs = JoinSet::new();
        jobs.spawn(renew_lists(world.communities.clone()));
        let record = Record::leave(ports.holder(), ports.page(), &world.folder.path(control::CREDENTIAL))?;
        Ok(Self { world, node, stop, servers: servers.running, jobs, record })
    }

    /// What runs where, and the commands to repeat each step of the visit.
    #[must_use]
    pub fn guide(&self) -> Guide {
        guide::guide(&self.world)
    }

    /// Runs the visit and, `with_faults`, what must be refused; `observer` sees each step when it is done.
    ///
    /// # Errors
    /// When the visiting app cannot be set up; a step that fails is in the report.
    pub async fn visit(&self, with_faults: bool, observer: &mut (dyn FnMut(&Step) + Send)) -> Result<VisitReport> {
        visit::run(&self.world, with_faults, observer).await
    }

    /// Finishes open requests and stops every party. A temporary folder is removed.
    pub async fn stop(mut self) {
        drop(self.record);
        self.jobs.shutdown().await;
        // Nobody listening any more is the same as stopped.
        let _ = self.stop.send(true);
        self.node.stop().await;
        for server in self.servers {
            let _ = server.await;
        }
    }
}

/// The sandbox's own listeners.
struct Servers {
    running: Vec<JoinHandle<()>>,
    stopped: watch::Receiver<bool>,
}

impl Servers {
    fn add(&mut self, listener: TcpListener, app: Router) {
        let limits = ConnectionLimits { connections: CONNECTIONS, ..ConnectionLimits::default() };
        let serving = serve(listener, None, app, limits, self.stopped.clone());
        self.running.push(tokio::spawn(serving));
    }
}

/// Signs the revocation lists anew, long before they end.
async fn renew_lists(communities: Vec<Arc<Community>>) {
    let mut interval = tokio::time::interval(CRL_INTERVAL);
    // The first tick comes at once, and the lists have just been signed.
    interval.tick().await;
    loop {
        interval.tick().await;
        let communities = communities.clone();
        let signing = tokio::task::spawn_blocking(move || {
            for community in &communities {
                if let Err(error) = community.sign_lists() {
                    tracing::error!(community.id = %community.id(), cause = ?error, "the revocation lists could not be signed");
                }
            }
        });
        if signing.await.is_err() {
            // A suspended machine catches up with the next tick; a panic here has been told by the runtime.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// The base URL of a FHIR server, without a final slash.
fn judge_fhir(url: &str) -> Result<String> {
    let url = url.trim_end_matches('/');
    Destination::parse(url).map_err(|error| anyhow!("--fhir {url}: {error}"))?;
    if url.contains('?') {
        return Err(anyhow!("--fhir {url}: a FHIR base has no query"));
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fhir_server_is_named_by_a_url() {
        assert_eq!(judge_fhir("http://127.0.0.1:8080/fhir/").unwrap(), "http://127.0.0.1:8080/fhir");
        for bad in ["", "127.0.0.1:8080", "ftp://h.example", "http://h.example/?x=1", "http://u@h.example/"] {
            assert!(judge_fhir(bad).is_err(), "{bad}");
        }
    }
}
