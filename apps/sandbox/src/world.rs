//! What all parts of a running sandbox know of each other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tessera_client::{Client, ClientSettings};
use tessera_outbound::dial::Connector;
use tessera_outbound::guard::AllowList;
use tessera_outbound::http::{FetchLimits, Fetcher};
use tessera_outbound::tls::{TlsRoots, client_config};
use tessera_outbound::transport::ClientTransport;
use tessera_outbound::trust::{FetchPolicy, TrustEngine, TrustSettings};
use tessera_udap::edition::Edition;
use tessera_udap::ids::BaseUrl;

use crate::apps::App;
use crate::community::Community;
use crate::folder::Folder;
use crate::ports::Ports;
use crate::steps::Step;

/// What stands behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fhir {
    /// The sandbox's own sample data.
    Sample,
    /// Somebody's FHIR R4 server.
    Other(String),
}

/// The parties of a running sandbox.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) folder: Arc<Folder>,
    pub(crate) base: BaseUrl,
    /// The root of the web certificates, in PEM.
    pub(crate) tls_root: String,
    /// The visitor's community first.
    pub(crate) communities: Vec<Arc<Community>>,
    pub(crate) visitor: App,
    pub(crate) stranger: App,
    pub(crate) fhir: Fhir,
    /// The data holder's metrics and health.
    pub(crate) operator: Option<SocketAddr>,
    /// The steps of the last visit, for the start page.
    pub(crate) last_visit: Mutex<Vec<Step>>,
}

impl World {
    /// The community of the visitor, in which `tessera sandbox certificate` issues.
    pub(crate) fn visitors_community(&self) -> &Arc<Community> {
        self.communities.first().expect("a sandbox is made with two communities")
    }

    /// The address of the start page.
    pub(crate) fn start_page(&self) -> String {
        format!("http://localhost:{}/", self.ports.page())
    }

    /// What must be written down so that the communities' lists can be fetched from this machine.
    pub(crate) fn allowed(&self) -> String {
        format!("127.0.0.1/32:{}", self.ports.publication())
    }

    /// A way out that knows the data holder's base and believes the sandbox's web root alone.
    ///
    /// # Errors
    /// When the root cannot be used.
    pub(crate) fn transport(&self) -> Result<ClientTransport> {
        Ok(ClientTransport::new(self.connector()?, AllowList::default()).trusting(self.base.as_str())?)
    }

    /// The client of an app that has met nobody yet: it trusts the visitor's community and knows no lists.
    ///
    /// # Errors
    /// When the root or the community's anchor cannot be used.
    pub(crate) fn client(&self) -> Result<Client> {
        let community = self.visitors_community();
        let policy = FetchPolicy { allow: AllowList::parse([self.allowed().as_str()])?, ..FetchPolicy::default() };
        let fetcher = Fetcher::new(self.connector()?, FetchLimits::default());
        let trust = TrustEngine::new(vec![(community.trust()?, policy)], Arc::new(fetcher), TrustSettings::default())?;
        let settings = ClientSettings::new(vec![(community.id().clone(), Edition::default())]);
        Ok(Client::new(settings, Arc::new(self.transport()?), Arc::new(trust)))
    }

    /// Keeps the steps of a visit for the start page.
    pub(crate) fn remember(&self, steps: &[Step]) {
        *self.last_visit.lock().unwrap_or_else(PoisonError::into_inner) = steps.to_vec();
    }

    /// The steps of the last visit.
    pub(crate) fn remembered(&self) -> Vec<Step> {
        self.last_visit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn connector(&self) -> Result<Connector> {
        let roots = TlsRoots::only_pem(self.tls_root.as_bytes())?;
        Ok(Connector::system(client_config(roots)?))
    }
}
