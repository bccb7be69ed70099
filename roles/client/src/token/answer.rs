//! The token endpoint's answer.
//!
//! Source: RFC 6749 §5.1; FAST Security STU2 §5.2.3, §5.3

use super::PHASE;
use crate::error::ClientError;
use crate::scope_difference::ScopeDifference;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tessera_jose::json::Object;
use tessera_trust::UnixTime;
use tessera_udap::foreign_text;
use tessera_udap::scope::ScopeSet;

/// The guide's longest life of an access token (TOKEN-3).
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// The text of an access token; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(Arc<str>);

impl AccessToken {
    /// Takes a token's text as it stands, if it can go into an Authorization header.
    ///
    /// Source: RFC 6750 §2.1
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        (!text.is_empty() && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// The text, to be sent to its own FHIR base only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AccessToken([redacted])")
    }
}

/// A token that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token.
    pub token: AccessToken,
    /// The scopes that it carries.
    pub scope: ScopeSet,
    /// How they differ from those asked for.
    pub difference: ScopeDifference,
    /// When it ends; counted from the moment of the request, so that it never seems longer than it is.
    pub expires_at: UnixTime,
    /// What the answer should not have, for a person.
    pub notes: Vec<String>,
}

pub(super) fn read(answer: &Object, asked: &ScopeSet, now: UnixTime) -> Result<Grant, ClientError> {
    let member = |error: tessera_jose::json::MemberError| ClientError::answer(PHASE, error.to_string());
    let token = answer.required_str("access_token").map_err(member)?;
    let token =
        AccessToken::new(token).ok_or_else(|| ClientError::answer(PHASE, "`access_token` is not a bearer token"))?;
    let kind = answer.required_str("token_type").map_err(member)?;
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(ClientError::answer(PHASE, format!("`token_type` is {}", foreign_text(kind))));
    }
    let mut notes = Vec::new();
    let life = life(answer.required_integer("expires_in").map_err(member)?, &mut notes)?;
    if answer.contains("refresh_token") {
        notes.push("the answer has a refresh token, which client credentials never bring; it is not kept".to_owned());
    }
    let scope = match answer.optional_str("scope").map_err(member)? {
        Some(scope) => ScopeSet::parse(scope)
            .map_err(|error| ClientError::answer(PHASE, format!("`scope`: {}", foreign_text(&error.to_string()))))?,
        // Silence means that nothing differs (RFC 6749 §5.1).
        None => asked.clone(),
    };
    let difference = ScopeDifference::between(asked, &scope);
    Ok(Grant { token, scope, difference, expires_at: now.plus(life), notes })
}

fn life(expires_in: i64, notes: &mut Vec<String>) -> Result<Duration, ClientError> {
    let life = u64::try_from(expires_in)
        .ok()
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| ClientError::answer(PHASE, "`expires_in` is not a positive number of seconds"))?;
    if life > LONGEST_LIFE {
        notes.push(format!("the token claims to live {} s; the guide allows 3600", life.as_secs()));
    }
    Ok(life.min(LONGEST_LIFE))
}
