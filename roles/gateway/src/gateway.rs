//! The way of a request: token, grammar, permit, upstream, and back.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use tessera_udap::access_token::TokenKeys;

use crate::audit::{AuditOutcome, AuditRecord};
use crate::body::{self, full};
use crate::capability::{self, Statements};
use crate::context::GatewayContext;
use crate::forward::forward;
use crate::outcome;
use crate::permit::AccessPermit;
use crate::ports::{AuditSink, Body, TokenStatusPort, Upstream};
use crate::rejection::Rejection;
use crate::request::FhirRequest;
use crate::request::media::FHIR_JSON;
use crate::settings::{GatewayBase, GatewaySettings};
use crate::token::SignedToken;

/// The resource server of the guide in front of FHIR servers that know nothing of it.
pub struct Gateway {
    settings: GatewaySettings,
    token_keys: TokenKeys,
    upstream: Arc<dyn Upstream>,
    token_status: Arc<dyn TokenStatusPort>,
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
        token_status: Arc<dyn TokenStatusPort>,
        audit: Arc<dyn AuditSink>,
    ) -> Self {
        Self { settings, token_keys, upstream, token_status, audit, statements: Statements::default() }
    }

    /// Answers a FHIR request to the base of this name; a refusal is an answer too, with an `OperationOutcome`.
    ///
    /// The path of the request is the whole path as it came, undecoded, that of the base URL included; its host has no
    /// say. The decision is recorded before anything goes upstream, and a failure after it is recorded again. Only the
    /// public `CapabilityStatement` is given out unrecorded.
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
        base: &GatewayBase,
        request: Request<Body>,
        context: &GatewayContext,
        record: &mut AuditRecord,
    ) -> Result<Response<Body>, Rejection> {
        let (parts, body) = request.into_parts();
        // Read first and refused last: who has no token learns that before anything else.
        let asked = FhirRequest::parse(&parts, base.base_path());
        if let Ok(request) = &asked {
            record.request = request.described();
            if let Some(permit) = AccessPermit::of_public_document(request) {
                return self.capabilities(permit, base, context).await;
            }
        }
        let token =
            SignedToken::read(&parts.headers, parts.uri.query(), &self.token_keys, &base.base_url, context.now)?;
        record.client = Some(token.client());
        record.purpose = token.purpose();
        let token = token.ask_whether_it_lives(self.token_status.as_ref()).await?;
        let permit = AccessPermit::judge(asked?, body, &token, base).await?;
        self.audit.record(record.clone());
        forward(permit, base, self.upstream.as_ref(), &context.correlation_id).await
    }

    async fn capabilities(
        &self,
        permit: AccessPermit,
        base: &GatewayBase,
        context: &GatewayContext,
    ) -> Result<Response<Body>, Rejection> {
        let statement = match self.statements.kept(base, context.now) {
            Some(statement) => statement,
            None => {
                let response = forward(permit, base, self.upstream.as_ref(), &context.correlation_id).await?;
                let statement = published(response, base).await?;
                self.statements.keep(base, statement.clone(), context.now);
                statement
            }
        };
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
        let answer = outcome::response(rejection, realm, &record.correlation_id);
        record.outcome =
            if rejection.is_ours() { AuditOutcome::Failed(refusal) } else { AuditOutcome::Refused(refusal) };
        self.audit.record(record);
        answer
    }
}

async fn published(response: Response<Body>, base: &GatewayBase) -> Result<Bytes, Rejection> {
    if !response.status().is_success() {
        return Err(Rejection::UpstreamFailed { status: response.status() });
    }
    let statement = body::read(response.into_body(), capability::MAX_STATEMENT_BYTES)
        .await
        .map_err(|_| Rejection::UpstreamAnswer { what: "its metadata broke off or is too large" })?;
    capability::published(&statement, base)
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gateway").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
