//! How much the store keeps: every table that input can grow has a cap (security invariant 31).

use std::time::Duration;

use tessera_authorization_server::ports::ClientFilter;
use tessera_trust::UnixTime;

/// The longest life of an access token; whatever ends tokens must outlast it.
///
/// Source: FAST Security STU2 §4.2.2, §5.2.2; security invariant 28
const LONGEST_TOKEN: Duration = Duration::from_secs(3600);

/// How much longer than needed the store keeps marks and cancelled registrations, so that a node whose clock ran ahead by
/// less than this, purged and was set right again has revived no token.
///
/// Spent JWT ids need no such margin: the store remembers how far they were purged.
const CLOCK_MARGIN: Duration = Duration::from_secs(24 * 3600);

/// How much longer than needed the store keeps tokens revoked one by one. A client adds to these as it likes, so they go
/// sooner.
const REVOKED_TOKEN_MARGIN: Duration = Duration::from_secs(15 * 60);

/// The longest time for which CAs issue a list: until then an older list than one that was seen may be fresh.
///
/// Provenance: the root of an offline CA issues for a year as a rule, and two at most.
const LONGEST_LIST: Duration = Duration::from_secs(2 * 366 * 24 * 3600);

/// The most records that a store keeps of each kind, and how many a purge removes at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Registrations, cancelled ones included; the oldest cancelled ones make room for new ones.
    pub registrations: u64,
    /// Spent JWT ids of all issuers.
    pub spent_jtis: u64,
    /// Spent JWT ids of one issuer in one community, so that one member cannot use up the room of all.
    pub spent_jtis_of_one_issuer: u64,
    /// Tokens revoked one by one.
    pub revoked_tokens: u64,
    /// Places of revocation lists whose ages are kept for one community.
    pub revocation_lists_of_one_community: u64,
    /// Bytes of revocation lists that are kept for one community; beyond them, only the ages.
    pub revocation_list_bytes_of_one_community: u64,
    /// Tokens revoked by one client in one community, so that one member cannot use up the room of all.
    pub revoked_tokens_of_one_client: u64,
    /// Records removed in one transaction; between two of them other operations have their turn.
    pub purge_batch: u32,
}

impl Default for StoreLimits {
    /// 100 000 registrations, 2 000 000 spent ids (half a gigabyte on disk), a quarter of them for one issuer,
    /// 1 000 000 revoked tokens, a twentieth of them for one client, 4096 places of revocation lists and 128 MiB of these
    /// lists for each community, 500 removed at a time.
    fn default() -> Self {
        Self {
            registrations: 100_000,
            spent_jtis: 2_000_000,
            spent_jtis_of_one_issuer: 500_000,
            revoked_tokens: 1_000_000,
            revocation_lists_of_one_community: 4_096,
            revocation_list_bytes_of_one_community: 128 * 1024 * 1024,
            revoked_tokens_of_one_client: 50_000,
            purge_batch: 500,
        }
    }
}

/// Whether there is room for one more record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is.
    Free,
    /// Not for this party; others have room.
    ShareUsedUp,
    /// Not for anybody.
    TableFull,
}

impl StoreLimits {
    /// Room for another spent id of an issuer that has `of_one`, among `all`.
    pub(crate) fn room_for_spent_id(&self, of_one: u64, all: u64) -> Room {
        room((of_one, self.spent_jtis_of_one_issuer), (all, self.spent_jtis))
    }

    /// Room for another revoked token of a client that has `of_one`, among `all`.
    pub(crate) fn room_for_revocation(&self, of_one: u64, all: u64) -> Room {
        room((of_one, self.revoked_tokens_of_one_client), (all, self.revoked_tokens))
    }
}

fn room((of_one, share): (u64, u64), (all, most): (u64, u64)) -> Room {
    if of_one >= share {
        Room::ShareUsedUp
    } else if all >= most {
        Room::TableFull
    } else {
        Room::Free
    }
}

/// A table has reached its cap; the operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store has no room for more: {0}")]
pub struct TableFull(pub(crate) &'static str);

/// Revocations of single tokens that ended before this are of no use any more.
pub(crate) fn revoked_tokens_end(now: UnixTime) -> UnixTime {
    now.minus(REVOKED_TOKEN_MARGIN)
}

/// Marks of mass revocations, and cancelled registrations, made before this concern no living token.
pub(crate) fn marks_end(now: UnixTime) -> UnixTime {
    now.minus(LONGEST_TOKEN).minus(CLOCK_MARGIN)
}

/// Ages of revocation lists that were issued before this, and have ended, are behind no list that could be fresh.
pub(crate) fn ages_of_lists_end(now: UnixTime) -> UnixTime {
    now.minus(LONGEST_LIST).minus(CLOCK_MARGIN)
}

/// How many registrations a list has at most; 1000 when the filter does not say.
pub(crate) fn listed(filter: &ClientFilter) -> usize {
    filter.limit.unwrap_or(1000) as usize
}
