//! The way of a request: token, grammar, permit, upstream, and back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use tessera_trust::community::CommunityId;
use tessera_udap::access_token::TokenKeys;
use tokio::time::{Instant, timeout_at};

use crate::audit::{AuditOutcome, AuditRecord};
use crate::body::{self, full};
use crate::capability;
use crate::context::GatewayContext;
use crate::forward::forward;
use crate::outcome;
use crate::permit::AccessPermit;
use crate::ports::{AuditSink, Body, TokenStatusSource, Upstream, UpstreamError};
use crate::rejection::Rejection;
use crate::request::FhirRequest;
use crate::request::media::FHIR_JSON;
use crate::settings::{GatewayBase, GatewaySettings};
use crate::statements::Statements;
use crate::token::SignedToken;
use crate::write_watch::WriteWatch;

/// From the head of a request to the head of its answer. The node's own deadline for handlers is 15 s and knows nothing
/// of FHIR, so the gateway ends before it.
///
/// Source: security invariant 45, limits
const ANSWER_DEADLINE: Duration = Duration::from_secs(13);

/// Why an answer is a refusal, for whoever counts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredRefusal {
    /// Which check, in kebab-case; of a fixed list.
    pub reason_code: &'static str,
    /// The community of the caller; `None` when no token proved it.
    pub community: Option<CommunityId>,
}

/// The resource server of the guide in front of FHIR servers that know nothing of it.
pub struct Gateway {
    settings: GatewaySettings,
    token_keys: TokenKeys,
    upstream: Arc<dyn Upstream>,
    token_status: Arc<dyn TokenStatusSource>,
    audit: Arc<dyn AuditSink>,
    statements: Statements,
}

impl Gateway {
    /// A gateway for these bases that accepts tokens signed with these keys.
    #[must_use]
    pub fn new(
        settings: GatewaySettings,
        token_keys: TokenKeys,
        upstream: Arc<dyn Upstream>,
        token_status: Arc<dyn TokenStatusSource>,
        audit: Arc<dyn AuditSink>,
    ) -> Self {
        let statements = Statements::new(&settings);
        Self { settings, token_keys, upstream, token_status, audit, statements }
    }

    /// Answers a FHIR request to the base of this name; a refusal is an answer too, with an `OperationOutcome`.
    ///
    /// The path of the request is the whole path as it came, undecoded, that of the base URL included; its host has no
    /// say. The decision is recorded before anything goes upstream, and a failure after it is recorded again; what cannot
    /// be recorded is not forwarded. Only the public `CapabilityStatement` is given out unrecorded.
    ///
    /// A refusal carries an [`AnsweredRefusal`] among the response's extensions.
    ///
    /// Source: FAST Security STU2 §5.2.4; security invariants 39 to 44
    pub async fn handle(&self, base: &str, request: Request<Body>, context: &GatewayContext) -> Response<Body> {
        let mut record = AuditRecord::begun(base, context);
        let Some(base) = self.settings.base(base) else {
            return self.rejected(&Rejection::UnknownBase, "", record);
        };
        match self.serve(base, request, context, &mut record).await {
            Ok(response) => response,
            Err(rejection) => self.rejected(&rejection, base.base_url(), record),
        }
    }

    async fn serve(
        &self,
        base: &Arc<GatewayBase>,
        request: Request<Body>,
        context: &GatewayContext,
        record: &mut AuditRecord,
    ) -> Result<Response<Body>, Rejection> {
        let deadline = Instant::now() + ANSWER_DEADLINE;
        let (parts, body) = request.into_parts();
        // Read first and refused last: who has no token learns that before anything else.
        let asked = FhirRequest::parse(&parts, base.base_path());
        if let Ok(request) = &asked {
            record.request = request.described();
            if let Some(permit) = AccessPermit::of_public_document(request) {
                return self.capabilities(permit, base, context, deadline).await;
            }
        }
        let token =
            SignedToken::read(&parts.headers, parts.uri.query(), &self.token_keys, &base.base_url, context.now)?;
        record.client = Some(token.client());
        record.purpose = token.purpose();
        let permit = timeout_at(deadline, async {
            let token = token.ask_whether_it_lives(self.token_status.as_ref()).await?;
            AccessPermit::judge(asked?, body, token, self.token_status.as_ref(), base).await
        });
        let permit = permit.await.unwrap_or(Err(Rejection::DecisionTooSlow))?;
        record.outcome = AuditOutcome::Granted;
        self.audit.record(record.clone()).map_err(Rejection::Unrecorded)?;

        let watch = permit.is_write().then(|| WriteWatch::begun(self.audit.as_ref(), record));
        let answer = forward(permit, base, self.upstream.as_ref(), &context.correlation_id);
        let answer = timeout_at(deadline, answer).await.unwrap_or(Err(Rejection::Upstream(UpstreamError::TimedOut)));
        match watch {
            Some(watch) => {
                watch.seen();
                answer.map_err(Rejection::after_write)
            }
            None => answer,
        }
    }

    async fn capabilities(
        &self,
        permit: AccessPermit,
        base: &Arc<GatewayBase>,
        context: &GatewayContext,
        deadline: Instant,
    ) -> Result<Response<Body>, Rejection> {
        let (upstream, correlation_id) = (Arc::clone(&self.upstream), context.correlation_id.clone());
        let fetch = {
            let base = Arc::clone(base);
            async move {
                let response = forward(permit, &base, upstream.as_ref(), &correlation_id).await?;
                published(response, base).await
            }
        };
        let statement = timeout_at(deadline, self.statements.of(&base.name, fetch)).await;
        let statement = statement.unwrap_or(Err(Rejection::StatementUnavailable))?;
        let mut response = Response::new(full(statement));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=30"));
        Ok(response)
    }

    /// Records and logs a rejection, once, and says it to the caller.
    fn rejected(&self, rejection: &Rejection, realm: &str, mut record: AuditRecord) -> Response<Body> {
        let refusal = rejection.recorded();
        let client = record.client.as_ref().map_or("", |client| client.client_id.as_str());
        if rejection.is_ours() {
            tracing::error!(
                correlation.id = %record.correlation_id,
                base = %record.base,
                client.id = %client,
                reason = refusal.reason_code,
                "a FHIR request failed: {}",
                refusal.detail
            );
        } else {
            tracing::info!(
                correlation.id = %record.correlation_id,
                base = %record.base,
                client.id = %client,
                reason = refusal.reason_code,
                "a FHIR request was refused: {}",
                refusal.detail
            );
        }
        let correlation_id = record.correlation_id.clone();
        let community = record.client.as_ref().map(|client| client.community.clone());
        let answered = |rejection: &Rejection| {
            let mut answer = outcome::response(rejection, realm, &correlation_id);
            let reason_code = rejection.rule().reason_code;
            answer.extensions_mut().insert(AnsweredRefusal { reason_code, community: community.clone() });
            answer
        };
        record.outcome =
            if rejection.is_ours() { AuditOutcome::Failed(refusal) } else { AuditOutcome::Refused(refusal) };
        match self.audit.record(record) {
            // What could not be done is told as it is: the caller of a write must learn that it may have been done.
            Err(error) if !rejection.is_ours() => answered(&Rejection::Unrecorded(error)),
            _ => answered(rejection),
        }
    }
}

/// Parses some megabytes elsewhere than on a thread that answers requests.
async fn published(response: Response<Body>, base: Arc<GatewayBase>) -> Result<Bytes, Rejection> {
    if !response.status().is_success() {
        return Err(Rejection::UpstreamFailed { status: response.status() });
    }
    let statement = body::read(response.into_body(), capability::MAX_STATEMENT_BYTES)
        .await
        .map_err(|_| Rejection::UpstreamAnswer { what: "its metadata broke off or is too large" })?;
    let published = tokio::task::spawn_blocking(move || capability::published(&statement, &base)).await;
    published.unwrap_or(Err(Rejection::StatementUnavailable))
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gateway").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
