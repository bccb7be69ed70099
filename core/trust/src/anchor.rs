//! Trust anchors: the CAs that an operator believes without asking anybody.

use std::sync::Arc;

use crate::{
    certificate::{Certificate, CertificateDigest},
    signature::KeyProblem,
};

/// Why a certificate cannot be an anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// It has no CA mark.
    #[error("the anchor {subject} is not a CA (RFC 5280 §4.2.1.9)")]
    NotACa {
        /// Its subject.
        subject: String,
    },
    /// Its key usage lacks keyCertSign.
    #[error("the anchor {subject} may not sign certificates: its key usage lacks keyCertSign (RFC 5280 §4.2.1.3)")]
    KeyUsage {
        /// Its subject.
        subject: String,
    },
    /// Its key does not count.
    #[error("the anchor {subject} cannot be used")]
    WeakKey {
        /// Its subject.
        subject: String,
        /// Why not.
        #[source]
        problem: KeyProblem,
    },
    /// It carries name constraints or a critical extension that is not understood.
    #[error("the anchor {subject} has {extension}, which is not understood (RFC 5280 §4.2)")]
    Extension {
        /// Its subject.
        subject: String,
        /// The extension.
        extension: String,
    },
}

/// A CA's certificate that an operator configured as the end of every believable path.
///
/// It need not be self-signed, and its own signature is never checked: it is believed because it is configured. Its
/// validity period is checked in each search, since configuration outlives certificates.
///
/// Source: RFC 5280 §6.1.1 (d); security invariants 14 and 15
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor(Arc<Certificate>);

impl Anchor {
    /// Takes a CA's certificate as an anchor.
    ///
    /// # Errors
    /// [`AnchorError`] when it is no CA, its key does not count, or it limits itself in ways that are not understood:
    /// such an anchor would refuse every chain, and the operator should know when the node starts.
    pub fn new(certificate: Arc<Certificate>) -> Result<Self, AnchorError> {
        let subject = || certificate.subject();
        let extensions = certificate.extensions();
        if !certificate.is_ca() {
            return Err(AnchorError::NotACa { subject: subject() });
        }
        if extensions.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(AnchorError::KeyUsage { subject: subject() });
        }
        if let Err(problem) = certificate.public_key() {
            return Err(AnchorError::WeakKey { subject: subject(), problem });
        }
        if extensions.has_name_constraints {
            return Err(AnchorError::Extension { subject: subject(), extension: "nameConstraints".to_owned() });
        }
        if let Some(oid) = extensions.unknown_critical.first() {
            return Err(AnchorError::Extension { subject: subject(), extension: format!("critical {oid}") });
        }
        Ok(Self(certificate))
    }

    /// The anchor's certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Arc<Certificate> {
        &self.0
    }

    /// SHA-256 of the anchor's certificate.
    #[must_use]
    pub fn digest(&self) -> CertificateDigest {
        self.0.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Key, NAME_CONSTRAINTS};

    fn anchor(change: impl FnOnce(&mut Builder)) -> Result<Anchor, AnchorError> {
        let key = Key::p256();
        let mut builder = Builder::ca("CN=Root", &key);
        change(&mut builder);
        Anchor::new(Arc::new(builder.self_signed(&key)))
    }

    #[test]
    fn takes_a_ca() {
        assert!(anchor(|_| {}).is_ok());
        assert!(anchor(|root| root.key_usage = None).is_ok());
    }

    #[test]
    fn refuses_what_could_never_be_the_end_of_a_path() {
        assert!(matches!(anchor(|root| root.basic_constraints = None), Err(AnchorError::NotACa { .. })));
        assert!(matches!(anchor(|root| root.key_usage = Some(0x02)), Err(AnchorError::KeyUsage { .. })));
        assert!(matches!(
            anchor(|root| root.extra(NAME_CONSTRAINTS, true, &[0x30, 0])),
            Err(AnchorError::Extension { .. })
        ));
        assert!(matches!(anchor(|root| root.extra("1.2.3.4", true, &[5, 0])), Err(AnchorError::Extension { .. })));
        let small = Key::rsa(1024);
        let root = Builder::ca("CN=Root", &small).issued_by("CN=Root", &Key::p256());
        assert!(matches!(Anchor::new(Arc::new(root)), Err(AnchorError::WeakKey { .. })));
    }
}
