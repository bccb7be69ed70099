//! TLS for outgoing connections: which servers are believed, with the provider named rather than installed.
//!
//! TLS proves that we talk to the host we dialled. It says nothing about trust communities, which is why its roots are a
//! matter of their own: the platform's, and the operator's PEM files beside or instead of them.

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use std::sync::Arc;

/// The roots that outgoing TLS believes.
#[derive(Clone, Debug)]
pub enum TlsRoots {
    /// The platform's roots, and these beside them.
    PlatformAnd(Vec<CertificateDer<'static>>),
    /// These alone; a world that must not depend on the machine it runs on.
    Only(Vec<CertificateDer<'static>>),
}

impl TlsRoots {
    /// The platform's roots alone.
    #[must_use]
    pub fn platform() -> Self {
        Self::PlatformAnd(Vec::new())
    }

    /// Reads roots from PEM text, in addition to the platform's.
    ///
    /// # Errors
    /// [`TlsError::Pem`] when the text holds no certificate or a broken one.
    pub fn platform_and_pem(pem: &[u8]) -> Result<Self, TlsError> {
        certificates(pem).map(Self::PlatformAnd)
    }

    /// Reads roots from PEM text, to be believed alone.
    ///
    /// # Errors
    /// [`TlsError::Pem`] when the text holds no certificate or a broken one.
    pub fn only_pem(pem: &[u8]) -> Result<Self, TlsError> {
        certificates(pem).map(Self::Only)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Pem(error.to_string()))?;
    if certificates.is_empty() { Err(TlsError::Pem("no certificate".to_owned())) } else { Ok(certificates) }
}

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The PEM text of the extra roots is not as it should be.
    #[error("the TLS roots cannot be read: {0}")]
    Pem(String),
    /// The TLS library refuses, for instance a root that is no certificate, or a platform without roots.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
}

/// The client side of TLS 1.2 and 1.3 with these roots; no client certificate, HTTP/1.1 only.
///
/// # Errors
/// [`TlsError::Library`] when a root is not usable or the platform has none.
pub fn client_config(roots: TlsRoots) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let mut config = match roots {
        TlsRoots::PlatformAnd(extra) => builder
            // Named "dangerous" by the library because any verifier could be put in; this one checks chain and name.
            .dangerous()
            .with_custom_certificate_verifier(platform_verifier(extra, provider)?)
            .with_no_client_auth(),
        TlsRoots::Only(roots) => builder.with_root_certificates(root_store(roots)?).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn platform_verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<Verifier>, TlsError> {
    Ok(Arc::new(Verifier::new_with_extra_roots(extra, provider)?))
}

fn root_store(roots: Vec<CertificateDer<'static>>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root)?;
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_roots_are_refused_at_start() {
        assert!(TlsRoots::platform_and_pem(b"").is_err());
        assert!(TlsRoots::only_pem(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").is_err());
        assert!(client_config(TlsRoots::Only(vec![CertificateDer::from(vec![0x30, 0])])).is_err());
    }

    #[test]
    fn a_world_without_any_root_believes_nobody_but_stands() {
        assert!(client_config(TlsRoots::Only(Vec::new())).is_ok());
    }
}
