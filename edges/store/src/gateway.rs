//! The gateway's question whether a token lives, answered by the records of the authorization server beside it.
//!
//! The two roles know nothing of each other, so each has a port of its own for the same question; they meet here.

use async_trait::async_trait;
use tessera_authorization_server::ports::RevocationStore;
use tessera_gateway::ports::{TokenReference, TokenStatus, TokenStatusError, TokenStatusSource};

use crate::memory::MemoryStore;
use crate::sqlite::SqliteStore;

#[async_trait]
impl TokenStatusSource for SqliteStore {
    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, TokenStatusError> {
        answer(self, token).await
    }
}

#[async_trait]
impl TokenStatusSource for MemoryStore {
    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, TokenStatusError> {
        answer(self, token).await
    }
}

/// Asks each time, so that a revocation is known at once and not after the five seconds that the port allows.
async fn answer(store: &dyn RevocationStore, token: &TokenReference) -> Result<TokenStatus, TokenStatusError> {
    store.token_status(token).await.map_err(TokenStatusError::new)
}

#[cfg(test)]
mod tests {
    use tessera_authorization_server::ports::{MassRevocation, OperatorStore, RegistrationStore};

    use super::*;
    use crate::contract::revocation::revocation;
    use crate::contract::{NOW, at, certificate, community, draft, group, id, jti, stored, uri};

    /// Each ending in its turn, strongest last, as the gateway is told of it.
    #[tokio::test]
    async fn tells_the_gateway_each_way_in_which_a_token_ends() {
        let store = MemoryStore::default();
        let registration = stored(store.register(draft("one")).await.unwrap());
        let token = TokenReference {
            jti: jti("token"),
            client_id: registration.client_id,
            registration_version: 1,
            community: registration.community,
            certificate: certificate("of app"),
            issued_at: at(NOW),
        };
        let told = async |token: &TokenReference| TokenStatusSource::token_status(&store, token).await.unwrap();
        assert_eq!(told(&token).await, TokenStatus::Live);
        let ahead = TokenReference { registration_version: 2, ..token.clone() };
        assert_eq!(told(&ahead).await, TokenStatus::Superseded);
        store.revoke_tokens(MassRevocation::Client(id("one")), at(NOW)).await.unwrap();
        assert_eq!(told(&token).await, TokenStatus::RevokedInBulk);
        store.revoke_token(revocation(token.jti.as_str())).await.unwrap();
        assert_eq!(told(&token).await, TokenStatus::Revoked);
        store.block(&id("one"), "misuse", at(NOW)).await.unwrap();
        assert_eq!(told(&token).await, TokenStatus::ClientBlocked);
        store.unblock(&id("one"), at(NOW)).await.unwrap();
        store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW)).await.unwrap();
        assert_eq!(told(&token).await, TokenStatus::ClientGone);
    }
}
