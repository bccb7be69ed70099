//! From a JSON object to the metadata, with a finding for each element that is missing or of the wrong type.

use tessera_jose::json::{MemberError, Object};

use super::{MetadataFinding, UdapMetadata};
use crate::edition::Edition;

/// A metadata document as far as it could be read, and all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataReading {
    /// What could be read.
    pub metadata: UdapMetadata,
    /// Every deviation, in the order of the guide's table: first of form, then of content.
    pub findings: Vec<MetadataFinding>,
}

impl MetadataReading {
    /// The findings at which a client stops.
    pub fn stops(&self) -> impl Iterator<Item = &MetadataFinding> {
        self.findings.iter().filter(|finding| finding.severity == super::Severity::Stop)
    }
}

impl UdapMetadata {
    /// Reads and judges a document; elements that it does not know are ignored.
    ///
    /// Source: FAST Security STU2 §2.2; DISC-9, META-1 to META-19
    #[must_use]
    pub fn read(document: &Object, edition: Edition) -> MetadataReading {
        let mut elements = Elements { document, findings: Vec::new() };
        let metadata = Self {
            udap_versions_supported: elements.required_list("META-1", "udap_versions_supported"),
            udap_profiles_supported: elements.required_list("META-2", "udap_profiles_supported"),
            udap_authorization_extensions_supported: elements
                .required_list("META-5", "udap_authorization_extensions_supported"),
            udap_authorization_extensions_required: elements.list("META-6", "udap_authorization_extensions_required"),
            udap_certifications_supported: elements.required_list("META-8", "udap_certifications_supported"),
            udap_certifications_required: elements.list("META-9", "udap_certifications_required"),
            grant_types_supported: elements.required_list("META-11", "grant_types_supported"),
            scopes_supported: elements.list("META-12", "scopes_supported"),
            authorization_endpoint: elements.text("META-13", "authorization_endpoint"),
            token_endpoint: elements.required_text("META-14", "token_endpoint"),
            token_endpoint_auth_methods_supported: elements
                .required_list("META-15", "token_endpoint_auth_methods_supported"),
            token_endpoint_auth_signing_alg_values_supported: elements
                .required_list("META-16", "token_endpoint_auth_signing_alg_values_supported"),
            registration_endpoint: elements.required_text("META-17", "registration_endpoint"),
            registration_endpoint_jwt_signing_alg_values_supported: elements
                .list("META-18", "registration_endpoint_jwt_signing_alg_values_supported"),
            signed_metadata: elements.required_text("META-19", "signed_metadata"),
        };
        let mut findings = elements.findings;
        // An element that is missing or unreadable has its finding; its emptiness is not another.
        let judged = metadata.judge(edition).into_iter();
        let unreported: Vec<_> =
            judged.filter(|finding| !findings.iter().any(|known| known.element == finding.element)).collect();
        findings.extend(unreported);
        MetadataReading { metadata, findings }
    }
}

struct Elements<'d> {
    document: &'d Object,
    findings: Vec<MetadataFinding>,
}

impl Elements<'_> {
    fn required_list(&mut self, requirement: &'static str, element: &'static str) -> Vec<String> {
        self.report_absence(requirement, element);
        self.list(requirement, element).unwrap_or_default()
    }

    fn required_text(&mut self, requirement: &'static str, element: &'static str) -> String {
        self.report_absence(requirement, element);
        self.text(requirement, element).unwrap_or_default()
    }

    fn list(&mut self, requirement: &'static str, element: &'static str) -> Option<Vec<String>> {
        let values = self.document.optional_strings(element);
        let values = self.typed(requirement, element, values)?;
        Some(values.into_iter().map(str::to_owned).collect())
    }

    fn text(&mut self, requirement: &'static str, element: &'static str) -> Option<String> {
        let value = self.document.optional_str(element);
        self.typed(requirement, element, value).map(str::to_owned)
    }

    fn typed<T>(
        &mut self,
        requirement: &'static str,
        element: &'static str,
        value: Result<Option<T>, MemberError>,
    ) -> Option<T> {
        value.unwrap_or_else(|_| {
            // A wrong type is no absence, also of an element that may be absent.
            let problem = "is of the wrong JSON type";
            self.findings.push(MetadataFinding::stop(requirement, element, problem));
            None
        })
    }

    /// Whether a client can go on without it: it can where the element only tells what else there is.
    fn report_absence(&mut self, requirement: &'static str, element: &'static str) {
        if self.document.contains(element) {
            return;
        }
        let is_informative = matches!(requirement, "META-5" | "META-8" | "META-15" | "META-16");
        let problem = "is missing";
        self.findings.push(if is_informative {
            MetadataFinding::warn(requirement, element, problem)
        } else {
            MetadataFinding::stop(requirement, element, problem)
        });
    }
}
