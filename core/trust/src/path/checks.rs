//! The checks of one certificate that cost no signature, each with the section that demands it.
//!
//! Every check runs even when an earlier one failed: an officer who mends a certificate wants the whole list.

use crate::{
    certificate::Certificate,
    error::{Reason, RefusalKind},
    profile::CertificateProfile,
    signature::SignatureAlgorithm,
    time::UnixTime,
};

/// What may be wrong with the end entity's certificate itself.
pub(super) fn end_entity(certificate: &Certificate, profile: &CertificateProfile, now: UnixTime) -> Vec<Reason> {
    let mut found = Findings::about(certificate);
    found.every_certificate(profile, now);
    found.signature_algorithm();
    let extensions = certificate.extensions();
    if certificate.is_ca() {
        found.note(
            RefusalKind::EndEntityIsCa,
            "is the certificate of a CA and cannot stand for an app or server".to_owned(),
            "RFC 5280 §4.2.1.9",
        );
    }
    if extensions.key_usage.is_some_and(|usage| !usage.digital_signature()) {
        found.note(
            RefusalKind::KeyUsage,
            "may not sign: its key usage lacks digitalSignature".to_owned(),
            "RFC 5280 §4.2.1.3",
        );
    }
    if !profile.accepts_uri_names(certificate.uri_names()) {
        let problem = match certificate.uri_names() {
            [] => "has no URI in its subjectAltName",
            _ => "has no URI in its subjectAltName with a scheme that the community accepts",
        };
        found.note(RefusalKind::UriName, problem.to_owned(), "FAST Security STU2 §7.1.4");
    }
    found.reasons
}

/// Where a candidate for an issuer would stand in a path.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Intermediates that are not self-issued between the candidate and the end entity.
    pub(super) below: usize,
    /// Whether it is an anchor, whose own signature nobody relies on.
    pub(super) is_anchor: bool,
}

/// What may be wrong with a certificate that should have issued another.
pub(super) fn issuer(
    certificate: &Certificate,
    place: Place,
    profile: &CertificateProfile,
    now: UnixTime,
) -> Vec<Reason> {
    let mut found = Findings::about(certificate);
    found.every_certificate(profile, now);
    if !place.is_anchor {
        found.signature_algorithm();
    }
    let extensions = certificate.extensions();
    match extensions.basic_constraints {
        Some(constraints) if constraints.ca => {
            if let Some(allowed) = constraints.path_len
                && place.below > usize::try_from(allowed).unwrap_or(usize::MAX)
            {
                found.note(
                    RefusalKind::PathTooLong,
                    format!("allows {allowed} CAs below itself, and there are {}", place.below),
                    "RFC 5280 §4.2.1.9, §6.1.4 (l), (m)",
                );
            }
        }
        _ => found.note(
            RefusalKind::NotACa,
            "is not marked as a CA in basicConstraints and cannot issue certificates".to_owned(),
            "RFC 5280 §6.1.4 (k)",
        ),
    }
    if extensions.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
        found.note(
            RefusalKind::KeyUsage,
            "may not sign certificates: its key usage lacks keyCertSign".to_owned(),
            "RFC 5280 §6.1.4 (n)",
        );
    }
    found.reasons
}

struct Findings<'a> {
    certificate: &'a Certificate,
    reasons: Vec<Reason>,
}

impl<'a> Findings<'a> {
    fn about(certificate: &'a Certificate) -> Self {
        Self { certificate, reasons: Vec::new() }
    }

    fn note(&mut self, kind: RefusalKind, detail: String, source: &'static str) {
        self.reasons.push(Reason::new(kind, self.certificate, detail, source));
    }

    fn every_certificate(&mut self, profile: &CertificateProfile, now: UnixTime) {
        self.validity(now);
        self.key(profile);
        self.critical_extensions();
        // RFC 5280 §4.2.1.12 leaves CAs out; that a CA's extended key usage limits what it issues is how communities
        // and all common engines read it (CA/Browser Forum Baseline Requirements §7.1.2.10.6).
        if !profile.accepts_purposes(self.certificate.extensions().extended_key_usage.as_deref()) {
            self.note(
                RefusalKind::ExtendedKeyUsage,
                "names no purpose in its extended key usage that the community accepts".to_owned(),
                "RFC 5280 §4.2.1.12",
            );
        }
    }

    fn validity(&mut self, now: UnixTime) {
        let (not_before, not_after) = (self.certificate.not_before(), self.certificate.not_after());
        let source = "RFC 5280 §6.1.3 (a) (2)";
        if now < not_before {
            let detail = format!("is not valid before {}", not_before.to_utc_text());
            self.note(RefusalKind::NotYetValid, detail, source);
        }
        if now > not_after {
            let detail = format!("expired at {}", not_after.to_utc_text());
            self.note(RefusalKind::Expired, detail, source);
        }
    }

    fn key(&mut self, profile: &CertificateProfile) {
        match self.certificate.public_key() {
            Ok(kind) if profile.accepts_key(kind) => {}
            Ok(kind) => self.note(
                RefusalKind::WeakKey,
                format!("has a key ({kind}) that the community does not accept"),
                "the community's certificate profile",
            ),
            Err(problem) => {
                let detail = format!("cannot be used: {problem}");
                self.note(RefusalKind::WeakKey, detail, "RFC 5480 §2.1.1; RFC 7518 §3.3");
            }
        }
    }

    fn critical_extensions(&mut self) {
        let extensions = self.certificate.extensions();
        if !extensions.unknown_critical.is_empty() {
            let oids: Vec<_> = extensions.unknown_critical.iter().map(ToString::to_string).collect();
            self.note(
                RefusalKind::UnknownCriticalExtension,
                format!("has critical extensions that are not understood: {}", oids.join(", ")),
                "RFC 5280 §4.2, §6.1.4 (o), §6.1.5 (f)",
            );
        }
        if extensions.has_name_constraints {
            self.note(
                RefusalKind::NameConstraintsNotSupported,
                "carries name constraints, which are not understood yet".to_owned(),
                "RFC 5280 §4.2.1.10",
            );
        }
    }

    fn signature_algorithm(&mut self) {
        if let SignatureAlgorithm::Unsupported(oid) = self.certificate.signature_algorithm() {
            self.note(
                RefusalKind::WeakSignature,
                format!(
                    "is signed with an algorithm that does not count ({oid}); SHA-256 or longer with RSA or ECDSA does"
                ),
                "RFC 5280 §6.1.3 (a) (1); RFC 9155",
            );
        }
    }
}
