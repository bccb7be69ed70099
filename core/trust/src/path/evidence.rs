//! What a search asks for and what it is given.

use std::{collections::HashMap, sync::Arc};

use crate::revocation::Crl;

/// Something that a search cannot go on without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// The revocation list at this URL, to be supplied by [`Evidence::supply_crl`] or
    /// [`Evidence::supply_cached_crl`]. The URL comes from a certificate: it is judged before it is dialled.
    Crl {
        /// The URL as the certificate writes it.
        url: String,
        /// The CA that should have issued the list, for logs.
        issuer: String,
    },
    /// The certificate of a missing issuer at this URL. Not asked for yet.
    Issuer {
        /// The URL as the certificate writes it.
        url: String,
    },
}

impl Need {
    /// The URL that is asked for.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Crl { url, .. } | Self::Issuer { url } => url,
        }
    }
}

/// What was gathered for a search, or for several searches about the same chain.
///
/// The bound on fetches counts over all searches that share one of these.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    crls: HashMap<String, Result<Arc<Crl>, String>>,
    fetches: usize,
}

impl Evidence {
    /// Nothing gathered yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Supplies what was fetched from a URL, or in a few words why nothing could be had. Counts as a fetch.
    pub fn supply_crl(&mut self, url: impl Into<String>, answer: Result<Arc<Crl>, String>) {
        self.fetches = self.fetches.saturating_add(1);
        self.crls.insert(url.into(), answer);
    }

    /// Supplies what was at hand for a URL. Costs no fetch.
    pub fn supply_cached_crl(&mut self, url: impl Into<String>, answer: Result<Arc<Crl>, String>) {
        self.crls.insert(url.into(), answer);
    }

    /// How many fetches have been made.
    #[must_use]
    pub const fn fetches(&self) -> usize {
        self.fetches
    }

    pub(crate) fn crl(&self, url: &str) -> Option<Result<&Crl, &str>> {
        self.crls.get(url).map(|answer| match answer {
            Ok(crl) => Ok(crl.as_ref()),
            Err(problem) => Err(problem.as_str()),
        })
    }
}
