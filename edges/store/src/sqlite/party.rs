//! Parties as short keys, for whose share of a table a row counts to.

use aws_lc_rs::digest::{Context, Digest, SHA256};
use tessera_trust::community::CommunityId;

/// A community and a name in it, such as a client URI, on the way to a digest.
pub(super) struct Party(Context);

impl Party {
    /// Each part with its length before it, so that no two pairs are the same bytes.
    pub(super) fn new(community: &CommunityId, name: &str) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [community.as_str(), name] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        Self(context)
    }

    /// 64 bits of the digest: two parties that share them share a share, and nothing else.
    pub(super) fn key(&self) -> i64 {
        let digest = self.0.clone().finish();
        i64::from_be_bytes(digest.as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// The digest of the party and one thing of its own.
    pub(super) fn with(self, thing: &str) -> Digest {
        let mut context = self.0;
        context.update(thing.as_bytes());
        context.finish()
    }
}
