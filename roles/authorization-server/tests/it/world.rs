//! Two communities, a data holder with two bases in one group and a third in another, and apps that visit it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tessera_authorization_server::context::{CorrelationId, RequestContext};
use tessera_authorization_server::policy::{B2bRules, CommunityPolicy, ScopeGrants};
use tessera_authorization_server::rejection::Refusal;
use tessera_authorization_server::settings::{
    Base, BaseCommunity, BaseName, Group, GroupName, ResourceServer, ServerSettings, UnknownCommunity,
};
use tessera_authorization_server::{
    AuthorizationServer, Introspection, Ports, PresentedCredentials, RegistrationAnswer, TokenAnswer,
};
use tessera_jose::algorithm::Algorithm;
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::SigningKey;
use tessera_trust::{CommunityId, UnixTime};
use tessera_udap::edition::Edition;
use tessera_udap::form::{Parameters, write_form};
use tessera_udap::ids::{BaseUrl, ClientUri, EndpointUrl};
use tessera_udap::scope::ScopeSet;

use crate::pki::{Ca, Identity, p256, rsa};
use crate::ports::{Audit, Communities, Memory};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const APP: &str = "https://app.example/udap";
pub(crate) const RED: &str = "https://red.example/community";
pub(crate) const BLUE: &str = "https://blue.example/community";
pub(crate) const SCOPES: &str = "system/Patient.read system/Observation.read system/*.read";

pub(crate) struct World {
    pub(crate) server: AuthorizationServer,
    pub(crate) memory: Arc<Memory>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) red: Arc<Ca>,
    pub(crate) blue: Arc<Ca>,
    requests: AtomicU32,
}

/// Settings and all that it takes to start from them.
pub(crate) struct Plan {
    pub(crate) settings: ServerSettings,
    pub(crate) red: Arc<Ca>,
    pub(crate) blue: Arc<Ca>,
}

pub(crate) fn community(text: &str) -> CommunityId {
    CommunityId::parse(text).unwrap()
}

pub(crate) fn base_name(text: &str) -> BaseName {
    BaseName::parse(text).unwrap()
}

pub(crate) fn group_name(text: &str) -> GroupName {
    GroupName::parse(text).unwrap()
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

pub(crate) fn url(path: &str) -> String {
    format!("https://holder.example/{path}")
}

fn endpoint(path: &str) -> EndpointUrl {
    EndpointUrl::parse(&url(path)).unwrap()
}

pub(crate) fn policy() -> CommunityPolicy {
    CommunityPolicy {
        edition: Edition::Stu2,
        scopes_supported: scopes(SCOPES),
        scope_grants: ScopeGrants::default(),
        algorithms: [Algorithm::Rs256, Algorithm::Es256].into_iter().collect(),
        b2b: B2bRules::default(),
        access_token_lifetime: Duration::from_secs(900),
    }
}

impl Plan {
    pub(crate) fn new() -> Self {
        let red = Arc::new(Ca::new("Red Root"));
        let blue = Arc::new(Ca::new("Blue Root"));
        let base = |name: &str, group: &str, cas: &[(&str, &Ca)]| Base {
            name: base_name(name),
            group: group_name(group),
            base_url: BaseUrl::parse(&url(name)).unwrap(),
            token_endpoint: endpoint(&format!("{name}/token")),
            introspection_endpoint: endpoint(&format!("{name}/introspect")),
            revocation_endpoint: endpoint(&format!("{name}/revoke")),
            jwks_uri: endpoint("jwks"),
            communities: cas
                .iter()
                .map(|(id, ca)| {
                    let identity = ca.issue(&[&url(name)], rsa());
                    BaseCommunity { community: community(id), chain: identity.certificates(), key: identity.key }
                })
                .collect(),
            unknown_community: UnknownCommunity::NoContent,
            resource_servers: vec![ResourceServer {
                community: community(RED),
                client_uri: ClientUri::parse("https://rs.example/udap").unwrap(),
            }],
        };
        let group =
            |name: &str| Group { name: group_name(name), registration_endpoint: endpoint(&format!("register/{name}")) };
        let mut off = base("off", "main", &[]);
        off.resource_servers.clear();
        let settings = ServerSettings::new(
            vec![group("main"), group("annex")],
            vec![
                base("r4", "main", &[(RED, &red), (BLUE, &blue)]),
                base("lab", "main", &[(RED, &red)]),
                base("annex", "annex", &[(RED, &red)]),
                off,
            ],
            HashMap::from([(community(RED), policy()), (community(BLUE), policy())]),
            p256(),
        );
        Self { settings, red, blue }
    }

    pub(crate) fn with_policy(mut self, change: impl FnOnce(&mut CommunityPolicy)) -> Self {
        change(self.settings.communities.get_mut(&community(RED)).unwrap());
        self
    }

    pub(crate) fn start(self) -> World {
        let memory = Arc::new(Memory::default());
        let audit = Arc::new(Audit::default());
        let ports = Ports {
            registrations: memory.clone(),
            replays: memory.clone(),
            revocations: memory.clone(),
            trust: Arc::new(Communities(vec![
                self.red.community(&community(RED)),
                self.blue.community(&community(BLUE)),
            ])),
            audit: audit.clone(),
        };
        let now = UnixTime::from_secs(NOW);
        World {
            server: AuthorizationServer::new(self.settings, ports, now, [9; 32]).unwrap(),
            memory,
            audit,
            red: self.red,
            blue: self.blue,
            requests: AtomicU32::new(0),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Plan::new().start()
    }

    /// The context of the next request, `after` seconds from the beginning.
    pub(crate) fn at(&self, after: u64) -> RequestContext {
        let number = self.requests.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let mut entropy = [0; 32];
        entropy[..4].copy_from_slice(&number);
        entropy[28..].copy_from_slice(&number);
        RequestContext {
            now: UnixTime::from_secs(NOW + after),
            correlation_id: CorrelationId::from_random([number[3]; 12]),
            entropy,
            peer: None,
        }
    }

    pub(crate) fn now(&self) -> RequestContext {
        self.at(0)
    }

    pub(crate) fn app(&self) -> App {
        App::new(self.red.issue(&[APP], p256()))
    }

    pub(crate) async fn register(&self, statement: &Jwt) -> Result<RegistrationAnswer, Refusal> {
        self.register_at("main", statement, &self.now()).await
    }

    pub(crate) async fn register_at(
        &self,
        group: &str,
        statement: &Jwt,
        context: &RequestContext,
    ) -> Result<RegistrationAnswer, Refusal> {
        let body = json!({"software_statement": statement.sign(), "udap": "1"}).to_string();
        self.server.register(&group_name(group), body.as_bytes(), context).await
    }

    /// An app that is registered with every supported scope.
    pub(crate) async fn registered(&self) -> App {
        let mut app = self.app();
        app.client_id = self.client_id(&app.statement()).await;
        app
    }

    pub(crate) async fn client_id(&self, statement: &Jwt) -> String {
        let answer = self.register(statement).await.unwrap();
        answer.response.client_id.as_str().to_owned()
    }

    pub(crate) async fn token(&self, assertion: &Jwt) -> Result<TokenAnswer, Refusal> {
        self.token_with(&token_form(assertion, "system/Patient.read")).await
    }

    pub(crate) async fn token_with(&self, form: &Form) -> Result<TokenAnswer, Refusal> {
        self.token_at("r4", form, &self.now()).await
    }

    pub(crate) async fn token_at(
        &self,
        base: &str,
        form: &Form,
        context: &RequestContext,
    ) -> Result<TokenAnswer, Refusal> {
        self.server.token(&base_name(base), &form.read(), PresentedCredentials::default(), context).await
    }

    pub(crate) async fn introspect(&self, caller: &App, token: &str, after: u64) -> Result<Introspection, Refusal> {
        let form = caller.form_about(token, &url("r4/introspect"), after);
        self.server.introspect(&base_name("r4"), &form.read(), PresentedCredentials::default(), &self.at(after)).await
    }

    pub(crate) async fn revoke(&self, caller: &App, token: &str) -> Result<(), Refusal> {
        let form = caller.form_about(token, &url("r4/revoke"), 0);
        self.server.revoke(&base_name("r4"), &form.read(), PresentedCredentials::default(), &self.now()).await
    }
}

/// An app with its certificate and, once registered, its client_id.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) identity: Identity,
    pub(crate) client_id: String,
}

impl App {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity, client_id: String::new() }
    }

    pub(crate) fn statement(&self) -> Jwt {
        self.statement_of(APP)
    }

    pub(crate) fn statement_of(&self, uri: &str) -> Jwt {
        self.jwt(json!({
            "iss": uri,
            "sub": uri,
            "aud": url("register/main"),
            "iat": NOW,
            "exp": NOW + 300,
            "jti": new_jti(),
            "client_name": "Visiting App",
            "contacts": ["mailto:team@app.example"],
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "scope": SCOPES,
        }))
    }

    pub(crate) fn assertion(&self) -> Jwt {
        self.assertion_for(&url("r4/token"), 0)
    }

    pub(crate) fn assertion_for(&self, audience: &str, after: u64) -> Jwt {
        self.jwt(json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": NOW + after,
            "exp": NOW + after + 300,
            "jti": new_jti(),
            "extensions": {"hl7-b2b": {
                "version": "1",
                "organization_id": "https://clinic.example",
                "organization_name": "Clinic",
                "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
            }},
        }))
    }

    fn form_about(&self, token: &str, audience: &str, after: u64) -> Form {
        Form::new(&[
            ("token", token),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &self.assertion_for(audience, after).sign()),
            ("udap", "1"),
        ])
    }

    fn jwt(&self, claims: Value) -> Jwt {
        Jwt { claims, key: self.identity.key.clone(), chain: self.identity.chain.clone() }
    }
}

fn new_jti() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("jti-{}", NEXT.fetch_add(1, Ordering::SeqCst))
}

/// A valid JWT before the test breaks one property of it.
#[derive(Clone)]
pub(crate) struct Jwt {
    pub(crate) claims: Value,
    pub(crate) key: Arc<dyn SigningKey>,
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Jwt {
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    /// With one member of the `hl7-b2b` object set, or taken away by `null`.
    pub(crate) fn with_b2b(mut self, name: &str, value: impl Into<Value>) -> Self {
        let object = self.claims["extensions"]["hl7-b2b"].as_object_mut().unwrap();
        match value.into() {
            Value::Null => object.remove(name),
            value => object.insert(name.to_owned(), value),
        };
        self
    }

    pub(crate) fn signed_by(mut self, key: Arc<dyn SigningKey>) -> Self {
        self.key = key;
        self
    }

    pub(crate) fn sign(&self) -> String {
        let header = HeaderTemplate::new(self.key.algorithm()).x5c(&self.chain).build();
        sign(&header, self.claims.to_string().as_bytes(), self.key.as_ref()).unwrap()
    }
}

/// A form before it is written.
#[derive(Clone)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn new(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(pairs.iter().map(owned).collect())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn read(&self) -> Parameters {
        let pairs: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Parameters::read(write_form(&pairs).as_bytes()).unwrap()
    }
}

pub(crate) fn token_form(assertion: &Jwt, scope: &str) -> Form {
    Form::new(&[
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion.sign()),
        ("udap", "1"),
    ])
}

/// The claims of one of our JWTs, unverified.
pub(crate) fn claims_of(jwt: &str) -> Value {
    let payload = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&tessera_jose::base64url_decode(payload).unwrap()).unwrap()
}

/// What a refusal says: OAuth code and reason.
pub(crate) fn told<T>(result: Result<T, Refusal>) -> (String, &'static str) {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(refusal) => (refusal.error().code.as_str().to_owned(), refusal.reason_code()),
    }
}

/// The OAuth code of a refusal.
pub(crate) fn code<T>(result: Result<T, Refusal>) -> String {
    told(result).0
}
