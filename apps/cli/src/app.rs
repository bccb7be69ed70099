//! The app of a profile, on its way to one server: what every client command begins with.

use std::sync::Arc;

use tessera_client::check::Check;
use tessera_client::discovery::{DataHolder, Discovery, DiscoveryError};
use tessera_client::identity::ClientIdentity;
use tessera_client::registration::{AppDescription, ClientRegistration};
use tessera_client::token::TokenWish;
use tessera_client::{Client, ClientSettings};
use tessera_jose::json::{Object, Value};
use tessera_outbound::http::{FetchLimits, Fetcher};
use tessera_outbound::transport::ClientTransport;
use tessera_outbound::trust::{FetchPolicy, TrustEngine, TrustSettings};
use tessera_trust::CommunityId;
use tessera_udap::edition::UnknownCommunity;
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::ids::BaseUrl;
use tessera_udap::scope::ScopeSet;

use crate::arguments::{ContextArguments, ServerArguments};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::profile::identity::{self, CheckedProfile};
use crate::profile::{Profile, settings::ContextSettings};
use crate::surroundings::now;

/// A profile's app and the server that it is to talk to.
pub(crate) struct App {
    pub(crate) profile: Profile,
    pub(crate) identity: ClientIdentity,
    pub(crate) client: Client,
    pub(crate) base: BaseUrl,
    /// What certifiers signed about the app.
    certifications: Vec<String>,
    /// The communities to ask for: the one that was typed, else the profile's in their order.
    communities: Vec<CommunityId>,
}

/// A server whose metadata held, and every check that was made.
pub(crate) struct Discovered {
    pub(crate) holder: DataHolder,
    pub(crate) checks: Vec<Check>,
}

/// How much of the checks people see.
#[derive(Clone, Copy)]
enum Showing {
    EachCheck,
    /// One line, unless one of them is not as it must be.
    InBrief,
}

impl App {
    /// Opens the profile and prepares the way to the server; nothing is sent yet.
    pub(crate) fn open(server: &ServerArguments) -> Result<Self, Failure> {
        let base = BaseUrl::parse(&server.base_url).map_err(|error| {
            Failure::usage("base-url", format!("{:?} is not the base URL of a FHIR server", server.base_url))
                .because(error.to_string())
        })?;
        let profile = Profile::open(&server.profile.profile)?;
        let checked = identity::check(&profile.settings, &profile.folder)?;
        let communities = communities_to_ask(server.community.as_deref(), &checked, profile.folder.name())?;
        let client = client(&checked, &base)?;
        let CheckedProfile { identity, certifications, .. } = checked;
        Ok(Self { profile, identity, client, base, certifications, communities })
    }

    /// The community that is asked for first.
    pub(crate) fn community(&self) -> Option<&CommunityId> {
        self.communities.first()
    }

    /// Reads the server's metadata and judges them; one line tells that all is as it must be.
    ///
    /// Source: as [`App::discover_in_detail`]
    pub(crate) async fn discover(&self, output: &Output) -> Result<Discovered, Failure> {
        self.discover_showing(Showing::InBrief, output).await
    }

    /// Reads the server's metadata and judges them, showing each check.
    ///
    /// Where the server has nothing for the first community, the next one is asked for. A server of the guide's first
    /// edition says so by 404, which may as well mean that it has no UDAP support or knows no such parameter; therefore
    /// its plain document comes last.
    pub(crate) async fn discover_in_detail(&self, output: &Output) -> Result<Discovered, Failure> {
        self.discover_showing(Showing::EachCheck, output).await
    }

    async fn discover_showing(&self, showing: Showing, output: &Output) -> Result<Discovered, Failure> {
        let mut last = None;
        let mut is_plain_worth_a_try = false;
        for community in &self.communities {
            let discovery = self.discover_in(Some(community), showing, output).await?;
            match discovery.result {
                Err(DiscoveryError::NoMetadataForCommunity { answered, .. }) => {
                    is_plain_worth_a_try |= answered == UnknownCommunity::NotFound;
                    last = Some(discovery);
                }
                _ => return self.outcome(discovery),
            }
        }
        if is_plain_worth_a_try {
            last = Some(self.discover_in(None, showing, output).await?);
        }
        let no_community = || Err(Failure::usage("profile-invalid", "the profile has no community"));
        last.map_or_else(no_community, |discovery| self.outcome(discovery))
    }

    async fn discover_in(
        &self,
        community: Option<&CommunityId>,
        showing: Showing,
        output: &Output,
    ) -> Result<Discovery, Failure> {
        let discovery = {
            let _waiting = output.wait("reading the server's metadata and checking its certificate");
            self.client.discover(&self.base, community, now()).await
        };
        match showing {
            Showing::EachCheck => output.checks(&discovery.checks)?,
            Showing::InBrief => output.checks_in_brief(&discovery.checks, &self.command("discover", ""))?,
        }
        Ok(discovery)
    }

    fn outcome(&self, Discovery { checks, result }: Discovery) -> Result<Discovered, Failure> {
        let error = match result {
            Ok(holder) => return Ok(Discovered { holder, checks }),
            Err(error) => error,
        };
        // A server that speaks TLS alone answers nothing of use to who does not.
        let is_no_answer = matches!(error, DiscoveryError::Client(_) | DiscoveryError::NotMetadata { .. });
        let failure = Failure::from(error).after(checks);
        match self.base.as_str().strip_prefix("http://") {
            Some(rest) if is_no_answer => {
                Err(failure.advise(format!("The base was typed with http, and servers talk https: https://{rest}")))
            }
            _ => Err(failure),
        }
    }

    /// What is registered at this server.
    pub(crate) fn registration(&self, holder: &DataHolder) -> Result<ClientRegistration, Failure> {
        let registrations = self.profile.registrations()?;
        registrations.at(holder, &self.identity).cloned().ok_or_else(|| self.not_registered())
    }

    pub(crate) fn not_registered(&self) -> Failure {
        let message = format!("`{}` is not registered at {}", self.profile.folder.name(), self.base);
        Failure::new(Exit::SomethingFirst, "not-registered", message)
            .advise(format!("Register first: {}", self.command("register", " --scope \"SCOPES\"")))
    }

    /// How to type another command for the same server and profile.
    pub(crate) fn command(&self, name: &str, rest: &str) -> String {
        let profile = match self.profile.folder.name() {
            "default" => String::new(),
            name => format!(" --profile {name}"),
        };
        format!("tessera {name} {}{profile}{rest}", self.base)
    }

    /// How to type `tessera token`, with the context that the profile lacks.
    pub(crate) fn token_command(&self) -> String {
        let usual = &self.profile.settings.context;
        let is_known = usual.organization_id.is_some() && !usual.purposes.is_empty();
        self.command("token", if is_known { "" } else { " --organization-id URI --purpose CODE" })
    }

    /// What the app says of itself when it asks for these scopes.
    pub(crate) fn description(&self, scope: ScopeSet) -> AppDescription {
        let settings = &self.profile.settings;
        let app = AppDescription::new(settings.client_name.as_str(), settings.contacts.clone(), scope)
            .with_certifications(self.certifications.clone());
        match &settings.logo_uri {
            Some(logo_uri) => app.with_logo(logo_uri.as_str()),
            None => app,
        }
    }

    /// Which scopes to ask for, and in which context: from the command line, else as registered and as in the profile.
    pub(crate) fn wish(
        &self,
        scope: Option<&str>,
        context: &ContextArguments,
        registration: &ClientRegistration,
    ) -> Result<TokenWish, Failure> {
        let scope = match scope {
            Some(scope) => parse_scope(scope)?,
            None => registration.scope().clone(),
        };
        Ok(TokenWish { scope, context: b2b(context, &self.profile.settings.context)? })
    }
}

/// Reads scopes as typed.
pub(crate) fn parse_scope(text: &str) -> Result<ScopeSet, Failure> {
    // A person may type more than one space between two scopes, or a line break.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    ScopeSet::parse(&text).map_err(|error| {
        Failure::usage("scope", "the scopes are not as they should be")
            .because(error.to_string())
            .advise("Scopes look like `system/Patient.rs`, separated by spaces.")
    })
}

fn communities_to_ask(typed: Option<&str>, checked: &CheckedProfile, name: &str) -> Result<Vec<CommunityId>, Failure> {
    let known = checked.communities.iter().map(|(community, _)| community.id());
    let Some(typed) = typed else { return Ok(known.cloned().collect()) };
    let found: Vec<_> = known.filter(|id| id.as_str() == typed).cloned().collect();
    if found.is_empty() {
        let message = format!("the profile `{name}` has no community {typed:?}");
        let advice = "Add it to the profile, with its anchors and this app's certificate in it.";
        return Err(Failure::new(Exit::SomethingFirst, "no-such-community", message).advise(advice));
    }
    Ok(found)
}

fn client(checked: &CheckedProfile, base: &BaseUrl) -> Result<Client, Failure> {
    let connector = checked.connector()?;
    let policy = FetchPolicy { allow: checked.allow.clone(), ..FetchPolicy::default() };
    let watched = checked.communities.iter().map(|(community, _)| (community.clone(), policy.clone()));
    let fetcher = Arc::new(Fetcher::new(connector.clone(), FetchLimits::default()));
    let trust = TrustEngine::new(watched.collect(), fetcher, TrustSettings::default())
        .map_err(|error| Failure::usage("profile-invalid", error.to_string()))?;
    let transport = ClientTransport::new(connector, checked.allow.clone())
        .trusting(base.as_str())
        .map_err(|error| Failure::usage("base-url", format!("{base} cannot be called")).because(error.to_string()))?;
    let communities = checked.communities.iter().map(|(community, edition)| (community.id().clone(), *edition));
    let settings = ClientSettings::new(communities.collect());
    Ok(Client::new(settings, Arc::new(transport), Arc::new(trust)))
}

/// The `hl7-b2b` object; what was typed outranks the profile.
fn b2b(typed: &ContextArguments, usual: &ContextSettings) -> Result<B2bExtension, Failure> {
    let mut object = Object::new();
    object.insert("version", "1");
    let texts = [
        ("subject_name", &typed.subject_name, &usual.subject_name),
        ("subject_id", &typed.subject_id, &usual.subject_id),
        ("subject_role", &typed.subject_role, &usual.subject_role),
        ("organization_name", &typed.organization_name, &usual.organization_name),
        ("organization_id", &typed.organization_id, &usual.organization_id),
    ];
    for (name, typed, usual) in texts {
        if let Some(text) = typed.as_ref().or(usual.as_ref()) {
            object.insert(name, text.as_str());
        }
    }
    let purposes = if typed.purposes.is_empty() { &usual.purposes } else { &typed.purposes };
    if purposes.is_empty() || !object.contains("organization_id") {
        let message = "who asks, and what for, is not known";
        return Err(Failure::usage("context-missing", message).advise(
            "Give --organization-id URI and --purpose CODE here or to `tessera profile set`; the server's policy says which it takes.",
        ));
    }
    object.insert("purpose_of_use", purposes.clone());
    B2bExtension::read(&Value::from(object)).map_err(|error| {
        Failure::usage("context-invalid", "the context is not as it should be").because(error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> ContextArguments {
        ContextArguments {
            organization_id: None,
            organization_name: None,
            purposes: Vec::new(),
            subject_name: None,
            subject_id: None,
            subject_role: None,
        }
    }

    #[test]
    fn what_is_typed_outranks_the_profile() {
        let usual = ContextSettings {
            organization_id: Some("https://usual.example".to_owned()),
            purposes: vec!["A".to_owned()],
            subject_name: Some("Usual".to_owned()),
            ..ContextSettings::default()
        };
        let typed = ContextArguments { purposes: vec!["B".to_owned()], ..typed() };
        let context = b2b(&typed, &usual).unwrap();
        assert_eq!(context.organization_id, "https://usual.example");
        assert_eq!(context.purpose_of_use, ["B"]);
        assert_eq!(context.subject_name.as_deref(), Some("Usual"));
    }

    #[test]
    fn a_context_is_demanded_before_anything_is_sent() {
        assert_eq!(b2b(&typed(), &ContextSettings::default()).unwrap_err().exit(), Exit::Usage);
        let typed = ContextArguments {
            organization_id: Some("not a uri".to_owned()),
            purposes: vec!["A".to_owned()],
            ..typed()
        };
        assert!(b2b(&typed, &ContextSettings::default()).unwrap_err().causes()[0].contains("organization_id"));
    }

    #[test]
    fn scopes_may_be_typed_with_any_white_space() {
        assert_eq!(parse_scope(" system/Patient.rs \n  system/Observation.rs").unwrap().len(), 2);
        assert!(parse_scope("  ").is_err());
    }
}
