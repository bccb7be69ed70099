//! The world in memory: one lock, so that each operation is atomic, and a switch that makes the store fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use tessera_authorization_server::audit::AuditRecord;
use tessera_authorization_server::ports::{
    AuditSink, Cancelled, JtiSpend, MassRevocation, Registered, RegistrationStore, ReplayStore, RevocationStore,
    Revoked, Spend, StoreError, TokenReference, TokenRevocation, TokenStatus, Trust,
};
use tessera_authorization_server::registered::{Registration, RegistrationDraft, RegistrationStatus};
use tessera_authorization_server::settings::GroupName;
use tessera_trust::{
    Budget, CertificateChain, CommunityId, Evidence, PathSearch, Step, TrustCommunity, TrustRefusal, UnixTime,
    VerifiedChain,
};
use tessera_udap::ids::{ClientId, ClientUri, Jti};

#[derive(Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    broken: AtomicBool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) registrations: Vec<Registration>,
    pub(crate) spent: HashMap<(String, String, String), UnixTime>,
    pub(crate) revoked: Vec<Jti>,
    pub(crate) marks: Vec<(MassRevocation, UnixTime)>,
}

impl Memory {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::new("open the store", "the disk is gone"));
        }
        Ok(self.state())
    }
}

#[async_trait]
impl RegistrationStore for Memory {
    async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError> {
        let state = self.open()?;
        Ok(state.registrations.iter().find(|r| r.client_id == *id).cloned())
    }

    async fn register(&self, draft: RegistrationDraft) -> Result<Registered, StoreError> {
        let mut state = self.open()?;
        let key = (&draft.group, &draft.community, &draft.client_uri);
        let Some(live) = state.live(key) else {
            let first = draft.into_first_version();
            state.registrations.push(first.clone());
            return Ok(Registered::Created(first));
        };
        if !live.is_active() {
            return Ok(Registered::Blocked(live.client_id.clone()));
        }
        *live = draft.into_next_version_of(live);
        Ok(Registered::Changed(live.clone()))
    }

    async fn cancel(
        &self,
        group: &GroupName,
        community: &CommunityId,
        uri: &ClientUri,
        at: UnixTime,
    ) -> Result<Cancelled, StoreError> {
        let mut state = self.open()?;
        let Some(live) = state.live((group, community, uri)) else {
            return Ok(Cancelled::Unknown);
        };
        if !live.is_active() {
            return Ok(Cancelled::Blocked(live.client_id.clone()));
        }
        *live = live.cancelled(at);
        Ok(Cancelled::Cancelled(live.clone()))
    }
}

impl State {
    fn live(&mut self, (group, community, uri): (&GroupName, &CommunityId, &ClientUri)) -> Option<&mut Registration> {
        self.registrations.iter_mut().find(|r| {
            r.group == *group
                && r.community == *community
                && r.client_uri == *uri
                && !matches!(r.status, RegistrationStatus::Cancelled { .. })
        })
    }
}

#[async_trait]
impl ReplayStore for Memory {
    async fn spend_jti(&self, spend: JtiSpend) -> Result<Spend, StoreError> {
        let mut state = self.open()?;
        let key = (spend.community.as_str().to_owned(), spend.issuer, spend.jti.as_str().to_owned());
        if state.spent.get(&key).is_some_and(|until| *until >= spend.now) {
            return Ok(Spend::Replayed);
        }
        state.spent.insert(key, spend.until);
        Ok(Spend::Fresh)
    }
}

#[async_trait]
impl RevocationStore for Memory {
    async fn revoke_token(&self, revocation: TokenRevocation) -> Result<Revoked, StoreError> {
        self.open()?.revoked.push(revocation.jti);
        Ok(Revoked::Dead)
    }

    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, StoreError> {
        let state = self.open()?;
        let Some(client) = state.registrations.iter().find(|r| r.client_id == token.client_id) else {
            return Ok(TokenStatus::ClientGone);
        };
        let marked = state.marks.iter().any(|(which, at)| {
            token.issued_at <= *at
                && match which {
                    MassRevocation::Client(id) => *id == token.client_id,
                    MassRevocation::Community(id) => *id == token.community,
                    MassRevocation::Certificate(digest) => *digest == token.certificate,
                }
        });
        Ok(match client.status {
            RegistrationStatus::Cancelled { .. } => TokenStatus::ClientGone,
            RegistrationStatus::Blocked { .. } => TokenStatus::ClientBlocked,
            RegistrationStatus::Active => {
                if token.registration_version < client.tokens_from_version {
                    TokenStatus::Superseded
                } else if state.revoked.contains(&token.jti) {
                    TokenStatus::Revoked
                } else if marked {
                    TokenStatus::RevokedInBulk
                } else {
                    TokenStatus::Live
                }
            }
        })
    }

    async fn revoke_tokens(&self, which: MassRevocation, at: UnixTime) -> Result<u64, StoreError> {
        self.open()?.marks.push((which, at));
        Ok(1)
    }
}

/// The path engine itself, without anything to fetch.
pub(crate) struct Communities(pub(crate) Vec<TrustCommunity>);

#[async_trait]
impl Trust for Communities {
    async fn verify_chain(
        &self,
        chain: &CertificateChain,
        communities: &[CommunityId],
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal> {
        let mut refusals = Vec::new();
        for id in communities {
            let Some(community) = self.0.iter().find(|community| community.id() == id) else {
                refusals.push(TrustRefusal::community_unknown(id.clone()));
                continue;
            };
            let mut evidence = Evidence::new();
            let mut search = PathSearch::new(community, chain, now, Budget::default());
            loop {
                match search.advance(&evidence) {
                    Step::Need(needs) => {
                        for need in needs {
                            evidence.supply_crl(need.url(), Err("offline".to_owned()));
                        }
                    }
                    Step::Accepted(verified) => return Ok(verified),
                    Step::Refused(refusal) => {
                        refusals.push(refusal);
                        break;
                    }
                }
            }
        }
        Err(TrustRefusal::merge(refusals))
    }
}

#[derive(Default)]
pub(crate) struct Audit(Mutex<Vec<AuditRecord>>);

impl Audit {
    pub(crate) fn records(&self) -> Vec<AuditRecord> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> AuditRecord {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

impl AuditSink for Audit {
    fn record(&self, event: AuditRecord) {
        self.0.lock().unwrap().push(event);
    }
}
