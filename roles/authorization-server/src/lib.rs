//! The authorization server of the FAST Security (UDAP) guide, without HTTP and without SQL.
//!
//! It decides: what the metadata says ([`discovery`]), who may register ([`registration`]), who gets a token ([`token`]),
//! what a token is still worth ([`introspection`], [`revocation`]). What it needs of the world it asks for through the small
//! traits of [`ports`]; the time and chance of a request come in as [`context::RequestContext`].
//!
//! Each of these stories is told top-down in the file that bears its name. A step that says no returns a
//! [`rejection::Rejection`]; one place turns it into the answer, the log line and the audit record.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod audit;
pub mod context;
pub mod discovery;
mod endpoint;
pub mod introspection;
pub mod policy;
pub mod ports;
pub mod registered;
pub mod registration;
pub mod rejection;
pub mod revocation;
pub mod settings;
pub mod token;

pub use endpoint::Endpoint;
pub use introspection::Introspection;
pub use registration::{RegistrationAnswer, RegistrationOutcome};
pub use token::{PresentedCredentials, TokenAnswer};

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tessera_jose::algorithm::AlgorithmSet;
use tessera_jose::jwk::Jwk;
use tessera_jose::jws::HeaderTemplate;
use tessera_jose::key::SigningKey;
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;
use tessera_udap::access_token::TokenKeys;
use tessera_udap::signed::{SignedObject, Verified};

use crate::audit::{AuditOutcome, AuditRecord};
use crate::context::RequestContext;
use crate::discovery::{CommunityQuery, Discovery, Documents, PreparedDocument, Renewal};
use crate::policy::CommunityPolicy;
use crate::ports::{AuditSink, JtiSpend, RegistrationStore, ReplayStore, RevocationStore, Spend, Trust};
use crate::rejection::{Refusal, Rejection, Unread};
use crate::settings::{Base, BaseName, Group, GroupName, ServerSettings, SettingsError};

/// How much longer a spent jti is kept than a node with the right time accepts its JWT: the clocks of nodes over one
/// store differ a little. Not longer, for afterwards the id is welcome again.
///
/// Source: FAST Security STU2 §7.1.4; security invariant 30
const REPLAY_MARGIN: Duration = Duration::from_secs(5);

/// One authorization server for any number of FHIR bases.
///
/// It keeps no state of its own beside prepared documents: what it must remember is in the store.
pub struct AuthorizationServer {
    groups: HashMap<GroupName, GroupInUse>,
    bases: HashMap<BaseName, Base>,
    communities: HashMap<CommunityId, CommunityPolicy>,
    documents: Documents,
    access_tokens: AccessTokenSigner,
    skew: Duration,
    ports: Ports,
}

/// The world as the authorization server sees it.
#[derive(Clone)]
pub struct Ports {
    /// Keeps registrations.
    pub registrations: Arc<dyn RegistrationStore>,
    /// Remembers used JWTs.
    pub replays: Arc<dyn ReplayStore>,
    /// Knows dead tokens.
    pub revocations: Arc<dyn RevocationStore>,
    /// Judges certificate chains.
    pub trust: Arc<dyn Trust>,
    /// Takes the record of every decision.
    pub audit: Arc<dyn AuditSink>,
}

/// A group with what its bases have in common.
struct GroupInUse {
    group: Group,
    /// The communities of its bases in the order of the configuration, each once.
    communities: Vec<CommunityId>,
    /// The algorithms of any of them: which one it is, is known only after the path.
    algorithms: AlgorithmSet,
}

/// What it takes to issue and to recognise our access tokens, made once.
struct AccessTokenSigner {
    key: Arc<dyn SigningKey>,
    header: HeaderTemplate,
    keys: TokenKeys,
}

impl AuthorizationServer {
    /// Judges the settings, prepares all documents and is ready to serve.
    ///
    /// `entropy` is fresh chance for the ids of the documents that are signed here.
    ///
    /// # Errors
    /// [`SettingsError`] with every finding when the settings do not fit together or a document cannot be signed.
    pub fn new(
        settings: ServerSettings,
        ports: Ports,
        now: UnixTime,
        entropy: [u8; 32],
    ) -> Result<Self, SettingsError> {
        let findings = settings.findings(now);
        if !findings.is_empty() {
            return Err(SettingsError { findings });
        }
        let documents = Documents::prepare(&settings, now, entropy)?;
        let access_tokens = AccessTokenSigner::new(&settings)?;
        let groups =
            settings.groups.iter().map(|group| (group.name.clone(), GroupInUse::new(group, &settings))).collect();
        Ok(Self {
            groups,
            bases: settings.bases.into_iter().map(|base| (base.name.clone(), base)).collect(),
            communities: settings.communities,
            documents,
            access_tokens,
            skew: settings.skew,
            ports,
        })
    }

    /// `{base}/.well-known/udap`.
    ///
    /// Source: FAST Security STU2 §2.1
    #[must_use]
    pub fn udap_metadata(&self, base: &BaseName, query: CommunityQuery<'_>) -> Discovery {
        self.documents.udap_metadata(base, query)
    }

    /// `{base}/.well-known/smart-configuration`; `None` is 404.
    #[must_use]
    pub fn smart_configuration(&self, base: &BaseName) -> Option<Arc<PreparedDocument>> {
        self.documents.smart_configuration(base)
    }

    /// RFC 8414's document for the issuer of a base; `None` is 404.
    #[must_use]
    pub fn oauth_metadata(&self, base: &BaseName) -> Option<Arc<PreparedDocument>> {
        self.documents.oauth_metadata(base)
    }

    /// The keys that verify our access tokens.
    #[must_use]
    pub fn jwks(&self) -> Arc<PreparedDocument> {
        self.documents.jwks()
    }

    /// Signs anew what has passed half of its life; a node calls it when [`Renewal::next_due`] says so.
    #[must_use]
    pub fn renew_documents(&self, now: UnixTime, entropy: [u8; 32]) -> Renewal {
        self.documents.renew(now, entropy)
    }

    /// The bases, in no particular order.
    pub fn bases(&self) -> impl Iterator<Item = &Base> {
        self.bases.values()
    }

    /// The groups of bases, in no particular order.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().map(|group| &group.group)
    }

    /// The keys with which our gateway verifies access tokens.
    #[must_use]
    pub fn token_keys(&self) -> &TokenKeys {
        &self.access_tokens.keys
    }

    /// Refuses a request that the edge could not read, so that it too leaves its record; nothing of it was looked at.
    #[must_use]
    pub fn refuse_unread(&self, endpoint: Endpoint, place: &str, unread: Unread, context: &RequestContext) -> Refusal {
        let rejection = match endpoint {
            Endpoint::Registration => Rejection::RegistrationUnread(unread),
            Endpoint::Token | Endpoint::Introspection | Endpoint::Revocation => Rejection::FormUnread(unread),
        };
        self.refuse(AuditRecord::begun(endpoint.action(), place, context), context, &rejection)
    }

    fn base(&self, name: &BaseName) -> Result<&Base, Rejection> {
        self.bases.get(name).filter(|base| !base.communities.is_empty()).ok_or(Rejection::NoSuchPlace)
    }

    fn policy(&self, community: &CommunityId) -> Result<&CommunityPolicy, Rejection> {
        self.communities.get(community).ok_or(Rejection::CommunityNotServed)
    }

    /// Spends the jti of a JWT that held in full, so that it is taken once.
    ///
    /// `replayed` is the rejection of a second use; `of` names such JWTs in the plural, for a client that sends too many.
    ///
    /// Source: FAST Security STU2 §7.1.4
    async fn spend_jti<T: SignedObject>(
        &self,
        jwt: &Verified<T>,
        replayed: Rejection,
        of: &'static str,
        context: &RequestContext,
    ) -> Result<(), Rejection> {
        let spend = JtiSpend {
            community: jwt.signer().community().clone(),
            issuer: jwt.issuer().to_owned(),
            jti: jwt.jti().clone(),
            until: jwt.expires_at().plus(self.skew).plus(REPLAY_MARGIN),
            now: context.now,
        };
        match self.ports.replays.spend_jti(spend).await? {
            Spend::Fresh => Ok(()),
            Spend::Replayed => Err(replayed),
            Spend::ShareUsedUp => Err(Rejection::ShareUsedUp { of }),
        }
    }

    /// Ends a request: its audit record is kept, and a rejection becomes what goes out. Each request passes here once.
    fn close<T>(
        &self,
        mut record: AuditRecord,
        context: &RequestContext,
        result: Result<T, Rejection>,
    ) -> Result<T, Refusal> {
        match result {
            Ok(answer) => {
                record.outcome = AuditOutcome::Granted;
                self.ports.audit.record(record);
                Ok(answer)
            }
            Err(rejection) => Err(self.refuse(record, context, &rejection)),
        }
    }

    fn refuse(&self, mut record: AuditRecord, context: &RequestContext, rejection: &Rejection) -> Refusal {
        let refusal = Refusal::new(rejection, &record, context);
        record.outcome = if refusal.class().is_ours() {
            AuditOutcome::Failed(refusal.record().clone())
        } else {
            AuditOutcome::Refused(refusal.record().clone())
        };
        self.ports.audit.record(record);
        refusal
    }
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationServer").field("bases", &self.bases.keys()).finish_non_exhaustive()
    }
}

impl GroupInUse {
    fn new(group: &Group, settings: &ServerSettings) -> Self {
        let mut communities: Vec<CommunityId> = Vec::new();
        let served = settings.bases.iter().filter(|base| base.group == group.name).flat_map(|base| &base.communities);
        for membership in served {
            if !communities.contains(&membership.community) {
                communities.push(membership.community.clone());
            }
        }
        let algorithms = communities
            .iter()
            .filter_map(|community| settings.communities.get(community))
            .flat_map(|policy| policy.algorithms.iter())
            .collect();
        Self { group: group.clone(), communities, algorithms }
    }
}

impl AccessTokenSigner {
    fn new(settings: &ServerSettings) -> Result<Self, SettingsError> {
        let unusable = |error: &dyn fmt::Display| SettingsError {
            findings: vec![format!("an access token key is not usable: {error}")],
        };
        let key = settings.access_token_key.clone();
        let jwk = Jwk::from_signing_key(key.as_ref()).map_err(|error| unusable(&error))?;
        let mut keys = TokenKeys::default();
        keys.add(key.public_key(), key.algorithm()).map_err(|error| unusable(&error))?;
        for other in &settings.other_access_token_keys {
            keys.add(&other.spki_der, other.algorithm).map_err(|error| unusable(&error))?;
        }
        Ok(Self { header: HeaderTemplate::new(key.algorithm()).typ("at+jwt").kid(jwk.kid()).build(), key, keys })
    }
}
