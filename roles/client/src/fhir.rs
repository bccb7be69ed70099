//! Reading FHIR data with a token, at the one base that the token is for.
//!
//! Source: FAST Security STU2 §5.2.4; RFC 6750 §2.1; security invariant 22

use crate::Client;
use crate::error::{ClientError, NotSent, Phase};
use crate::ports::{HttpRequest, HttpResponse};
use crate::token::AccessToken;
use crate::wire::refusal_with;
use tessera_jose::json::{Limits, Value, read_object};
use tessera_udap::foreign_text;
use tessera_udap::ids::BaseUrl;

#[cfg(test)]
mod tests;

/// The longest FHIR answer that is taken, in bytes.
const FHIR_LIMIT: usize = 32 * 1024 * 1024;
/// How many issues of a refusal are shown.
const MOST_ISSUES: usize = 5;

impl Client {
    /// Gets what is at `reference` below the base: `Patient?name=x`, `Patient/1`, or an absolute link of an earlier answer.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] when the reference leads out of the base, to which alone the token may go;
    /// [`ClientError::Refused`] for every status but 200.
    pub async fn get(&self, base: &BaseUrl, reference: &str, token: &AccessToken) -> Result<HttpResponse, ClientError> {
        let url = below_base(base, reference)?;
        let mut request = HttpRequest::get(url, "application/fhir+json", FHIR_LIMIT);
        request.headers.push(("authorization", format!("Bearer {}", token.reveal())));
        let response = self.http.send(request).await.map_err(ClientError::http(Phase::Data))?;
        match response.status {
            200 => Ok(response),
            401 => {
                // Dead before its time: the next action asks for a new one.
                self.tokens.forget_token(token);
                Err(refused(&response))
            }
            _ => Err(refused(&response)),
        }
    }
}

/// The URL of a reference, which must stay below the base when read as it is written.
fn below_base(base: &BaseUrl, reference: &str) -> Result<String, NotSent> {
    let prefix = base.below("");
    let relative = reference.strip_prefix(&prefix).unwrap_or(reference);
    let path = relative.split(['?', '#']).next().unwrap_or_default();
    let climbs = path.split('/').any(|segment| {
        let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
        decoded == ".." || decoded == "."
    });
    let is_plain = relative.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    // A colon before any slash would make it an absolute URL; a leading slash leaves the base's path.
    let is_relative = !path.starts_with('/') && !path.split('/').next().unwrap_or_default().contains(':');
    if climbs || !is_plain || !is_relative {
        return Err(NotSent::OutsideBase { url: foreign_text(reference) });
    }
    Ok(format!("{prefix}{relative}"))
}

/// FHIR servers refuse with an OperationOutcome; its texts are what a person should see.
fn refused(response: &HttpResponse) -> ClientError {
    refusal_with(Phase::Data, response, None, operation_outcome_text(&response.body))
}

/// What each of the first issues says, both in its details and in its diagnostics: servers put the word that they do not
/// know into either.
fn operation_outcome_text(body: &[u8]) -> Option<String> {
    let outcome = read_object(body, &Limits::new(64 * 1024)).ok()?;
    let mut texts = Vec::new();
    for issue in outcome.optional_array("issue").ok()??.iter().take(MOST_ISSUES).filter_map(Value::as_object) {
        let details = issue.optional_object("details").ok().flatten();
        let details = details.and_then(|details| details.optional_str("text").ok().flatten());
        let diagnostics = issue.optional_str("diagnostics").ok().flatten();
        for text in [details, diagnostics].into_iter().flatten() {
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    (!texts.is_empty()).then(|| foreign_text(&texts.join("; ")))
}
