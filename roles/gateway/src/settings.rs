//! What the gateway is told at start: its FHIR bases and what stands behind each.

use std::sync::Arc;

use tessera_udap::ids::{BaseUrl, EndpointUrl};

/// The bases that the gateway serves; names and base URLs are unique.
#[derive(Debug, Clone, Default)]
pub struct GatewaySettings {
    bases: Vec<Arc<GatewayBase>>,
}

/// One FHIR base and the server behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayBase {
    /// Its name in the configuration.
    pub name: String,
    /// The FHIR base URL as clients know it; access tokens name it as audience.
    pub base_url: BaseUrl,
    /// The FHIR base URL of the server behind the gateway.
    pub upstream_url: BaseUrl,
    /// What the `CapabilityStatement` names.
    pub endpoints: PublishedEndpoints,
    /// The purposes of use for which data of this base is given out, compared as bytes; `None` is every purpose.
    pub allowed_purposes: Option<Vec<String>>,
}

/// The endpoints that a `CapabilityStatement` names in `rest.security`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedEndpoints {
    /// The token endpoint.
    pub token: EndpointUrl,
    /// The registration endpoint.
    pub registration: EndpointUrl,
    /// The UDAP metadata, `{base}/.well-known/udap`.
    pub udap_metadata: EndpointUrl,
}

/// Why bases cannot be served together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Two bases have this name.
    #[error("two bases are called {0:?}")]
    NameTwice(String),
    /// Two bases have this URL.
    #[error("two bases have the URL {0}")]
    UrlTwice(BaseUrl),
    /// This base is its own upstream.
    #[error("the base {0} is its own upstream")]
    Loop(BaseUrl),
}

impl GatewaySettings {
    /// Judges the bases together.
    ///
    /// # Errors
    /// [`SettingsError`] when a name or URL is there twice or a base forwards to itself.
    pub fn new(bases: Vec<GatewayBase>) -> Result<Self, SettingsError> {
        for (place, base) in bases.iter().enumerate() {
            let mut earlier = bases.iter().take(place);
            if earlier.clone().any(|other| other.name == base.name) {
                return Err(SettingsError::NameTwice(base.name.clone()));
            }
            if earlier.any(|other| other.base_url() == base.base_url()) {
                return Err(SettingsError::UrlTwice(base.base_url.clone()));
            }
            if base.base_url() == base.upstream_url() {
                return Err(SettingsError::Loop(base.base_url.clone()));
            }
        }
        Ok(Self { bases: bases.into_iter().map(Arc::new).collect() })
    }

    /// Whether a base of this name is served.
    #[must_use]
    pub fn serves(&self, base: &str) -> bool {
        self.base(base).is_some()
    }

    /// The base of this name.
    #[must_use]
    pub fn base(&self, name: &str) -> Option<&Arc<GatewayBase>> {
        self.bases.iter().find(|base| base.name == name)
    }

    /// All bases, in the order given.
    pub fn bases(&self) -> impl Iterator<Item = &GatewayBase> {
        self.bases.iter().map(Arc::as_ref)
    }
}

impl GatewayBase {
    /// The base URL without a slash at its end.
    pub(crate) fn base_url(&self) -> &str {
        without_slash(&self.base_url)
    }

    /// The upstream URL without a slash at its end.
    pub(crate) fn upstream_url(&self) -> &str {
        without_slash(&self.upstream_url)
    }

    /// The path of the base URL, without a slash at its end; empty when the base is a whole origin.
    pub(crate) fn base_path(&self) -> &str {
        path_of(self.base_url())
    }

    /// The path of the upstream URL, likewise.
    pub(crate) fn upstream_path(&self) -> &str {
        path_of(self.upstream_url())
    }
}

fn without_slash(url: &BaseUrl) -> &str {
    url.as_str().strip_suffix('/').unwrap_or(url.as_str())
}

/// What follows the authority; base URLs have no query, so this is the path.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').and_then(|slash| after_scheme.get(slash..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{base, base_at};

    #[test]
    fn knows_its_bases_by_name() {
        let settings = GatewaySettings::new(vec![base()]).unwrap();
        assert!(settings.serves("clinic"));
        assert!(!settings.serves("other"));
        assert_eq!(settings.bases().count(), 1);
    }

    #[test]
    fn refuses_equal_names_equal_urls_and_a_loop() {
        let twice = GatewaySettings::new(vec![base(), base_at("clinic", "https://other.example/fhir")]);
        assert_eq!(twice.unwrap_err(), SettingsError::NameTwice("clinic".to_owned()));
        // A slash at the end makes no other base.
        let twice = GatewaySettings::new(vec![base(), base_at("other", "https://data.example/fhir/")]);
        assert!(matches!(twice, Err(SettingsError::UrlTwice(_))));
        let loops = GatewayBase { upstream_url: base().base_url, ..base() };
        assert!(matches!(GatewaySettings::new(vec![loops]), Err(SettingsError::Loop(_))));
    }

    #[test]
    fn paths_of_bases_have_no_slash_at_the_end() {
        assert_eq!(base().base_path(), "/fhir");
        assert_eq!(base_at("x", "https://data.example").base_path(), "");
        assert_eq!(base_at("x", "https://data.example/").base_path(), "");
        assert_eq!(base_at("x", "https://data.example/a/b/").base_path(), "/a/b");
    }
}
