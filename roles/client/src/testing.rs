//! What tests stand on: two communities, a data holder in the first, a client in both, and a server that answers from a
//! table. Chains are judged by the real path search, with the communities' lists at hand.

use crate::context::ActionContext;
use crate::discovery::DataHolder;
use crate::identity::{ClientIdentity, Membership};
use crate::ports::{Http, HttpError, HttpRequest, HttpResponse, Trust};
use crate::registration::AppDescription;
use crate::token::TokenWish;
use crate::{Client, ClientSettings};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tessera_jose::json::{Limits, Object, Value, read_object};
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::{KeyKind, SigningKey, SoftwareKey};
use tessera_pki::{Authority, Issue, Profile, RevocationList, RevokedCertificate, SoftwareCaKey, Subject, Validity};
use tessera_trust::{
    Anchor, Budget, Certificate, CertificateChain, CertificateProfile, CommunityId, Crl, Evidence, Need, PathSearch,
    RevocationPolicy, Step, TrustCommunity, TrustRefusal, UnixTime, VerifiedChain,
};
use tessera_udap::edition::Edition;
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::form::Parameters;
use tessera_udap::ids::{BaseUrl, ClientUri};
use tessera_udap::scope::ScopeSet;

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const BASE: &str = "https://fhir.example/r4";
pub(crate) const TOKEN_URL: &str = "https://as.example/token";
pub(crate) const REGISTRATION_URL: &str = "https://as.example/register";
pub(crate) const CLIENT_URI: &str = "https://app.example/visitor";
pub(crate) const ONE: &str = "https://community.example/one?a=b";
pub(crate) const TWO: &str = "urn:oid:1.2.3.2";

pub(crate) fn id(text: &str) -> CommunityId {
    CommunityId::parse(text).unwrap()
}

pub(crate) fn base() -> BaseUrl {
    BaseUrl::parse(BASE).unwrap()
}

pub(crate) fn context() -> ActionContext {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    ActionContext { now: NOW, entropy: [NEXT.fetch_add(1, Ordering::Relaxed); 32] }
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// One RSA key for all tests: they take long to make.
static RSA: LazyLock<Arc<SoftwareKey>> = LazyLock::new(|| Arc::new(SoftwareKey::generate(KeyKind::Rsa).unwrap()));

/// A community of one root.
pub(crate) struct Community {
    pub(crate) id: CommunityId,
    authority: Authority,
    revoked: RevocationList,
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Certified {
    pub(crate) key: Arc<dyn SigningKey>,
    pub(crate) ders: Vec<Vec<u8>>,
}

impl Community {
    pub(crate) fn new(name: &str) -> Self {
        let key = Arc::new(SoftwareCaKey::generate(tessera_pki::KeyKind::P256).unwrap());
        let authority = Authority::root(Subject::new("Test", name), validity(), entropy(), key).unwrap();
        Self { id: id(name), authority, revoked: RevocationList::default() }
    }

    pub(crate) fn certify(&self, uri: &str, key: Arc<dyn SigningKey>, validity: Validity) -> Certified {
        let profile = Profile::Member { uris: vec![uri.to_owned()] };
        let mut issue = Issue::new(Subject::new("Test", uri), key.public_key(), profile, validity, entropy());
        issue.crl_urls = vec![self.crl_url()];
        Certified { key, ders: vec![self.authority.issue(&issue).unwrap()] }
    }

    pub(crate) fn revoke(&mut self, certified: &Certified) {
        let serial = Certificate::from_der(&certified.ders[0]).unwrap().serial_hex();
        let digits: Vec<u8> = serial.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
        let serial: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        self.revoked.revoke(&serial, RevokedCertificate { at: NOW, reason: tessera_pki::Reason::KeyCompromise });
    }

    fn crl_url(&self) -> String {
        format!("http://crl.example/{}", self.id.as_str().len())
    }

    fn trusted(&self) -> TrustCommunity {
        let root = Arc::new(Certificate::from_der(self.authority.certificate()).unwrap());
        let anchors = vec![Anchor::new(root).unwrap()];
        TrustCommunity::new(
            self.id.clone(),
            anchors,
            vec![],
            CertificateProfile::default(),
            RevocationPolicy::RequireStatus,
        )
        .unwrap()
    }
}

fn validity() -> Validity {
    Validity::starting(NOW.minus(HOUR), 1000 * HOUR)
}

fn entropy() -> [u8; 16] {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    [NEXT.fetch_add(1, Ordering::Relaxed); 16]
}

/// The real path search over communities whose lists are at hand.
pub(crate) struct ListedTrust {
    communities: Vec<TrustCommunity>,
    lists: HashMap<String, Arc<Crl>>,
}

impl ListedTrust {
    pub(crate) fn new(communities: &mut [&mut Community]) -> Self {
        let mut lists = HashMap::new();
        for community in communities.iter_mut() {
            let list = community.authority.crl(&mut community.revoked, NOW.minus(HOUR), NOW.plus(100 * HOUR)).unwrap();
            lists.insert(community.crl_url(), Arc::new(Crl::from_der(&list).unwrap()));
        }
        Self { communities: communities.iter().map(|community| community.trusted()).collect(), lists }
    }
}

#[async_trait]
impl Trust for ListedTrust {
    async fn verify_chain(
        &self,
        chain: &CertificateChain,
        communities: &[CommunityId],
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal> {
        let mut refusals = Vec::new();
        for id in communities {
            let community = self.communities.iter().find(|community| community.id() == id).unwrap();
            let mut search = PathSearch::new(community, chain, now, Budget::default());
            let mut evidence = Evidence::new();
            loop {
                match search.advance(&evidence) {
                    Step::Accepted(verified) => return Ok(verified),
                    Step::Refused(refusal) => break refusals.push(refusal),
                    Step::Need(needs) => {
                        for url in needs.iter().map(Need::url) {
                            evidence.supply_cached_crl(
                                url,
                                self.lists.get(url).cloned().ok_or_else(|| "no list".to_owned()),
                            );
                        }
                    }
                }
            }
        }
        Err(TrustRefusal::merge(refusals))
    }
}

type Answers = Box<dyn FnMut(&HttpRequest) -> HttpResponse + Send>;

/// A server that answers by URL and remembers what it was sent.
#[derive(Default)]
pub(crate) struct TableHttp {
    answers: Mutex<HashMap<String, Answers>>,
    sent: Mutex<Vec<HttpRequest>>,
}

impl TableHttp {
    pub(crate) fn on(&self, url: &str, answers: impl FnMut(&HttpRequest) -> HttpResponse + Send + 'static) {
        self.answers.lock().unwrap().insert(url.to_owned(), Box::new(answers));
    }

    pub(crate) fn always(&self, url: &str, status: u16, body: &str) {
        let response = response(status, body);
        self.on(url, move |_| response.clone());
    }

    pub(crate) fn sent(&self) -> Vec<HttpRequest> {
        self.sent.lock().unwrap().clone()
    }

    /// The URLs that were asked, in their order.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.sent().into_iter().map(|request| request.url).collect()
    }

    pub(crate) fn last(&self) -> HttpRequest {
        self.sent().pop().unwrap()
    }
}

#[async_trait]
impl Http for TableHttp {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.sent.lock().unwrap().push(request.clone());
        match self.answers.lock().unwrap().get_mut(&request.url) {
            Some(answers) => Ok(answers(&request)),
            None => Err(HttpError::Unreachable("no such server".to_owned())),
        }
    }
}

pub(crate) fn response(status: u16, body: &str) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// Two communities, a data holder in the first, and a client that trusts both and is a member of both.
pub(crate) struct World {
    pub(crate) one: Community,
    pub(crate) two: Community,
    pub(crate) server: Certified,
    pub(crate) identity: ClientIdentity,
    pub(crate) http: Arc<TableHttp>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (one, two) = (Community::new(ONE), Community::new(TWO));
        let server = one.certify(BASE, RSA.clone(), validity());
        let memberships = [&one, &two].map(|community| membership(community, CLIENT_URI)).to_vec();
        let identity = ClientIdentity::new(ClientUri::parse(CLIENT_URI).unwrap(), memberships).unwrap();
        Self { one, two, server, identity, http: Arc::default() }
    }

    pub(crate) fn client(&mut self) -> Client {
        self.client_with(|_| {})
    }

    pub(crate) fn client_with(&mut self, change: impl FnOnce(&mut ClientSettings)) -> Client {
        let trust = ListedTrust::new(&mut [&mut self.one, &mut self.two]);
        let communities = vec![(self.one.id.clone(), Edition::Stu2), (self.two.id.clone(), Edition::Stu2)];
        let mut settings = ClientSettings::new(communities);
        change(&mut settings);
        Client::new(settings, self.http.clone(), Arc::new(trust))
    }

    /// The metadata with the signed part that `self.server` makes of `claims`.
    pub(crate) fn document(&self, claims: &Object) -> Object {
        self.document_signed_by(&self.server, claims)
    }

    pub(crate) fn document_signed_by(&self, server: &Certified, claims: &Object) -> Object {
        let mut document = read(METADATA);
        let header = HeaderTemplate::new(server.key.algorithm()).x5c(&server.ders).build();
        document.insert("signed_metadata", sign(&header, claims.to_json().as_bytes(), server.key.as_ref()).unwrap());
        document
    }

    pub(crate) fn publish(&self, document: &Object) {
        self.http.always(&format!("{BASE}/.well-known/udap"), 200, &document.to_json());
    }

    /// A data holder, discovered.
    pub(crate) async fn holder(&self, client: &Client) -> DataHolder {
        self.holder_with(client, |_| {}).await
    }

    pub(crate) async fn holder_with(&self, client: &Client, change: impl FnOnce(&mut Object)) -> DataHolder {
        let mut document = self.document(&claims());
        change(&mut document);
        self.publish(&document);
        client.discover(&base(), None, NOW).await.result.unwrap()
    }
}

pub(crate) fn membership(community: &Community, uri: &str) -> Membership {
    let certified = community.certify(uri, Arc::new(SoftwareKey::generate(KeyKind::P256).unwrap()), validity());
    Membership::new(community.id.clone(), CertificateChain::from_ders(&certified.ders).unwrap(), certified.key).unwrap()
}

/// The claims of good signed metadata.
pub(crate) fn claims() -> Object {
    let now = i64::try_from(NOW.as_secs()).unwrap();
    let mut claims = Object::new();
    claims.insert("iss", BASE);
    claims.insert("sub", BASE);
    claims.insert("iat", now - 60);
    claims.insert("exp", now + 86_400);
    claims.insert("jti", "metadata-1");
    claims.insert("token_endpoint", TOKEN_URL);
    claims.insert("registration_endpoint", REGISTRATION_URL);
    claims
}

pub(crate) const METADATA: &str = r#"{
    "udap_versions_supported": ["1"],
    "udap_profiles_supported": ["udap_dcr", "udap_authn", "udap_authz"],
    "udap_authorization_extensions_supported": ["hl7-b2b"],
    "udap_authorization_extensions_required": ["hl7-b2b"],
    "udap_certifications_supported": [],
    "grant_types_supported": ["client_credentials"],
    "scopes_supported": ["system/Patient.rs", "system/Observation.rs"],
    "token_endpoint": "https://as.example/token",
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
    "registration_endpoint": "https://as.example/register",
    "registration_endpoint_jwt_signing_alg_values_supported": ["RS256", "ES256"]
}"#;

pub(crate) fn read(json: &str) -> Object {
    read_object(json.as_bytes(), &Limits::new(100_000)).unwrap()
}

pub(crate) fn app() -> AppDescription {
    AppDescription::new(
        "Visitor",
        vec!["mailto:ops@app.example".to_owned()],
        scopes("system/Patient.rs system/Observation.rs"),
    )
}

pub(crate) fn wish() -> TokenWish {
    let context = read(
        r#"{"version": "1", "organization_id": "https://clinic.example/org",
            "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"]}"#,
    );
    TokenWish { scope: scopes("system/Patient.rs"), context: B2bExtension::read(&Value::Object(context)).unwrap() }
}

/// The parameters of a form that was sent, as a server reads them; our own names need no escaping.
pub(crate) fn form_of(request: &HttpRequest) -> HashMap<String, String> {
    let form = Parameters::read(&request.body).unwrap();
    let text = String::from_utf8(request.body.clone()).unwrap();
    text.split('&')
        .map(|pair| pair.split_once('=').unwrap().0)
        .map(|name| (name.to_owned(), form.get(name).unwrap().to_owned()))
        .collect()
}
