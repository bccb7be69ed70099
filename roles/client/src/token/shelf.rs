//! The tokens at hand, by context.

use super::{Grant, TokenWish};
use crate::registration::ClientRegistration;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tessera_trust::UnixTime;
use tessera_udap::ids::{BaseUrl, ClientId};

/// A token is not used in its last seconds: it could end on the way.
const MARGIN: Duration = Duration::from_secs(15);
/// Contexts kept at once; a client that serves many requestors forgets the one that ends first.
const CAPACITY: usize = 10_000;

/// What a token was asked for; another requestor, purpose, scope, client or base is another token.
///
/// The B2B object is kept as the text that is sent, which is compared as a whole.
///
/// Source: FAST Security STU2 §5.2.4 (TOKEN-9)
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenContext {
    base: BaseUrl,
    client_id: ClientId,
    scope: String,
    b2b: String,
}

impl TokenContext {
    /// The context of a wish at a base.
    #[must_use]
    pub fn new(base: &BaseUrl, registration: &ClientRegistration, wish: &TokenWish) -> Self {
        Self {
            base: base.clone(),
            client_id: registration.client_id().clone(),
            scope: wish.scope.to_string(),
            b2b: wish.context.to_object().to_json(),
        }
    }
}

/// Shows where the token is for, not for whom: the B2B object can name a person.
impl fmt::Debug for TokenContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TokenContext").field("base", &self.base).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// A token with its context, as a profile keeps it.
#[derive(Clone, Debug)]
pub struct KeptToken {
    /// What it was asked for.
    pub context: TokenContext,
    /// The token.
    pub grant: Grant,
}

/// The tokens at hand.
#[derive(Debug, Default)]
pub struct Tokens {
    by_context: Mutex<HashMap<TokenContext, Grant>>,
}

impl Tokens {
    pub(crate) fn find(&self, context: &TokenContext, now: UnixTime) -> Option<Grant> {
        self.lock().get(context).filter(|grant| is_usable(grant, now)).cloned()
    }

    pub(crate) fn keep(&self, context: TokenContext, grant: Grant, now: UnixTime) {
        let mut tokens = self.lock();
        if tokens.len() >= CAPACITY {
            tokens.retain(|_, grant| is_usable(grant, now));
        }
        if tokens.len() >= CAPACITY {
            let first_to_end =
                tokens.iter().min_by_key(|(_, grant)| grant.expires_at).map(|(context, _)| context.clone());
            first_to_end.map(|context| tokens.remove(&context));
        }
        tokens.insert(context, grant);
    }

    pub(crate) fn forget_client(&self, registration: &ClientRegistration) {
        // By client_id alone: the bases of a group share registrations, and so what is dead is dead at all of them. An
        // equal client_id at another server costs a new token there, no more.
        self.lock().retain(|context, _| context.client_id != *registration.client_id());
    }

    /// Forgets one token, wherever it is kept; the server said that it is dead.
    pub(crate) fn forget_token(&self, token: &super::AccessToken) {
        self.lock().retain(|_, grant| grant.token != *token);
    }

    /// What is kept, for a profile on disk.
    #[must_use]
    pub fn kept(&self) -> Vec<KeptToken> {
        let entries = self.lock();
        entries.iter().map(|(context, grant)| KeptToken { context: context.clone(), grant: grant.clone() }).collect()
    }

    /// Puts back what a profile kept.
    pub fn put_back(&self, kept: KeptToken, now: UnixTime) {
        self.keep(kept.context, kept.grant, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenContext, Grant>> {
        // A poisoned lock guards a plain map, which is whole after every statement.
        self.by_context.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_usable(grant: &Grant, now: UnixTime) -> bool {
    now.plus(MARGIN) < grant.expires_at
}
