//! A valid base for the crate's tests.

use tessera_udap::ids::{BaseUrl, EndpointUrl};

use crate::settings::{GatewayBase, PublishedEndpoints};

pub(crate) const BASE_URL: &str = "https://data.example/fhir";
pub(crate) const UPSTREAM_URL: &str = "http://10.0.0.5:8080/r4";

pub(crate) fn base() -> GatewayBase {
    base_at("clinic", BASE_URL)
}

pub(crate) fn base_at(name: &str, url: &str) -> GatewayBase {
    let endpoint =
        |path: &str| EndpointUrl::parse(&format!("https://data.example/{path}")).unwrap();
    GatewayBase {
        name: name.to_owned(),
        base_url: BaseUrl::parse(url).unwrap(),
        upstream_url: BaseUrl::parse(UPSTREAM_URL).unwrap(),
        endpoints: PublishedEndpoints {
            token: endpoint("token"),
            registration: endpoint("register"),
            udap_metadata: endpoint("fhir/.well-known/udap"),
        },
        allowed_purposes: None,
    }
}
