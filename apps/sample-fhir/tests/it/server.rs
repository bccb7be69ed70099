//! The router without a socket: requests in, answers out.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tessera_sample_fhir::SampleFhir;
use tower::ServiceExt;

pub(crate) const BASE: &str = "https://data.example/fhir";

pub(crate) struct Server(Router);

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `Null` when there is no body.
    pub(crate) body: Value,
}

impl Server {
    pub(crate) fn with_sample_data() -> Self {
        Self(SampleFhir::load().unwrap().router(BASE))
    }

    pub(crate) fn empty() -> Self {
        Self(SampleFhir::empty().router(BASE))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends without a body; `headers` are name and value.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(method, path, headers, Body::empty())).await
    }

    /// The body's text, for what a JSON reader would not tell.
    pub(crate) async fn raw(&self, path: &str) -> String {
        let response = self.0.clone().oneshot(request("GET", path, &[], Body::empty())).await.unwrap();
        String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[]).await
    }

    /// Sends a resource, or what claims to be one.
    pub(crate) async fn write(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = [headers, &[("content-type", "application/fhir+json")]].concat();
        self.send(request(method, path, &headers, Body::from(body.to_owned()))).await
    }

    /// Keeps a Patient with this id and family name.
    pub(crate) async fn put_patient(&self, id: &str, family: &str) -> Answer {
        self.write("PUT", &format!("/Patient/{id}"), &[], &patient(Some(id), family)).await
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(body).unwrap()
}

pub(crate) fn patient(id: Option<&str>, family: &str) -> String {
    let id = id.map(|id| format!(r#""id":"{id}","#)).unwrap_or_default();
    format!(r#"{{"resourceType":"Patient",{id}"name":[{{"family":"{family}"}}],"gender":"other"}}"#)
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and issue code of an `OperationOutcome`, whose form is judged on the way.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/fhir+json");
        assert_eq!(self.body["resourceType"], "OperationOutcome");
        let issue = &self.body["issue"][0];
        assert_eq!((issue["severity"].as_str(), issue["code"].as_str()), (Some("error"), Some(code)), "{issue}");
        assert!(!issue["diagnostics"].as_str().unwrap().is_empty());
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// The ids of the resources of a Bundle, in order.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.entries().iter().map(|entry| entry["resource"]["id"].as_str().unwrap()).collect()
    }

    pub(crate) fn entries(&self) -> &[Value] {
        self.body["entry"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn total(&self) -> u64 {
        self.body["total"].as_u64().unwrap()
    }

    pub(crate) fn link(&self, relation: &str) -> Option<&str> {
        let links = self.body["link"].as_array().unwrap();
        links.iter().find(|link| link["relation"] == relation).map(|link| link["url"].as_str().unwrap())
    }
}
