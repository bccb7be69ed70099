//! Discovery: what a base says about itself, one model told in three formats.
//!
//! Every document is made and signed ahead and served as it is; a request costs a look-up and a reference count. The
//! alternative, signing on demand, would let anybody without credentials spend our CPU on RSA signatures.
//!
//! Source: FAST Security STU2 §2; RFC 8414; SMART App Launch 2.2 §2.1

mod model;

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tessera_jose::base64url_encode;
use tessera_jose::jwk::{Jwk, Jwks};
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::SignError;
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::Jti;

use self::model::BaseModel;
use crate::settings::{Base, BaseCommunity, BaseName, ServerSettings, SettingsError, UnknownCommunity};

/// Which community a caller names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommunityQuery<'a> {
    /// None: the base's first one is meant.
    Unnamed,
    /// This one, as the parameter's text.
    Named(&'a str),
}

/// What a caller gets.
#[derive(Debug, Clone)]
pub enum Discovery {
    /// 200 with this document.
    Document(Arc<PreparedDocument>),
    /// 204: the base exists, but not in that community.
    NoContent,
    /// 404: no such base, no UDAP there, or an unknown community where the base says so.
    NotFound,
    /// 503: the document has ended and could not be signed anew.
    Unavailable,
}

/// A JSON document as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedDocument {
    /// The JSON text.
    pub bytes: Arc<[u8]>,
    /// The `ETag` with its quotes.
    pub etag: String,
    /// For how long a cache may keep it.
    pub max_age: Duration,
}

impl PreparedDocument {
    fn new(text: String, max_age: Duration) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { etag: format!("\"{:016x}\"", hasher.finish()), bytes: text.into_bytes().into(), max_age }
    }
}

/// What a round of renewal did.
#[derive(Debug, Default)]
pub struct Renewal {
    /// How many documents were signed anew.
    pub renewed: usize,
    /// What could not be renewed, and why.
    pub failures: Vec<RenewalFailure>,
    /// When the next round is due; `None` where no base has UDAP.
    pub next_due: Option<UnixTime>,
}

/// A document that could not be signed anew; the former one serves until its own end.
#[derive(Debug, thiserror::Error)]
#[error("the metadata of base {base} for {} could not be signed", community.as_str())]
pub struct RenewalFailure {
    /// Which base.
    pub base: BaseName,
    /// Which of its communities.
    pub community: CommunityId,
    /// Why.
    #[source]
    pub cause: RenewalProblem,
}

/// Why a document could not be signed anew.
#[derive(Debug, thiserror::Error)]
pub enum RenewalProblem {
    /// The base's certificate is not valid now; nothing is signed past its life.
    #[error("the certificate is valid from {} to {} only", from.to_utc_text(), until.to_utc_text())]
    CertificateEnded {
        /// Its notBefore.
        from: UnixTime,
        /// Its notAfter.
        until: UnixTime,
    },
    /// The key failed.
    #[error(transparent)]
    Signing(#[from] SignError),
}

/// All documents of a server, looked up by base and community.
pub(crate) struct Documents {
    bases: HashMap<BaseName, BaseDocuments>,
    jwks: Arc<PreparedDocument>,
    lifetime: Duration,
    max_age: Duration,
}

struct BaseDocuments {
    smart_configuration: Arc<PreparedDocument>,
    oauth_metadata: Arc<PreparedDocument>,
    communities: Vec<CommunityDocument>,
    unknown_community: UnknownCommunity,
}

/// The document of one base in one community, and what it takes to sign it anew.
struct CommunityDocument {
    membership: BaseCommunity,
    header: HeaderTemplate,
    model: BaseModel,
    current: RwLock<Option<Signed>>,
}

#[derive(Clone)]
struct Signed {
    document: Arc<PreparedDocument>,
    issued_at: UnixTime,
    expires_at: UnixTime,
}

impl Documents {
    /// Prepares all documents and signs what is signed.
    pub(crate) fn prepare(settings: &ServerSettings, now: UnixTime, entropy: [u8; 32]) -> Result<Self, SettingsError> {
        let max_age = settings.metadata_max_age.min(settings.metadata_lifetime / 4);
        let documents = Self {
            bases: settings
                .bases
                .iter()
                .map(|base| (base.name.clone(), BaseDocuments::prepare(base, settings)))
                .collect(),
            jwks: Arc::new(PreparedDocument::new(jwks(settings)?.to_json(), max_age)),
            lifetime: settings.metadata_lifetime,
            max_age,
        };
        let failures = documents.renew(now, entropy).failures;
        if failures.is_empty() {
            return Ok(documents);
        }
        Err(SettingsError {
            findings: failures.iter().map(|failure| format!("{failure}: {}", failure.cause)).collect(),
        })
    }

    pub(crate) fn udap_metadata(&self, base: &BaseName, query: CommunityQuery<'_>) -> Discovery {
        let Some(base) = self.bases.get(base) else {
            return Discovery::NotFound;
        };
        let Some(default) = base.communities.first() else {
            return Discovery::NotFound;
        };
        let CommunityQuery::Named(name) = query else {
            return default.answer();
        };
        let named = base.communities.iter().find(|document| document.membership.community.as_str() == name);
        match (named, base.unknown_community) {
            (Some(document), _) => document.answer(),
            (None, UnknownCommunity::DefaultCommunity) => default.answer(),
            (None, UnknownCommunity::NoContent) => Discovery::NoContent,
            (None, UnknownCommunity::NotFound) => Discovery::NotFound,
        }
    }

    pub(crate) fn smart_configuration(&self, base: &BaseName) -> Option<Arc<PreparedDocument>> {
        self.of_active_base(base).map(|base| base.smart_configuration.clone())
    }

    pub(crate) fn oauth_metadata(&self, base: &BaseName) -> Option<Arc<PreparedDocument>> {
        self.of_active_base(base).map(|base| base.oauth_metadata.clone())
    }

    pub(crate) fn jwks(&self) -> Arc<PreparedDocument> {
        self.jwks.clone()
    }

    /// A base without UDAP gives no tokens, so it has nothing to say in the other formats either.
    fn of_active_base(&self, base: &BaseName) -> Option<&BaseDocuments> {
        self.bases.get(base).filter(|base| !base.communities.is_empty())
    }

    /// Signs anew what has passed half of its life, and withdraws what has ended.
    pub(crate) fn renew(&self, now: UnixTime, entropy: [u8; 32]) -> Renewal {
        let mut renewal = Renewal::default();
        let mut number = 0u32;
        for (name, base) in &self.bases {
            for document in &base.communities {
                number = number.saturating_add(1);
                let jti = document_id(entropy, number);
                match document.renew(now, self.lifetime, self.max_age, &jti) {
                    Ok(renewed) => renewal.renewed += usize::from(renewed),
                    Err(cause) => renewal.failures.push(RenewalFailure {
                        base: name.clone(),
                        community: document.membership.community.clone(),
                        cause,
                    }),
                }
                let due = document.due(now);
                renewal.next_due = Some(renewal.next_due.map_or(due, |other| other.min(due)));
            }
        }
        renewal
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("bases", &self.bases.keys()).finish_non_exhaustive()
    }
}

impl BaseDocuments {
    fn prepare(base: &Base, settings: &ServerSettings) -> Self {
        let whole = BaseModel::of_base(base, settings);
        let prepared = |text: String| Arc::new(PreparedDocument::new(text, settings.metadata_max_age));
        Self {
            smart_configuration: prepared(whole.smart_configuration()),
            oauth_metadata: prepared(whole.oauth_metadata()),
            communities: base
                .communities
                .iter()
                .map(|membership| CommunityDocument::prepare(base, membership, settings))
                .collect(),
            unknown_community: base.unknown_community,
        }
    }
}

impl CommunityDocument {
    fn prepare(base: &Base, membership: &BaseCommunity, settings: &ServerSettings) -> Self {
        let chain: Vec<Vec<u8>> =
            membership.chain.certificates().iter().map(|certificate| certificate.der().to_vec()).collect();
        Self {
            membership: membership.clone(),
            header: HeaderTemplate::new(membership.key.algorithm()).x5c(&chain).build(),
            model: BaseModel::of_community(base, &membership.community, settings),
            current: RwLock::new(None),
        }
    }

    fn answer(&self) -> Discovery {
        match self.current() {
            Some(signed) => Discovery::Document(signed.document),
            None => Discovery::Unavailable,
        }
    }

    fn current(&self) -> Option<Signed> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, signed: Option<Signed>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = signed;
    }

    /// Signs anew when half of the document's life is over. What has ended and cannot be renewed is withdrawn.
    fn renew(&self, now: UnixTime, lifetime: Duration, max_age: Duration, jti: &Jti) -> Result<bool, RenewalProblem> {
        let current = self.current();
        if current.as_ref().is_some_and(|signed| now < signed.due()) {
            return Ok(false);
        }
        match self.sign(now, lifetime, max_age, jti) {
            Ok(signed) => {
                self.put(Some(signed));
                Ok(true)
            }
            Err(problem) => {
                self.put(current.filter(|signed| now < signed.expires_at));
                Err(problem)
            }
        }
    }

    fn sign(&self, now: UnixTime, lifetime: Duration, max_age: Duration, jti: &Jti) -> Result<Signed, RenewalProblem> {
        let leaf = self.membership.chain.leaf();
        if now < leaf.not_before() || now >= leaf.not_after() {
            return Err(RenewalProblem::CertificateEnded { from: leaf.not_before(), until: leaf.not_after() });
        }
        let expires_at = now.plus(lifetime).min(leaf.not_after());
        let claims = self.model.signed_claims(jti, now, expires_at);
        let jwt = sign(&self.header, &claims, self.membership.key.as_ref())?;
        // A cached copy must not outlive what it says.
        let max_age = max_age.min(expires_at.since(now) / 4);
        Ok(Signed {
            document: Arc::new(PreparedDocument::new(self.model.udap_metadata(&jwt), max_age)),
            issued_at: now,
            expires_at,
        })
    }

    /// When to look at this document again; one that failed is tried again after a minute.
    fn due(&self, now: UnixTime) -> UnixTime {
        let soon = now.plus(Duration::from_secs(60));
        self.current().map_or(soon, |signed| signed.due().max(soon))
    }
}

impl Signed {
    fn due(&self) -> UnixTime {
        self.issued_at.plus(self.expires_at.since(self.issued_at) / 2)
    }
}

/// Two documents never share a jti: one round's documents differ in the number, rounds in the entropy.
fn document_id(entropy: [u8; 32], number: u32) -> Jti {
    let (half, _) = entropy.split_at(16);
    let text = format!("{}.{number}", base64url_encode(half));
    Jti::parse(&text).expect("base64url text, a dot and digits are a valid jti")
}

/// The keys that verify access tokens, the one that signs first.
fn jwks(settings: &ServerSettings) -> Result<Jwks, SettingsError> {
    let unusable = |error| SettingsError { findings: vec![format!("an access token key is not usable: {error}")] };
    let mut keys = vec![Jwk::from_signing_key(settings.access_token_key.as_ref()).map_err(unusable)?];
    for key in &settings.other_access_token_keys {
        keys.push(Jwk::from_spki(&key.spki_der, key.algorithm).map_err(unusable)?);
    }
    Ok(Jwks { keys })
}
