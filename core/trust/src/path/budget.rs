//! The bounds of a search.

/// How much one search may cost; each bound is met before the cost arises.
///
/// Source: security invariant 13
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Presented certificates that are looked at. Default 10, the limit of x5c.
    pub presented: usize,
    /// Intermediates in one path, between end entity and anchor. Default 6: the same bound as rustls-webpki's.
    pub intermediates: usize,
    /// Signature checks, of certificates and revocation lists together. Default 100: the same bound as rustls-webpki's,
    /// set after RUSTSEC-2023-0052 (paths that grow exponentially). It also keeps the CPU time of a search below
    /// 150 ms: 100 checks on P-384, the costliest key that counts, take about 50 ms.
    pub signatures: usize,
    /// Candidates for an issuer that are looked at, over all paths. Default 1000: ten for each signature check, for
    /// checks without a signature are far cheaper.
    pub candidates: usize,
    /// Fetches over the network. Default 4: end entity and three CAs, more than any community of the guide uses.
    pub fetches: usize,
    /// URLs of one certificate that are tried for a revocation list. Default 4.
    pub urls_per_certificate: usize,
    /// Attempts whose reasons are kept for the refusal; later ones are only counted, unless they meet a kind of fault that
    /// none of those kept has met. Default 16: more than anybody reads, and a refusal is remembered.
    pub attempts: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            presented: crate::chain::CHAIN_LIMIT,
            intermediates: 6,
            signatures: 100,
            candidates: 1000,
            fetches: 4,
            urls_per_certificate: 4,
            attempts: 16,
        }
    }
}
