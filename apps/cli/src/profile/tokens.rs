//! Access tokens that live, each for what it was asked for and for nothing else.
//!
//! Source: FAST Security STU2 §5.2.4 (TOKEN-9)

use std::fmt;

use serde::{Deserialize, Serialize};
use tessera_client::ScopeDifference;
use tessera_client::registration::ClientRegistration;
use tessera_client::token::{AccessToken, Grant, KeptToken, TokenContext, TokenWish};
use tessera_trust::UnixTime;
use tessera_udap::ids::{BaseUrl, ClientId};
use tessera_udap::scope::ScopeSet;

use super::folder::ProfileFolder;
use crate::failure::Failure;

const FILE: &str = "tokens.json";
/// Tokens kept at once; those that end first are forgotten first.
const CAPACITY: usize = 1_000;

/// The tokens of a profile.
#[derive(Debug, Default)]
pub(crate) struct KeptTokens(Vec<TokenRecord>);

/// One token with all that it was asked for.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRecord {
    base: String,
    client_id: String,
    /// The scopes asked for.
    asked: String,
    /// The `hl7-b2b` object sent.
    context: serde_json::Value,
    token: String,
    /// The scopes granted.
    pub(crate) scope: String,
    missing: Vec<String>,
    added: Vec<String>,
    /// Unix time in seconds.
    expires_at: u64,
}

impl KeptTokens {
    /// Reads the profile's file; none is no token.
    pub(crate) fn read(folder: &ProfileFolder) -> Result<Self, Failure> {
        let Some(bytes) = folder.read(FILE)? else { return Ok(Self::default()) };
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let path = folder.file(FILE);
            Failure::usage("tokens-invalid", format!("{} cannot be read back", path.display()))
                .because(format!("line {}, column {}", error.line(), error.column()))
                .advise("Remove the file; tokens are taken anew.")
        })
    }

    pub(crate) fn write(&self, folder: &ProfileFolder) -> Result<(), Failure> {
        folder.write(FILE, &serde_json::to_vec_pretty(&self.0).map_err(std::io::Error::from)?)
    }

    /// The token kept for this wish, if it has not ended.
    pub(crate) fn find(
        &self,
        base: &BaseUrl,
        registration: &ClientRegistration,
        wish: &TokenWish,
        now: UnixTime,
    ) -> Option<KeptToken> {
        let context = context_of(wish);
        let record = self.0.iter().find(|record| record.is_for(base, registration.client_id(), wish, &context))?;
        let grant = record.grant().filter(|grant| now < grant.expires_at)?;
        Some(KeptToken { context: TokenContext::new(base, registration, wish), grant })
    }

    /// Keeps a token; forgets the former one of the same wish, and those that have ended.
    pub(crate) fn put(
        &mut self,
        base: &BaseUrl,
        registration: &ClientRegistration,
        wish: &TokenWish,
        grant: &Grant,
        now: UnixTime,
    ) {
        let context = context_of(wish);
        self.0.retain(|record| {
            record.expires_at > now.as_secs() && !record.is_for(base, registration.client_id(), wish, &context)
        });
        self.0.sort_by_key(|record| record.expires_at);
        let surplus = (self.0.len() + 1).saturating_sub(CAPACITY);
        self.0.drain(..surplus);
        self.0.push(TokenRecord {
            base: base.to_string(),
            client_id: registration.client_id().to_string(),
            asked: wish.scope.to_string(),
            context,
            token: grant.token.reveal().to_owned(),
            scope: grant.scope.to_string(),
            missing: grant.difference.missing.clone(),
            added: grant.difference.added.clone(),
            expires_at: grant.expires_at.as_secs(),
        });
    }

    /// The tokens of a base that have not ended, the one that lives longest last.
    pub(crate) fn of_base(&self, base: &BaseUrl, now: UnixTime) -> Vec<TokenRecord> {
        let mut tokens: Vec<_> = self.living(now).filter(|record| record.base == base.as_str()).cloned().collect();
        tokens.sort_by_key(|record| record.expires_at);
        tokens
    }

    /// All that have not ended.
    pub(crate) fn living(&self, now: UnixTime) -> impl Iterator<Item = &TokenRecord> {
        self.0.iter().filter(move |record| record.expires_at > now.as_secs())
    }

    pub(crate) fn forget(&mut self, token: &AccessToken) {
        self.0.retain(|record| record.token != token.reveal());
    }

    /// Forgets what was issued to a client_id that holds no more.
    pub(crate) fn forget_client(&mut self, client_id: &ClientId) {
        self.0.retain(|record| record.client_id != client_id.as_str());
    }
}

impl TokenRecord {
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn expires_at(&self) -> UnixTime {
        UnixTime::from_secs(self.expires_at)
    }

    /// `None` when the file was changed so that it is no token any more.
    pub(crate) fn token(&self) -> Option<AccessToken> {
        AccessToken::new(&self.token)
    }

    fn is_for(&self, base: &BaseUrl, client_id: &ClientId, wish: &TokenWish, context: &serde_json::Value) -> bool {
        self.base == base.as_str()
            && self.client_id == client_id.as_str()
            && self.asked == wish.scope.to_string()
            && self.context == *context
    }

    fn grant(&self) -> Option<Grant> {
        Some(Grant {
            token: self.token()?,
            scope: ScopeSet::parse(&self.scope).ok()?,
            difference: ScopeDifference { missing: self.missing.clone(), added: self.added.clone() },
            expires_at: self.expires_at(),
            notes: Vec::new(),
        })
    }
}

/// Shows neither the token nor for whom it is: the B2B object can name a person.
impl fmt::Debug for TokenRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TokenRecord").field("base", &self.base).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// The B2B object as JSON, by which tokens are told apart.
fn context_of(wish: &TokenWish) -> serde_json::Value {
    serde_json::to_value(&wish.context).expect("an object of texts and lists of texts is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tessera_jose::json::Object;
    use tessera_udap::extensions::b2b::B2bExtension;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn base() -> BaseUrl {
        BaseUrl::parse("https://fhir.example/r4").unwrap()
    }

    fn registration() -> ClientRegistration {
        let mut object = Object::new();
        object.insert("base", base().as_str());
        object.insert("registration_endpoint", "https://fhir.example/register");
        object.insert("community", "https://community.example");
        object.insert("client_uri", "https://app.example");
        object.insert("client_id", "client-1");
        object.insert("scope", "system/Patient.rs");
        ClientRegistration::from_object(&object).unwrap()
    }

    fn wish(purpose: &str) -> TokenWish {
        let context = B2bExtension {
            subject_name: None,
            subject_id: None,
            subject_role: None,
            organization_name: None,
            organization_id: "https://org.example".to_owned(),
            purpose_of_use: vec![purpose.to_owned()],
            consent_policy: None,
            consent_reference: None,
        };
        TokenWish { scope: ScopeSet::parse("system/Patient.rs").unwrap(), context }
    }

    fn grant(text: &str, life_s: u64) -> Grant {
        Grant {
            token: AccessToken::new(text).unwrap(),
            scope: ScopeSet::parse("system/Patient.rs").unwrap(),
            difference: ScopeDifference::default(),
            expires_at: NOW.plus(Duration::from_secs(life_s)),
            notes: Vec::new(),
        }
    }

    /// Shows: TOKEN-9
    #[test]
    fn a_token_is_found_for_its_own_purpose_only_and_while_it_lives() {
        let mut tokens = KeptTokens::default();
        tokens.put(&base(), &registration(), &wish("TREAT"), &grant("abc", 60), NOW);
        let find = |purpose, now| tokens.find(&base(), &registration(), &wish(purpose), now);
        assert_eq!(find("TREAT", NOW).unwrap().grant.token.reveal(), "abc");
        assert!(find("HPAYMT", NOW).is_none());
        assert!(find("TREAT", NOW.plus(Duration::from_secs(60))).is_none());
    }

    #[test]
    fn what_is_dead_is_forgotten() {
        let mut tokens = KeptTokens::default();
        tokens.put(&base(), &registration(), &wish("A"), &grant("old", 1), NOW);
        tokens.put(&base(), &registration(), &wish("B"), &grant("new", 60), NOW.plus(Duration::from_secs(2)));
        assert_eq!(tokens.0.len(), 1);
        tokens.forget(&AccessToken::new("new").unwrap());
        assert!(tokens.0.is_empty());
        tokens.put(&base(), &registration(), &wish("A"), &grant("x", 60), NOW);
        tokens.forget_client(registration().client_id());
        assert!(tokens.0.is_empty());
    }

    #[test]
    fn the_file_does_not_grow_without_end() {
        let mut tokens = KeptTokens::default();
        for number in 0..CAPACITY + 5 {
            tokens.put(&base(), &registration(), &wish(&format!("P{number}")), &grant("x", 60), NOW);
        }
        assert_eq!(tokens.0.len(), CAPACITY);
    }

    #[test]
    fn debug_output_has_no_token() {
        let mut tokens = KeptTokens::default();
        tokens.put(&base(), &registration(), &wish("A"), &grant("secret-token", 60), NOW);
        assert!(!format!("{tokens:?}").contains("secret-token"));
    }
}
