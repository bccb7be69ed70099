//! The access token: from the Authorization header to proof that it holds and lives.
//!
//! Source: RFC 6750 §2; RFC 9068 §4; security invariants 28 and 44

use http::HeaderMap;
use http::header::AUTHORIZATION;
use tessera_trust::UnixTime;
use tessera_udap::access_token::{AccessToken, AccessTokenClaims, TokenKeys};
use tessera_udap::ids::BaseUrl;

use crate::audit::{AuditClient, AuditPurpose};
use crate::ports::{TokenReference, TokenStatusSource};
use crate::rejection::Rejection;
use crate::request::percent::{Plus, decode};

/// A token that we signed for this base and that has not ended; whether it was revoked is not known yet.
#[derive(Debug)]
pub(crate) struct SignedToken(AccessTokenClaims);

/// A token that holds and lived when it was last asked for; only the answer of the store makes one.
#[derive(Debug)]
pub(crate) struct LiveToken(AccessTokenClaims);

impl SignedToken {
    /// Verifies the token that a request presents.
    pub(crate) fn read(
        headers: &HeaderMap,
        query: Option<&str>,
        keys: &TokenKeys,
        base: &BaseUrl,
        now: UnixTime,
    ) -> Result<Self, Rejection> {
        let token = presented(headers, query)?;
        AccessToken::read(token, keys, base, now).map(Self).map_err(Rejection::TokenInvalid)
    }

    /// Asks the store; when it cannot tell, the token is not taken for alive.
    pub(crate) async fn ask_whether_it_lives(self, source: &dyn TokenStatusSource) -> Result<LiveToken, Rejection> {
        let Self(claims) = self;
        let status = source.token_status(&TokenReference::from(&claims)).await.map_err(Rejection::StatusUnknown)?;
        if status.is_live() { Ok(LiveToken(claims)) } else { Err(Rejection::TokenDead(status)) }
    }

    /// Who it was issued to.
    pub(crate) fn client(&self) -> AuditClient {
        AuditClient {
            client_id: self.0.client_id.clone(),
            client_uri: self.0.client_uri.clone(),
            community: self.0.community.clone(),
            certificate: self.0.signer,
            token_id: self.0.jti.clone(),
        }
    }

    /// For whom and for what it was issued.
    pub(crate) fn purpose(&self) -> Option<AuditPurpose> {
        self.0.b2b.as_ref().map(AuditPurpose::from)
    }
}

impl LiveToken {
    /// Asks the store again, after something that took time.
    pub(crate) async fn ask_whether_it_still_lives(self, source: &dyn TokenStatusSource) -> Result<Self, Rejection> {
        SignedToken(self.0).ask_whether_it_lives(source).await
    }

    /// What it says.
    pub(crate) fn claims(&self) -> &AccessTokenClaims {
        &self.0
    }
}

/// The one token in the one Authorization header; a token in the query is refused even beside it, for it is in logs.
///
/// Source: RFC 6750 §2.1, §2.3, §5.3
fn presented<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, Rejection> {
    let mut names = query.unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
    if names.any(|name| decode(name, Plus::Space).is_some_and(|name| name == "access_token")) {
        return Err(Rejection::TokenPlacement);
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Rejection::TokenMissing)?;
    if values.next().is_some() {
        return Err(Rejection::TokenPlacement);
    }
    let value = value.to_str().map_err(|_| Rejection::TokenPlacement)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    // Credentials of another scheme are no access token: the answer is the challenge, as if there were none.
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() {
        return Err(Rejection::TokenMissing);
    }
    // credentials = "Bearer" 1*SP b64token, of which we take one space, as everyone sends it
    let is_token = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    if is_token { Ok(token) } else { Err(Rejection::TokenPlacement) }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn presented_by(values: &[&'static str], query: Option<&str>) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        presented(&headers, query).map(str::to_owned).map_err(|refused| refused.rule().reason_code)
    }

    #[test]
    fn takes_one_bearer_token_from_the_header() {
        assert_eq!(presented_by(&["Bearer a.b-c_d~+/="], Some("name=x")).unwrap(), "a.b-c_d~+/=");
        assert_eq!(presented_by(&["bEARER abc"], None).unwrap(), "abc");
    }

    #[test]
    fn credentials_of_another_scheme_are_no_token() {
        for values in [&[][..], &["Basic YTpi"], &["DPoP abc"], &["Bearer"], &["Bearer "], &["Bearerabc"], &[""]] {
            assert_eq!(presented_by(values, None).unwrap_err(), "token-missing", "{values:?}");
        }
    }

    #[test]
    fn refuses_a_token_anywhere_else_and_a_header_that_can_be_read_in_two_ways() {
        for values in [
            &["Bearer a", "Bearer b"][..],
            &["Bearer a", "Basic b"],
            &["Bearer  a"],
            &["Bearer a b"],
            &["Bearer a, Bearer b"],
        ] {
            assert_eq!(presented_by(values, None).unwrap_err(), "token-placement", "{values:?}");
        }
        for query in ["access_token=a", "x=1&access_token=a", "access%5Ftoken=a", "access_token"] {
            assert_eq!(presented_by(&[], Some(query)).unwrap_err(), "token-placement");
            assert_eq!(presented_by(&["Bearer a"], Some(query)).unwrap_err(), "token-placement");
        }
    }
}
