//! What the server says it can do, and what the client needs.
//!
//! What every server must have is judged at discovery; what client credentials need is shown there and enforced before
//! anything is sent. The rules themselves stand in [`tessera_udap::metadata`].
//!
//! Source: FAST Security STU2 §2.2; DISC-7, DISC-11, META-9

use super::{DataHolder, DiscoveryError, steps};
use crate::check::{CheckOutcome, Report};
use crate::error::NotSent;
use tessera_jose::algorithm::Algorithm;
use tessera_jose::json::Object;
use tessera_udap::edition::Edition;
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::foreign_text;
use tessera_udap::metadata::{ClientNeeds, MetadataFinding, Severity, UdapMetadata};
use tessera_udap::negotiation;
use tessera_udap::scope::ScopeSet;

/// Reads the elements outside the signed part, after that has been proven, and records each finding.
pub(super) fn read(document: &Object, edition: Edition, report: &mut Report) -> Result<UdapMetadata, DiscoveryError> {
    let reading = UdapMetadata::read(document, edition);
    let (stops, warnings): (Vec<_>, Vec<_>) =
        reading.findings.iter().partition(|finding| finding.severity == Severity::Stop);
    for finding in &warnings {
        report.finding(steps::ELEMENTS, CheckOutcome::Warned, finding);
    }
    if let [first, ..] = stops.as_slice() {
        for finding in &stops {
            report.finding(steps::ELEMENTS, CheckOutcome::Failed, finding);
        }
        let (check, detail) = (steps::ELEMENTS.name, foreign_text(&first.to_string()));
        // Whether it says no, or does not say anything that could be read.
        return Err(match says_no(document, first) {
            true => DiscoveryError::NotSupported { check, detail },
            false => DiscoveryError::NotMetadata { check, detail },
        });
    }
    if warnings.is_empty() {
        report.passed(steps::ELEMENTS, format!("{} members", document.len()));
    }
    // Nobody knows yet which app will register, so that a demanded certification is shown as one that it must have.
    let lacking = lacking(&reading.metadata, edition, &needs(Algorithm::Rs256, &[]));
    for finding in &lacking {
        report.finding(steps::GRANT, CheckOutcome::Warned, finding);
    }
    if lacking.is_empty() {
        report.passed(steps::GRANT, "client_credentials, hl7-b2b, RS256");
    }
    Ok(reading.metadata)
}

impl DataHolder {
    /// Whether this client, with a key of that algorithm, can use client credentials here.
    ///
    /// # Errors
    /// [`NotSent::NotSupported`] names what the server does not list.
    ///
    /// Source: FAST Security STU2 §2.2; DISC-7
    pub fn judge_for_client_credentials(&self, algorithm: Algorithm) -> Result<(), NotSent> {
        self.refuse_lacking(&needs(algorithm, &self.demanded_certifications()))
    }

    /// Whether an app with a key of that algorithm and these certifications, by their URIs, can register here.
    ///
    /// # Errors
    /// [`NotSent::NotSupported`] names what the server does not list, or that it demands another certification.
    ///
    /// Source: FAST Security STU2 §2.2; DISC-7, META-9
    pub fn judge_for_registration(&self, algorithm: Algorithm, certifications: &[&str]) -> Result<(), NotSent> {
        self.refuse_lacking(&needs(algorithm, certifications))
    }

    fn refuse_lacking(&self, needs: &ClientNeeds<'_>) -> Result<(), NotSent> {
        let lacking = lacking(&self.metadata, self.edition, needs);
        match lacking.iter().find(|finding| finding.severity == Severity::Stop) {
            Some(finding) => Err(NotSent::NotSupported { capability: format!("what is needed: {finding}") }),
            None => Ok(()),
        }
    }

    /// Certifications are demanded of who registers; who is registered already has shown them.
    fn demanded_certifications(&self) -> Vec<&str> {
        self.metadata.udap_certifications_required.iter().flatten().map(String::as_str).collect()
    }

    /// Refuses a wildcard scope where the server lists none; there is no use in asking (SCOPE-2).
    pub(crate) fn refuse_unlisted_wildcards(&self, scope: &ScopeSet) -> Result<(), NotSent> {
        let listed = self.metadata.scopes_supported.as_deref().unwrap_or_default();
        match negotiation::wildcard_in_vain(scope, listed) {
            Some(wildcard) => Err(NotSent::WildcardScope { scope: wildcard.to_string() }),
            None => Ok(()),
        }
    }
}

/// An element that is a list says what there is, also when it is empty or left out; what is of another type says nothing.
fn says_no(document: &Object, finding: &MetadataFinding) -> bool {
    document.optional_strings(finding.element).is_ok()
}

/// What client credentials need and the server does not list.
///
/// The guide's first edition does not demand the B2B object, so that a server of it may understand what it does not list.
///
/// Source: FAST Security STU2 §2.2; DISC-7, META-3, META-5
fn lacking(metadata: &UdapMetadata, edition: Edition, needs: &ClientNeeds<'_>) -> Vec<MetadataFinding> {
    let mut lacking = metadata.lacks(needs);
    lacking.extend(metadata.judge(edition).into_iter().filter(|finding| finding.requirement == "META-3"));
    for finding in &mut lacking {
        if finding.requirement == "META-3" || (finding.requirement == "META-5" && edition != Edition::Stu1) {
            finding.severity = Severity::Stop;
        }
    }
    lacking
}

fn needs<'a>(algorithm: Algorithm, certifications: &'a [&'a str]) -> ClientNeeds<'a> {
    ClientNeeds { grant_type: "client_credentials", algorithm, extensions: &[B2bExtension::NAME], certifications }
}
