//! The permit: what must hold before a request may go upstream.

use bytes::Bytes;

use crate::body::{self, ReadError};
use crate::ports::{Body, TokenStatusSource};
use crate::rejection::Rejection;
use crate::request::FhirRequest;
use crate::request::parameters::Parameters;
use crate::request::path::{Interaction, SearchForm};
use crate::settings::GatewayBase;
use crate::token::LiveToken;
use crate::{scope, written};

/// The largest form of a search, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// A request that was judged in full: it was understood, its token lives, scope and purpose allow it, its body is what it
/// says.
///
/// Only this crate's own judgement makes one, and forwarding takes nothing else:
///
/// ```compile_fail,E0451
/// use tessera_gateway::permit::AccessPermit;
///
/// fn forge(permit: AccessPermit) -> AccessPermit {
///     AccessPermit { content: None, ..permit }
/// }
/// ```
///
/// ```compile_fail,E0624
/// tessera_gateway::permit::AccessPermit::of_public_document(todo!());
/// ```
///
/// Source: security invariants 39, 41 and 44
#[derive(Debug)]
pub struct AccessPermit {
    request: FhirRequest,
    content: Option<Bytes>,
}

impl AccessPermit {
    /// Permits what everybody may read: the `CapabilityStatement`. `None` for every other request.
    pub(crate) fn of_public_document(request: &FhirRequest) -> Option<Self> {
        if request.interaction != Interaction::Capabilities {
            return None;
        }
        // One document for everybody, whatever view of it was asked for.
        let request = FhirRequest { parameters: Parameters::default(), head_only: false, ..request.clone() };
        Some(Self { request, content: None })
    }

    /// Judges a request with its token: scope, then purpose, then the body, which is not read for who may not send it.
    ///
    /// A caller may take seconds to send a body, in which the token may die; so a token with a body is asked for again
    /// when the body is there, as the last thing before the permit.
    pub(crate) async fn judge(
        mut request: FhirRequest,
        body: Body,
        token: LiveToken,
        token_status: &dyn TokenStatusSource,
        base: &GatewayBase,
    ) -> Result<Self, Rejection> {
        scope::judge(&token.claims().scope, &request.interaction)?;
        judge_purpose(&token, base)?;
        let has_body = request.interaction.has_body();
        let content = match request.interaction {
            Interaction::SearchType(_, SearchForm::Form) => {
                let form = read(body, MAX_FORM_BYTES).await?;
                let form = std::str::from_utf8(&form).map_err(|_| Rejection::MalformedParameters)?;
                request.parameters = request.parameters.and(form, &request.interaction)?;
                None
            }
            _ if request.interaction.carries_resource() => {
                let resource = read(body, written::MAX_RESOURCE_BYTES).await?;
                written::judge(&resource, &request.interaction)?;
                Some(resource)
            }
            _ => None,
        };
        if has_body {
            token.ask_whether_it_still_lives(token_status).await?;
        }
        Ok(Self { request, content })
    }

    /// Whether what was permitted changes something upstream.
    pub(crate) fn is_write(&self) -> bool {
        self.request.interaction.is_write()
    }

    /// What was permitted.
    pub(crate) fn into_parts(self) -> (FhirRequest, Option<Bytes>) {
        (self.request, self.content)
    }
}

/// Every purpose that the token states must be one that the base allows: data goes out for all of them.
///
/// Source: FAST Security STU2 §5.2.4; TOKEN-10
fn judge_purpose(token: &LiveToken, base: &GatewayBase) -> Result<(), Rejection> {
    let Some(allowed) = &base.allowed_purposes else {
        return Ok(());
    };
    let held = token.claims().b2b.as_ref().map(|b2b| b2b.purpose_of_use.as_slice()).unwrap_or_default();
    if held.is_empty() {
        return Err(Rejection::PurposeMissing);
    }
    if held.iter().all(|purpose| allowed.contains(purpose)) {
        return Ok(());
    }
    Err(Rejection::Purpose { held: held.to_vec(), allowed: allowed.clone() })
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Rejection> {
    body::read_in_time(body, limit).await.map_err(|error| match error {
        ReadError::TooLarge => Rejection::BodyTooLarge { limit },
        ReadError::TooSlow => Rejection::BodyTooSlow,
        ReadError::Broken(cause) => Rejection::BodyBroken(cause),
    })
}
