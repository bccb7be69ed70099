//! How the client role's requests travel: to hosts that the operator typed, and to endpoints that metadata named.
//!
//! A base URL that a person typed may be private; what its metadata name is learnt, and judged as such, unless it lies
//! on an origin that was typed too.
//!
//! Source: security invariants 18 to 22

use crate::dial::{Connector, DialError, Judgement};
use crate::exchange::{Answer, ExchangeError, Outgoing, exchange};
use crate::guard::{AllowList, Destination, Guard, GuardRefusal, Scheme};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use tessera_client::ports::{Http, HttpError, HttpRequest, HttpResponse, Method};

#[cfg(test)]
mod tests;

/// The client role's way out.
#[derive(Debug)]
pub struct ClientTransport {
    connector: Connector,
    typed: Vec<Destination>,
    guard: Guard,
    whole: Duration,
}

impl ClientTransport {
    /// A transport without any typed host; every destination is judged. One request takes 30 s at most.
    #[must_use]
    pub fn new(connector: Connector, allow: AllowList) -> Self {
        Self { connector, typed: Vec::new(), guard: Guard::new(allow), whole: Duration::from_secs(30) }
    }

    /// Lets the origin (scheme, host and port) of a URL that the operator typed be private.
    ///
    /// # Errors
    /// [`GuardRefusal`] when it is not an http or https URL as it stands.
    pub fn trusting(mut self, url: &str) -> Result<Self, GuardRefusal> {
        self.typed.push(Destination::parse(url)?);
        Ok(self)
    }

    /// With another bound on one whole request.
    #[must_use]
    pub fn within(mut self, whole: Duration) -> Self {
        self.whole = whole;
        self
    }

    async fn exchange(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let parsed = Destination::parse(&request.url).map_err(refused)?;
        let was_typed = self.typed.iter().any(|typed| typed.same_origin(&parsed));
        let (destination, judgement) = if was_typed {
            (parsed, Judgement::ChosenByOperator)
        } else {
            // What was learnt gets the client's assertions and tokens: never without TLS.
            if parsed.scheme() != Scheme::Https {
                return Err(refused(GuardRefusal::NotHttps));
            }
            (self.guard.judge(&request.url).map_err(refused)?, Judgement::Learnt(&self.guard))
        };
        let stream = self.connector.connect(&destination, judgement).await.map_err(|error| match error {
            DialError::Refused(refusal) => refused(refusal),
            DialError::TimedOut(_) => HttpError::TimedOut,
            other => HttpError::Unreachable(other.to_string()),
        })?;
        let limit = request.answer_limit;
        exchange(stream, &destination, outgoing(request)?, limit).await.map_err(|error| match error {
            ExchangeError::TooLarge(limit) => HttpError::TooLarge(limit),
            ExchangeError::Encoded => HttpError::Protocol(error.to_string()),
            ExchangeError::Protocol(text) => HttpError::Protocol(text),
        })
    }
}

#[async_trait]
impl Http for ClientTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer =
            tokio::time::timeout(self.whole, self.exchange(request)).await.unwrap_or(Err(HttpError::TimedOut))?;
        let headers = answer
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        Ok(HttpResponse { status: answer.status.as_u16(), headers: headers.collect(), body: answer.body.to_vec() })
    }
}

fn outgoing(request: HttpRequest) -> Result<Outgoing, HttpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| HttpError::Protocol(format!("the value of {name} cannot be sent")))?;
        value.set_sensitive(*name == "authorization");
        headers.insert(HeaderName::from_static(name), value);
    }
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
    };
    Ok(Outgoing { method, headers, body: Bytes::from(request.body) })
}

fn refused(refusal: GuardRefusal) -> HttpError {
    HttpError::Refused(refusal.to_string())
}
