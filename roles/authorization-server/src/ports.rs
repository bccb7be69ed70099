//! What the authorization server asks of the world, as intents.
//!
//! Each method is one atomic operation that answers with what happened. There is no transaction and no check before a
//! write in an engine: two nodes over one store decide as one does.

mod revocation_lists;

use std::error::Error;

use async_trait::async_trait;
use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::chain::{CertificateChain, ChainDigest, VerifiedChain};
use tessera_trust::community::CommunityId;
use tessera_trust::error::TrustRefusal;
pub use tessera_udap::access_token::{TokenReference, TokenStatus};
use tessera_udap::ids::{ClientId, ClientUri, Jti};

pub use self::revocation_lists::{KeptList, ListKeeping, ListPlace, RevocationListStore};
use crate::audit::AuditRecord;
use crate::registered::{Registration, RegistrationDraft};
use crate::settings::GroupName;

/// Keeps registrations, one live one for each (group of bases, trust community, client URI).
#[async_trait]
pub trait RegistrationStore: Send + Sync {
    /// The registration with this client_id in whatever status; `None` when it never was or has been purged.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails.
    async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError>;

    /// Puts a draft under its (group, community, client URI), as new or as the next version of what is there.
    ///
    /// One atomic write, durable before the answer: [`RegistrationDraft::into_first_version`] where there is no
    /// registration or only a cancelled one, [`RegistrationDraft::into_next_version_of`] where one is active. A blocked
    /// one stays as it is. Of many concurrent calls for one key exactly one creates.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails; nothing is stored then.
    ///
    /// Source: FAST Security STU2 §3.4
    async fn register(&self, draft: RegistrationDraft) -> Result<Registered, StoreError>;

    /// Ends the active registration under (group, community, client URI) by [`Registration::cancelled`].
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails; nothing is changed then.
    ///
    /// Source: FAST Security STU2 §3.4
    async fn cancel(
        &self,
        group: &GroupName,
        community: &CommunityId,
        uri: &ClientUri,
        at: UnixTime,
    ) -> Result<Cancelled, StoreError>;
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq)]
pub enum Registered {
    /// A new registration with the draft's client_id.
    Created(Registration),
    /// The next version of one that was there.
    Changed(Registration),
    /// An operator has blocked this client; nothing was changed.
    Blocked(ClientId),
}

/// What became of a cancel.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made once for a cancel and taken apart at once")]
pub enum Cancelled {
    /// The registration as it now stands.
    Cancelled(Registration),
    /// There is no live registration under this key.
    Unknown,
    /// An operator has blocked this client; nothing was changed.
    Blocked(ClientId),
}

/// Remembers which JWTs have been used.
#[async_trait]
pub trait ReplayStore: Send + Sync {
    /// Spends a JWT id for its issuer in its community; a second use before `until` is a replay.
    ///
    /// One conditional write, durable before the answer: of many concurrent calls with one key exactly one is
    /// [`Spend::Fresh`]. After `until` the same id is welcome. A spend whose `until` is not later than the horizon of the
    /// latest purge is [`Spend::Replayed`]: its record may have been purged, so that a clock that went back would revive it.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails; a replay is not an error but [`Spend::Replayed`].
    ///
    /// Source: FAST Security STU2 §7.1.4
    async fn spend_jti(&self, spend: JtiSpend) -> Result<Spend, StoreError>;
}

/// The use of one JWT.
///
/// The key is (community, issuer, jti). The community is part of it because the same `iss` under another community is
/// another party, which must not be able to burn the ids of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JtiSpend {
    /// The community of the chain that signed the JWT.
    pub community: CommunityId,
    /// Its `iss` by bytes.
    pub issuer: String,
    /// Its `jti` by bytes.
    pub jti: Jti,
    /// `exp` plus skew plus margin: until then the JWT could still be accepted by some node.
    pub until: UnixTime,
    /// The request's time.
    pub now: UnixTime,
}

/// What became of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spend {
    /// The first use.
    Fresh,
    /// The id was used before and still counts.
    Replayed,
    /// The issuer has used as many ids as it may within their lives; this one was not spent. Others are not affected.
    ShareUsedUp,
}

/// A client wanted more room in the store than its share; the room of others is untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client has used up its share of the store")]
pub struct ShareUsedUp;

/// Knows which access tokens are dead before their end.
#[async_trait]
pub trait RevocationStore: Send + Sync {
    /// Kills one token; the record is kept until its `until`, which is the token's own end plus skew. Killing a dead token
    /// again always succeeds.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails; the token lives on then, and the caller must be told (503).
    ///
    /// Source: RFC 7009 §2
    async fn revoke_token(&self, revocation: TokenRevocation) -> Result<Revoked, StoreError>;

    /// Whether a token is alive: its registration active and not newer than it allows, itself not revoked, and neither its
    /// client, community nor certificate revoked at or after its issue.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails; the caller must not take the token for alive.
    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, StoreError>;

    /// Kills all tokens of a kind that were issued at or before `at`; those issued later live.
    ///
    /// Answers how many registrations are concerned. The mark is kept for the longest life of a token.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails; nothing is revoked then.
    async fn revoke_tokens(&self, which: MassRevocation, at: UnixTime) -> Result<u64, StoreError>;
}

/// The end of one token before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRevocation {
    /// The token's `jti`.
    pub jti: Jti,
    /// The community of its client.
    pub community: CommunityId,
    /// The URI of its client; with the community it says whose share of the store the record counts to.
    pub client_uri: ClientUri,
    /// The token's own end plus skew.
    pub until: UnixTime,
    /// The request's time.
    pub now: UnixTime,
}

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The token is dead.
    Dead,
    /// The client has revoked as many living tokens as it may at a time; this one lives on, and the caller must be told.
    /// Others are not affected.
    ShareUsedUp,
}

/// The tokens that an operator kills at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MassRevocation {
    /// All of one client.
    Client(ClientId),
    /// All of one community.
    Community(CommunityId),
    /// All that were asked for with one certificate.
    Certificate(CertificateDigest),
}

/// What an operator does beside the protocol.
#[async_trait]
pub trait OperatorStore: Send + Sync {
    /// The registrations that match, ordered by community and client URI.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails.
    async fn clients(&self, filter: &ClientFilter) -> Result<Vec<Registration>, StoreError>;

    /// Stops an active registration; its tokens are dead when this returns. `None` when there is no live one.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails.
    async fn block(&self, id: &ClientId, reason: &str, at: UnixTime) -> Result<Option<Registration>, StoreError>;

    /// Lets a blocked registration act again, with new tokens: those of before stay dead. `None` when it is not blocked.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails.
    async fn unblock(&self, id: &ClientId, at: UnixTime) -> Result<Option<Registration>, StoreError>;

    /// Removes what has ended by `now`: spent ids, revocations, marks and cancelled registrations older than any token.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails.
    async fn purge(&self, now: UnixTime) -> Result<PurgeReport, StoreError>;

    /// Whether the back end answers, for readiness.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Which registrations an operator wants to see; the default is all live ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// Only of this community.
    pub community: Option<CommunityId>,
    /// Only with this client URI.
    pub client_uri: Option<ClientUri>,
    /// Only this one.
    pub client_id: Option<ClientId>,
    /// Whether cancelled ones are wanted too.
    pub with_cancelled: bool,
    /// At most so many; `None` means 1000.
    pub limit: Option<u32>,
}

/// How many records a purge has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Spent JWT ids.
    pub spent_jtis: u64,
    /// Revocations of single tokens.
    pub revoked_tokens: u64,
    /// Marks of mass revocations.
    pub mass_revocations: u64,
    /// Cancelled registrations.
    pub registrations: u64,
}

/// Judges certificate chains under the configured trust communities.
#[async_trait]
pub trait Trust: Send + Sync {
    /// Finds the first of `communities` under which the chain holds at `now`, fetching what the search needs.
    ///
    /// # Errors
    /// [`TrustRefusal`] with every reason of every community when it holds under none.
    ///
    /// Source: FAST Security STU2 §7.1.6
    async fn verify_chain(
        &self,
        chain: &CertificateChain,
        communities: &[CommunityId],
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal>;

    /// A chain of exactly these bytes that was read before, so that an app's every token request does not read its
    /// certificates anew. It says nothing about trust; `None` only costs time.
    fn known_chain(&self, _digest: &ChainDigest) -> Option<CertificateChain> {
        None
    }
}

/// Takes the record of every decision.
pub trait AuditSink: Send + Sync {
    /// Keeps an event; never blocks on the network and never fails the request.
    fn record(&self, event: AuditRecord);
}

/// The store could not do what it was asked; the caller answers 503.
///
/// It says what was being done; the cause is in [`Error::source`], for the log only.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {action}")]
pub struct StoreError {
    action: &'static str,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// Wraps a back end's error with what it was doing, such as `"spend a jti"`.
    pub fn new(action: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { action, cause: cause.into() }
    }
}
