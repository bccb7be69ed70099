//! What the elements must say, and what a client needs of them.

use tessera_jose::algorithm::Algorithm;

use super::{MetadataFinding, UdapMetadata};
use crate::edition::Edition;
use crate::extensions::b2b::B2bExtension;
use crate::ids::EndpointUrl;
use crate::registration::UDAP_VERSION;
use crate::software_statement::PRIVATE_KEY_JWT;

const AUTHORIZATION_CODE: &str = "authorization_code";
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// What a client is about to do, and so what the server must support.
#[derive(Debug, Clone, Copy)]
pub struct ClientNeeds<'a> {
    /// The grant, such as `client_credentials`.
    pub grant_type: &'a str,
    /// With which algorithm the client signs.
    pub algorithm: Algorithm,
    /// The extension objects that the client sends with a token request.
    pub extensions: &'a [&'a str],
    /// The certifications that the client has, by their URIs.
    pub certifications: &'a [&'a str],
}

impl UdapMetadata {
    /// Judges what the elements say, in the order of the guide's table.
    ///
    /// Serves the client for foreign metadata and the configuration check for our own.
    ///
    /// Source: FAST Security STU2 §2.2
    #[must_use]
    pub fn judge(&self, edition: Edition) -> Vec<MetadataFinding> {
        let mut findings = Vec::new();
        self.judge_profiles(&mut findings);
        self.judge_required_lists(edition, &mut findings);
        self.judge_grants(&mut findings);
        self.judge_since_stu2(edition, &mut findings);
        self.judge_endpoints(&mut findings);
        self.judge_authentication(&mut findings);
        findings
    }

    /// META-1, META-2, META-3
    fn judge_profiles(&self, findings: &mut Vec<MetadataFinding>) {
        let element = "udap_versions_supported";
        if !has(&self.udap_versions_supported, UDAP_VERSION) {
            findings.push(MetadataFinding::stop("META-1", element, "does not list \"1\""));
        } else if self.udap_versions_supported.len() != 1 {
            findings.push(MetadataFinding::warn("META-1", element, "lists more than \"1\""));
        }

        let element = "udap_profiles_supported";
        for profile in ["udap_dcr", "udap_authn"] {
            if !has(&self.udap_profiles_supported, profile) {
                let problem = format!("does not list {profile}");
                findings.push(MetadataFinding::stop("META-2", element, problem));
            }
        }
        if self.supports(CLIENT_CREDENTIALS) && !has(&self.udap_profiles_supported, "udap_authz") {
            let problem = "does not list udap_authz, although client_credentials is supported";
            findings.push(MetadataFinding::warn("META-3", element, problem));
        }
    }

    /// META-5 to META-10
    fn judge_required_lists(&self, edition: Edition, findings: &mut Vec<MetadataFinding>) {
        let pairs = [
            (
                &self.udap_authorization_extensions_supported,
                &self.udap_authorization_extensions_required,
                "udap_authorization_extensions_required",
                ("META-6", "META-7"),
            ),
            (
                &self.udap_certifications_supported,
                &self.udap_certifications_required,
                "udap_certifications_required",
                ("META-9", "META-10"),
            ),
        ];
        for (supported, required, element, (presence, subset)) in pairs {
            if required.is_none() && !supported.is_empty() {
                let problem = "is missing, although some are supported";
                findings.push(MetadataFinding::warn(presence, element, problem));
            }
            let required = required.iter().flatten();
            let unsupported = required.filter(|name| !has(supported, name)).count();
            if unsupported > 0 && edition.required_lists_within_supported() {
                let problem = format!("lists {unsupported} that are not listed as supported");
                findings.push(MetadataFinding::warn(subset, element, problem));
            }
        }
    }

    /// META-11, DISC-7
    fn judge_grants(&self, findings: &mut Vec<MetadataFinding>) {
        let element = "grant_types_supported";
        if self.grant_types_supported.is_empty() {
            findings.push(MetadataFinding::stop("META-11", element, "is empty: no grant is supported"));
        } else if self.supports("refresh_token") && !self.supports(AUTHORIZATION_CODE) {
            let problem = "lists refresh_token without authorization_code";
            findings.push(MetadataFinding::warn("META-11", element, problem));
        }
    }

    /// META-12, META-18
    fn judge_since_stu2(&self, edition: Edition, findings: &mut Vec<MetadataFinding>) {
        if edition.scopes_supported_required() && self.scopes_supported.is_none() {
            findings.push(MetadataFinding::warn("META-12", "scopes_supported", "is missing"));
        }
        let element = "registration_endpoint_jwt_signing_alg_values_supported";
        match &self.registration_endpoint_jwt_signing_alg_values_supported {
            None if edition.registration_algorithms_required() => {
                findings.push(MetadataFinding::warn("META-18", element, "is missing"));
            }
            Some(algorithms) if algorithms.is_empty() => {
                let problem = "is empty: no algorithm is supported";
                findings.push(MetadataFinding::stop("META-18", element, problem));
            }
            _ => {}
        }
    }

    /// META-13, META-14, META-17, META-19
    fn judge_endpoints(&self, findings: &mut Vec<MetadataFinding>) {
        let element = "authorization_endpoint";
        match &self.authorization_endpoint {
            None if self.supports(AUTHORIZATION_CODE) => {
                let problem = "is missing, although authorization_code is supported";
                findings.push(MetadataFinding::warn("META-13", element, problem));
            }
            Some(url) if !is_endpoint(url) => {
                findings.push(MetadataFinding::warn("META-13", element, "is not an absolute URL"));
            }
            _ => {}
        }
        let required = [
            ("META-14", "token_endpoint", &self.token_endpoint),
            ("META-17", "registration_endpoint", &self.registration_endpoint),
        ];
        for (requirement, element, url) in required {
            if !is_endpoint(url) {
                let problem = "is not an absolute URL";
                findings.push(MetadataFinding::stop(requirement, element, problem));
            }
        }
        if self.signed_metadata.is_empty() {
            findings.push(MetadataFinding::stop("META-19", "signed_metadata", "is empty"));
        }
    }

    /// META-15, META-16
    fn judge_authentication(&self, findings: &mut Vec<MetadataFinding>) {
        let element = "token_endpoint_auth_methods_supported";
        let methods = &self.token_endpoint_auth_methods_supported;
        if !has(methods, PRIVATE_KEY_JWT) {
            let problem = "does not list private_key_jwt";
            findings.push(MetadataFinding::stop("META-15", element, problem));
        } else if methods.len() != 1 {
            let problem = "lists more than private_key_jwt";
            findings.push(MetadataFinding::warn("META-15", element, problem));
        }

        let element = "token_endpoint_auth_signing_alg_values_supported";
        let algorithms = &self.token_endpoint_auth_signing_alg_values_supported;
        if algorithms.is_empty() {
            let problem = "is empty: no algorithm is supported";
            findings.push(MetadataFinding::stop("META-16", element, problem));
        } else if !has(algorithms, Algorithm::Rs256.as_str()) {
            findings.push(MetadataFinding::warn("META-16", element, "does not list RS256"));
        }
    }

    /// What a client needs and this server does not list; the client stops at any of it before it sends anything.
    ///
    /// An element that is left out says nothing, so nothing is missing there; an empty list says that there is none.
    ///
    /// Source: FAST Security STU2 §2.2; UDAP Server Metadata §1; DISC-7, DISC-11
    #[must_use]
    pub fn lacks(&self, needs: &ClientNeeds<'_>) -> Vec<MetadataFinding> {
        let mut findings = Vec::new();
        if !self.supports(needs.grant_type) {
            let problem = format!("does not list {}", needs.grant_type);
            findings.push(MetadataFinding::stop("DISC-7", "grant_types_supported", problem));
        }
        self.lacks_algorithm(needs.algorithm, &mut findings);

        let sends_b2b = needs.extensions.contains(&B2bExtension::NAME);
        let supported = &self.udap_authorization_extensions_supported;
        if sends_b2b && !has(supported, B2bExtension::NAME) {
            // Not a stop: STU1 servers may understand it without saying so.
            let problem = "does not list hl7-b2b";
            let element = "udap_authorization_extensions_supported";
            findings.push(MetadataFinding::warn("META-5", element, problem));
        }
        let demanded = [
            (
                "META-6",
                "udap_authorization_extensions_required",
                &self.udap_authorization_extensions_required,
                needs.extensions,
            ),
            ("META-9", "udap_certifications_required", &self.udap_certifications_required, needs.certifications),
        ];
        for (requirement, element, required, held) in demanded {
            let required = required.iter().flatten();
            let count = required.filter(|name| !held.contains(&name.as_str())).count();
            if count > 0 {
                let problem = format!("demands {count} that this client does not have");
                findings.push(MetadataFinding::stop(requirement, element, problem));
            }
        }
        findings
    }

    fn lacks_algorithm(&self, algorithm: Algorithm, findings: &mut Vec<MetadataFinding>) {
        let lists = [
            (
                "token_endpoint_auth_signing_alg_values_supported",
                Some(&self.token_endpoint_auth_signing_alg_values_supported),
            ),
            (
                "registration_endpoint_jwt_signing_alg_values_supported",
                self.registration_endpoint_jwt_signing_alg_values_supported.as_ref(),
            ),
        ];
        for (element, algorithms) in lists {
            if algorithms.is_some_and(|listed| !has(listed, algorithm.as_str())) {
                let problem = format!("does not list {algorithm}, with which this client signs");
                findings.push(MetadataFinding::stop("DISC-7", element, problem));
            }
        }
    }

    fn supports(&self, grant_type: &str) -> bool {
        has(&self.grant_types_supported, grant_type)
    }
}

fn has(values: &[String], value: &str) -> bool {
    values.iter().any(|present| present == value)
}

fn is_endpoint(text: &str) -> bool {
    EndpointUrl::parse(text).is_ok()
}
