//! `tessera clients …`: an operator sees and governs registrations, in the store of a node that runs or does not.
//!
//! The node reads its store at every request, so that what is done here holds from the next one on.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tessera_authorization_server::audit::AuditAction;
use tessera_authorization_server::ports::{ClientFilter, MassRevocation, OperatorStore as _, RevocationStore as _};
use tessera_authorization_server::registered::{GrantType, Registration, RegistrationStatus};
use tessera_client::check::CheckOutcome;
use tessera_server::config::raw::RawConfig;
use tessera_server::config::{self, Report, Severity};
use tessera_store::sqlite::{SqliteSettings, SqliteStore};
use tessera_trust::{CertificateDigest, CommunityId};
use tessera_udap::ids::ClientId;

use crate::arguments::{ClientsAction, ClientsArguments, RevokeTokens};
use crate::audit::operator::{Act, OperatorLog};
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, dim, mark, safe};
use crate::surroundings::{now, wait_until_after};
use crate::time_text::instant;

pub(crate) async fn run(arguments: ClientsArguments, output: &Output) -> Result<Exit, Failure> {
    let node = Node::open(&arguments.action.config().config)?;
    match arguments.action {
        ClientsAction::List { community, all, limit, .. } => node.list(community.as_deref(), all, limit, output).await,
        ClientsAction::Show { client_id, .. } => node.show(&client_id, output).await,
        ClientsAction::Block { client_id, reason, .. } => node.block(&client_id, &reason, output).await,
        ClientsAction::Unblock { client_id, .. } => node.unblock(&client_id, output).await,
        ClientsAction::Revoke { which, .. } => node.revoke(&which, output).await,
    }
}

/// What to say about a configuration that names no store and log.
pub(super) fn unusable_configuration(file: &Path, report: &Report) -> Failure {
    let failure = Failure::usage("configuration", format!("{} is not a node's configuration", file.display()))
        .advise(format!("Look at it with: tessera check {}", file.display()));
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.fold(failure, |failure, finding| failure.because(format!("{}: {}", finding.key, finding.text)))
}

/// A node's store, where its audit log is, and the communities of its configuration.
struct Node {
    store: SqliteStore,
    log: PathBuf,
    communities: Vec<String>,
}

impl Node {
    fn open(config: &Path) -> Result<Self, Failure> {
        let (store, log) = config::paths(config).map_err(|report| unusable_configuration(config, &report))?;
        // Opening would make a new one, which is hardly meant.
        if !store.is_file() {
            return Err(Failure::new(
                Exit::SomethingFirst,
                "no-store",
                format!("there is no store {}", store.display()),
            )
            .advise("The node makes it at its first start."));
        }
        let settings = SqliteSettings { readers: 1, ..SqliteSettings::default() };
        let store = SqliteStore::open_existing(&store, &settings, now()).map_err(|error| {
            let problem = anyhow::Error::new(error).context(format!("the store {}", store.display()));
            Failure::from(problem).advise("Run this as the user who owns the node's files.")
        })?;
        Ok(Self { store, log, communities: configured_communities(config)? })
    }

    /// A community that the configuration has, or of which the store has registrations from a time when it had.
    async fn community(&self, text: &str) -> Result<CommunityId, Failure> {
        let community = CommunityId::parse(text).map_err(|error| Failure::usage("community", error.to_string()))?;
        let filter = ClientFilter {
            community: Some(community.clone()),
            with_cancelled: true,
            limit: Some(1),
            ..ClientFilter::default()
        };
        let is_configured = self.communities.iter().any(|known| known == community.as_str());
        if is_configured || !self.store.clients(&filter).await?.is_empty() {
            return Ok(community);
        }
        let message = format!("the configuration has no community {:?}", community.as_str());
        Err(Failure::new(Exit::NotFound, "no-such-community", message)
            .advise(format!("It has: {}", self.communities.join(", "))))
    }

    async fn list(&self, community: Option<&str>, all: bool, limit: u32, output: &Output) -> Result<Exit, Failure> {
        let community = match community {
            Some(community) => Some(self.community(community).await?),
            None => None,
        };
        let filter = ClientFilter {
            community,
            with_cancelled: all,
            // One more tells whether there are more.
            limit: Some(limit.saturating_add(1)),
            ..ClientFilter::default()
        };
        let found = self.store.clients(&filter).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        for registration in found.iter().take(limit) {
            output.object(&Client::of(registration))?;
            output.line(one_line(registration))?;
        }
        if found.is_empty() {
            output.line("no registrations")?;
        } else if found.len() > limit {
            output.beside_stdout().line(format!("the first {limit} are shown; --limit shows more"))?;
        }
        Ok(Exit::Done)
    }

    async fn show(&self, client_id: &str, output: &Output) -> Result<Exit, Failure> {
        let registration = self.client(client_id).await?;
        let client = Client::of(&registration);
        output.object(&client)?;
        output.line(one_line(&registration))?;
        show_client(&client, output)?;
        Ok(Exit::Done)
    }

    async fn block(&self, client_id: &str, reason: &str, output: &Output) -> Result<Exit, Failure> {
        if reason.trim().is_empty() || reason.len() > 1_000 {
            return Err(Failure::usage("reason", "the reason has 1 to 1000 bytes"));
        }
        let registration = self.client(client_id).await?;
        let mut log = self.audit()?;
        let at = now();
        let Some(blocked) = self.store.block(&registration.client_id, reason, at).await? else {
            return Err(nothing_to_do(&registration, "cannot be blocked"));
        };
        let action = AuditAction::ClientBlocked;
        let act = Act { action, at, client: Some(&blocked), notes: vec![format!("reason: {}", safe(reason))] };
        done(&mut log, &act, output, "blocked; its tokens are dead")
    }

    async fn unblock(&self, client_id: &str, output: &Output) -> Result<Exit, Failure> {
        let registration = self.client(client_id).await?;
        let mut log = self.audit()?;
        let at = now();
        let Some(unblocked) = self.store.unblock(&registration.client_id, at).await? else {
            return Err(nothing_to_do(&registration, "is not blocked"));
        };
        let act = Act { action: AuditAction::ClientUnblocked, at, client: Some(&unblocked), notes: Vec::new() };
        done(&mut log, &act, output, "may act again, with new tokens")
    }

    async fn revoke(&self, which: &RevokeTokens, output: &Output) -> Result<Exit, Failure> {
        let (which, client, told) = self.what_to_revoke(which).await?;
        let mut log = self.audit()?;
        let at = now();
        let registrations = self.store.revoke_tokens(which.clone(), at).await?;
        let notes = vec![format!("{told}; registrations concerned: {registrations}")];
        let act = Act { action: AuditAction::MassRevocation, at, client: client.as_ref(), notes };
        let correlation_id = record(&mut log, &act)?;
        {
            // Tokens are dated in whole seconds: one that is issued in this one would be taken for an earlier one.
            let _waiting = output.wait("waiting for the second to end");
            wait_until_after(at).await;
        }
        output.object(&RevokedTokens {
            done: Done {
                action: act.action.code(),
                client: client.as_ref().map(Client::of),
                correlation_id: &correlation_id,
            },
            revoked: Revoked::of(&which),
            registrations,
        })?;
        output.line(format!("{} {told} are dead", mark(CheckOutcome::Passed)))?;
        output.field("registrations", registrations.to_string())?;
        if registrations == 0 && matches!(which, MassRevocation::Certificate(_)) {
            output.notes([&"no registration was made with this certificate; look at its SHA-256".to_owned()])?;
        }
        output.field("recorded as", &correlation_id)?;
        Ok(Exit::Done)
    }

    /// What the store is told, the client where it is one, and the same in words.
    async fn what_to_revoke(
        &self,
        which: &RevokeTokens,
    ) -> Result<(MassRevocation, Option<Registration>, String), Failure> {
        if let Some(client_id) = &which.client {
            let client = self.client(client_id).await?;
            let told = format!("all tokens of the client {}", client.client_id);
            return Ok((MassRevocation::Client(client.client_id.clone()), Some(client), told));
        }
        if let Some(community) = &which.community {
            let community = self.community(community).await?;
            let told = format!("all tokens of the community {community}");
            return Ok((MassRevocation::Community(community), None, told));
        }
        let text = which.certificate.as_deref().unwrap_or_default();
        let plain: String = text.chars().filter(|character| *character != ':').collect();
        let digest = CertificateDigest::parse(&plain.to_ascii_lowercase()).ok_or_else(|| {
            Failure::usage("certificate", "this is not the SHA-256 of a certificate")
                .advise("openssl x509 -in CERTIFICATE -outform DER | sha256sum")
        })?;
        Ok((MassRevocation::Certificate(digest), None, format!("all tokens of the certificate {digest}")))
    }

    async fn client(&self, client_id: &str) -> Result<Registration, Failure> {
        let unknown = || Failure::new(Exit::NotFound, "not-found", format!("there is no client {client_id:?}"));
        let client_id = ClientId::parse(client_id).map_err(|_| unknown())?;
        let filter = ClientFilter { client_id: Some(client_id), with_cancelled: true, ..ClientFilter::default() };
        let found = self.store.clients(&filter).await?;
        found.into_iter().next().ok_or_else(unknown)
    }

    fn audit(&self) -> Result<OperatorLog, Failure> {
        OperatorLog::open(&self.log).map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                "audit",
                format!("nothing was done: {} cannot be written", self.log.display()),
            )
            .because(error.to_string())
        })
    }
}

/// What was done, as programs read it.
#[derive(Serialize)]
struct Done<'a> {
    action: &'static str,
    client: Option<Client<'a>>,
    /// Finds the act again with `tessera explain`.
    correlation_id: &'a str,
}

/// A revocation of many tokens, as programs read it.
#[derive(Serialize)]
struct RevokedTokens<'a> {
    #[serde(flatten)]
    done: Done<'a>,
    revoked: Revoked<'a>,
    /// How many registrations had such tokens, or could have had.
    registrations: u64,
}

/// Whose tokens were revoked.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Revoked<'a> {
    Client(&'a str),
    Community(&'a str),
    Certificate(String),
}

impl<'a> Revoked<'a> {
    fn of(which: &'a MassRevocation) -> Self {
        match which {
            MassRevocation::Client(id) => Self::Client(id.as_str()),
            MassRevocation::Community(id) => Self::Community(id.as_str()),
            MassRevocation::Certificate(digest) => Self::Certificate(digest.to_string()),
        }
    }
}

fn done(log: &mut OperatorLog, act: &Act<'_>, output: &Output, told: &str) -> Result<Exit, Failure> {
    let correlation_id = record(log, act)?;
    output.object(&Done {
        action: act.action.code(),
        client: act.client.map(Client::of),
        correlation_id: &correlation_id,
    })?;
    let who = act.client.map(|client| format!("{} ", client.client_id)).unwrap_or_default();
    output.line(format!("{} {who}{told}", mark(CheckOutcome::Passed)))?;
    output.field("recorded as", &correlation_id)?;
    Ok(Exit::Done)
}

/// Records what was done; answers the event's correlation id.
fn record(log: &mut OperatorLog, act: &Act<'_>) -> Result<String, Failure> {
    let id = log.record(act).map_err(|error| {
        Failure::new(Exit::Unexpected, "audit", "it was done, but could not be recorded in the audit log")
            .because(error.to_string())
            .advise("Note it by hand, and look at the disk.")
    })?;
    Ok(id.to_string())
}

fn nothing_to_do(registration: &Registration, told: &str) -> Failure {
    let status = status_word(&registration.status);
    Failure::new(Exit::NotFound, "status", format!("{} {told}: it is {status}", registration.client_id))
}

/// The URIs of a configuration's communities. Whether all else in it holds does not matter here.
fn configured_communities(config: &Path) -> Result<Vec<String>, Failure> {
    let raw: RawConfig = toml::from_str(&std::fs::read_to_string(config)?)
        .map_err(|error| Failure::usage("configuration", error.to_string()))?;
    Ok(raw.communities.into_iter().map(|community| community.uri).collect())
}

/// A registration as programs read it.
#[derive(Serialize)]
struct Client<'a> {
    client_id: &'a str,
    status: &'static str,
    group: &'a str,
    community: &'a str,
    client_uri: &'a str,
    client_name: &'a str,
    contacts: &'a [String],
    grant_types: Vec<&'static str>,
    scope: String,
    version: u64,
    created_at: String,
    changed_at: String,
    certificate_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_because: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

impl<'a> Client<'a> {
    fn of(registration: &'a Registration) -> Self {
        let (blocked_because, ended_at) = match &registration.status {
            RegistrationStatus::Active => (None, None),
            RegistrationStatus::Blocked { reason, at } => (Some(reason.as_str()), Some(instant(*at))),
            RegistrationStatus::Cancelled { at } => (None, Some(instant(*at))),
        };
        Self {
            client_id: registration.client_id.as_str(),
            status: status_word(&registration.status),
            group: registration.group.as_str(),
            community: registration.community.as_str(),
            client_uri: registration.client_uri.as_str(),
            client_name: &registration.client_name,
            contacts: &registration.contacts,
            grant_types: registration.grant_types.iter().map(|grant: &GrantType| grant.as_str()).collect(),
            scope: registration.scope.to_string(),
            version: registration.version,
            created_at: instant(registration.created_at),
            changed_at: instant(registration.changed_at),
            certificate_sha256: registration.certificate.to_string(),
            blocked_because,
            ended_at,
        }
    }
}

fn status_word(status: &RegistrationStatus) -> &'static str {
    match status {
        RegistrationStatus::Active => "active",
        RegistrationStatus::Blocked { .. } => "blocked",
        RegistrationStatus::Cancelled { .. } => "cancelled",
    }
}

fn one_line(registration: &Registration) -> String {
    let outcome = match registration.status {
        RegistrationStatus::Active => CheckOutcome::Passed,
        RegistrationStatus::Blocked { .. } => CheckOutcome::Failed,
        RegistrationStatus::Cancelled { .. } => CheckOutcome::Warned,
    };
    format!(
        "{} {}  {}  {}  {}",
        mark(outcome),
        bold(registration.client_id.as_str()),
        safe(&registration.client_name).replace('\n', " "),
        registration.client_uri,
        dim(format!("{} {}", status_word(&registration.status), registration.community)),
    )
}

fn show_client(client: &Client<'_>, output: &Output) -> Result<(), Failure> {
    output.field("status", client.status)?;
    if let Some(reason) = client.blocked_because {
        output.field("because", safe(reason))?;
    }
    if let Some(at) = &client.ended_at {
        output.field("since", at)?;
    }
    output.field("bases of group", client.group)?;
    output.field("community", client.community)?;
    output.field("client URI", client.client_uri)?;
    output.field("contacts", safe(&client.contacts.join(" ")))?;
    output.field("grants", client.grant_types.join(" "))?;
    output.field("scopes", &client.scope)?;
    output.field("version", client.version.to_string())?;
    output.field("created", &client.created_at)?;
    output.field("changed", &client.changed_at)?;
    output.field("certificate (SHA-256)", &client.certificate_sha256)?;
    Ok(())
}
