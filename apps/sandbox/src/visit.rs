//! The visit: an app that the data holder has never met discovers it, registers, takes a token and reads.
//!
//! Everything goes by the client role and real TLS; what a person does with `tessera discover`, `register`, `token` and
//! `get` is done here in one go.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Deserialize;
use tessera_client::check::CheckOutcome;
use tessera_client::discovery::DataHolder;
use tessera_client::identity::ClientIdentity;
use tessera_client::ports::HttpResponse;
use tessera_client::registration::{AppDescription, ClientRegistration};
use tessera_client::token::{Grant, TokenWish};
use tessera_client::{Client, error::ClientError};
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::scope::ScopeSet;

use crate::apps::{CONTACT, NAME, ORGANIZATION, PURPOSE, SCOPE};
use crate::faults;
use crate::steps::{Step, Steps, VisitReport};
use crate::surroundings::{action, now};
use crate::world::{Fhir, World};

/// How many patients the sample data must show; another FHIR server must show one.
const PATIENTS: usize = 50;
/// Patients asked for at a time.
const PAGE: usize = 25;
/// A FHIR server that keeps giving pages is not read on and on.
const PAGES: usize = 40;

/// Runs the visit, and after it what must be refused.
///
/// # Errors
/// When the visitor cannot be set up at all; a step that fails is in the report.
pub(crate) async fn run(
    world: &World,
    with_faults: bool,
    observer: &mut (dyn FnMut(&Step) + Send),
) -> Result<VisitReport> {
    let mut visit = Visit {
        world,
        client: world.client()?,
        identity: world.visitor.identity(world.visitors_community().id())?,
        steps: Steps::new(observer),
        client_id: None,
        patients: 0,
    };
    if let Some((holder, registration)) = visit.run().await
        && with_faults
    {
        faults::run(world, &holder, registration.client_id(), &mut visit.steps).await?;
    }
    let report = VisitReport { steps: visit.steps.into_steps(), client_id: visit.client_id, patients: visit.patients };
    world.remember(&report.steps);
    Ok(report)
}

struct Visit<'a> {
    world: &'a World,
    client: Client,
    identity: ClientIdentity,
    steps: Steps<'a>,
    client_id: Option<String>,
    patients: usize,
}

impl Visit<'_> {
    /// The steps in their order, until one fails.
    async fn run(&mut self) -> Option<(DataHolder, ClientRegistration)> {
        let discovery = discover(&self.client, self.world);
        let requirements = ["DISC-1", "COMM-1", "SMD-9", "CHAIN-1", "META-1"];
        let holder = self.steps.take("discover", &requirements, discovery).await?;

        let registering = register(&self.client, &holder, &self.identity);
        let requirements = ["DCR-1", "DCR-3", "DCR-18", "DCR-19"];
        let registration = self.steps.take("register", &requirements, registering).await?;
        self.client_id = Some(registration.client_id().as_str().to_owned());

        let asking = token(&self.client, &holder, &self.identity, &registration);
        let requirements = ["AUTHN-1", "B2B-2", "TOKEN-2", "TOKEN-4"];
        let grant = self.steps.take("token", &requirements, asking).await?;

        let at_least = match self.world.fhir {
            Fhir::Sample => PATIENTS,
            Fhir::Other(_) => 1,
        };
        let searching = search(&self.client, &holder, &grant, at_least);
        let ids = self.steps.take("search", &["TOKEN-9"], searching).await?;
        self.patients = ids.len();

        let reading = read(&self.client, &holder, &grant, &ids);
        self.steps.take("read", &["TOKEN-9"], reading).await?;
        Some((holder, registration))
    }
}

async fn discover(client: &Client, world: &World) -> Result<(DataHolder, String)> {
    let community = world.visitors_community().id();
    let discovery = client.discover(&world.base, Some(community), now()).await;
    let passed = discovery.checks.iter().filter(|check| check.outcome == CheckOutcome::Passed).count();
    let holder = discovery.result?;
    let detail = format!(
        "{} proved itself in {} ({passed} of {} checks passed)",
        holder.base().as_str(),
        holder.community(),
        discovery.checks.len()
    );
    Ok((holder, detail))
}

async fn register(
    client: &Client,
    holder: &DataHolder,
    identity: &ClientIdentity,
) -> Result<(ClientRegistration, String)> {
    let app = AppDescription::new(NAME, vec![CONTACT.to_owned()], ScopeSet::parse(SCOPE)?);
    let registered = client.register(holder, identity, &app, None, &action()).await.map_err(advised)?;
    let registration = registered.registration.context("the data holder cancelled the registration")?;
    let detail = format!(
        "{} is {} there, for {}",
        identity.uri().as_str(),
        registration.client_id().as_str(),
        registration.scope()
    );
    Ok((registration, detail))
}

async fn token(
    client: &Client,
    holder: &DataHolder,
    identity: &ClientIdentity,
    registration: &ClientRegistration,
) -> Result<(Grant, String)> {
    let wish = TokenWish { scope: ScopeSet::parse(SCOPE)?, context: business_context() };
    let context = action();
    let grant = client.token(holder, identity, registration, &wish, &context).await.map_err(advised)?;
    let detail = format!("for treatment, {}, {} s", grant.scope, grant.expires_at.since(context.now).as_secs());
    Ok((grant, detail))
}

/// In whose name and why the visitor asks.
pub(crate) fn business_context() -> B2bExtension {
    B2bExtension {
        subject_name: None,
        subject_id: None,
        subject_role: None,
        organization_name: Some("Visiting clinic".to_owned()),
        organization_id: ORGANIZATION.to_owned(),
        purpose_of_use: vec![PURPOSE.to_owned()],
        consent_policy: None,
        consent_reference: None,
    }
}

async fn search(
    client: &Client,
    holder: &DataHolder,
    grant: &Grant,
    at_least: usize,
) -> Result<(BTreeSet<String>, String)> {
    let mut ids = BTreeSet::new();
    let mut reference = format!("Patient?_count={PAGE}");
    let mut pages = 0;
    loop {
        let answer = get(client, holder, grant, &reference).await?;
        let bundle: Bundle = serde_json::from_slice(&answer.body).context("the answer is not a Bundle")?;
        ensure!(bundle.resource_type == "Bundle", "the answer is not a Bundle");
        let before = ids.len();
        ids.extend(bundle.patients().map(str::to_owned));
        pages += 1;
        let Some(next) = bundle.next(ids.len()) else {
            break;
        };
        // A page that brings nothing new will not be followed by one that does.
        if pages == PAGES || ids.len() == before {
            break;
        }
        reference = next;
    }
    ensure!(ids.len() >= at_least, "only {} patients were found, {at_least} should be there", ids.len());
    let detail = format!("{} patients through the gateway, on {pages} pages", ids.len());
    Ok((ids, detail))
}

async fn read(client: &Client, holder: &DataHolder, grant: &Grant, ids: &BTreeSet<String>) -> Result<((), String)> {
    let id = ids.first().context("there is no patient")?;
    let answer = get(client, holder, grant, &format!("Patient/{id}")).await?;
    let patient: Resource = serde_json::from_slice(&answer.body).context("the answer is not a resource")?;
    ensure!(patient.resource_type == "Patient" && patient.id.as_deref() == Some(id), "the answer is another resource");
    Ok(((), format!("Patient/{id}, {} bytes", answer.body.len())))
}

async fn get(client: &Client, holder: &DataHolder, grant: &Grant, reference: &str) -> Result<HttpResponse> {
    client.get(holder.base(), reference, &grant.token).await.map_err(advised)
}

/// The error with what can be done about it.
pub(crate) fn advised(error: ClientError) -> anyhow::Error {
    let advice = error.advice();
    anyhow!("{:#}. {advice}", anyhow::Error::new(error))
}

/// What is read of a search's answer.
#[derive(Debug, Deserialize)]
struct Bundle {
    #[serde(rename = "resourceType")]
    resource_type: String,
    total: Option<usize>,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Link {
    relation: String,
    url: String,
}

#[derive(Debug, Deserialize)]
struct Entry {
    resource: Option<Resource>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    #[serde(rename = "resourceType")]
    resource_type: String,
    id: Option<String>,
}

impl Bundle {
    /// The ids of the patients on this page.
    fn patients(&self) -> impl Iterator<Item = &str> {
        self.entry
            .iter()
            .filter_map(|entry| entry.resource.as_ref())
            .filter(|resource| resource.resource_type == "Patient")
            .filter_map(|resource| resource.id.as_deref())
    }

    /// What to ask for next, `found` patients being known; none when this was the last page.
    ///
    /// A server that pages gives a link. One that does not, and whose page was full or whose total says that there is
    /// more, is asked by `_offset`, which many such servers know.
    ///
    /// Source: FHIR R4 `http.html#paging`
    fn next(&self, found: usize) -> Option<String> {
        let link = self.link.iter().find(|link| link.relation == "next");
        if let Some(link) = link {
            return Some(link.url.clone());
        }
        let has_links = self.link.iter().any(|link| link.relation != "self");
        let is_full = self.patients().count() >= PAGE;
        let has_more = self.total.map_or(is_full, |total| found < total && found > 0);
        (has_more && !has_links).then(|| format!("Patient?_count={PAGE}&_offset={found}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bundle(entries: usize, rest: serde_json::Value) -> Bundle {
        let entry: Vec<_> = (0..entries)
            .map(|id| json!({"resource": {"resourceType": "Patient", "id": format!("p{id}")}}))
            .chain([json!({"resource": {"resourceType": "OperationOutcome"}}), json!({})])
            .collect();
        let mut bundle = json!({"resourceType": "Bundle", "entry": entry});
        for (name, value) in rest.as_object().unwrap() {
            bundle[name] = value.clone();
        }
        serde_json::from_value(bundle).unwrap()
    }

    #[test]
    fn follows_links_where_there_are_some() {
        let links =
            |relation: &str| json!({"link": [{"relation": relation, "url": "https://h.example/x"}], "total": 60});
        assert_eq!(bundle(25, links("next")).next(25).as_deref(), Some("https://h.example/x"));
        assert_eq!(bundle(25, links("previous")).next(25), None, "a last page");
    }

    #[test]
    fn counts_on_where_there_are_none() {
        let next = Some("Patient?_count=25&_offset=25".to_owned());
        assert_eq!(bundle(25, json!({})).next(25), next);
        assert_eq!(bundle(25, json!({"total": 60})).next(25), next);
        assert_eq!(bundle(25, json!({"total": 25})).next(25), None);
        assert_eq!(bundle(3, json!({})).next(28), None);
        assert_eq!(bundle(0, json!({"total": 60})).next(0), None, "nothing came, nothing will");
    }

    #[test]
    fn counts_patients_only() {
        assert_eq!(bundle(3, json!({})).patients().count(), 3);
    }
}
