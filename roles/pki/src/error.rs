//! Why a certificate or list was not made.

/// Why a certificate or list was not made; nothing was signed then.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A key could not be made or read.
    #[error("the private key cannot be used: {0}")]
    Key(&'static str),
    /// Signing failed.
    #[error("the signature could not be made")]
    Signing,
    /// A name, time or number does not fit into a certificate.
    #[error("{what} does not fit into a certificate")]
    Value {
        /// Which.
        what: &'static str,
        /// What the encoder said.
        #[source]
        source: Option<der::Error>,
    },
    /// The certificate request is not one, or not signed by its key.
    #[error("the certificate request is refused: {0}")]
    Request(&'static str),
    /// The certificate is not that of a CA's key.
    #[error("the certificate does not belong to the CA's key")]
    NotThisKey,
}

impl PkiError {
    /// For `map_err`: the encoder refused this.
    pub(crate) fn value(what: &'static str) -> impl FnOnce(der::Error) -> Self {
        move |source| Self::Value { what, source: Some(source) }
    }
}
