//! What one action of the client brings besides its content: the time and chance.

use std::fmt;
use tessera_jose::base64url_encode;
use tessera_trust::UnixTime;
use tessera_udap::signed::SignedObject;

/// The one time of an action, and fresh randomness for its JWT ids.
#[derive(Clone, Copy)]
pub struct ActionContext {
    /// The action's only "now".
    pub now: UnixTime,
    /// Fresh output of a cryptographic random generator; never used for two actions.
    pub entropy: [u8; 32],
}

impl ActionContext {
    /// The jti of the action's `attempt`th JWT: 256 random bits and a counter, so that none is ever repeated.
    ///
    /// Source: FAST Security STU2 §7.1.4 (JWT-8)
    pub(crate) fn jti(&self, attempt: u8) -> String {
        format!("{}.{attempt}", base64url_encode(&self.entropy))
    }

    /// `iat` and `exp` of a JWT of this kind that is made now and lives as long as the guide allows.
    ///
    /// Source: FAST Security STU2 §3.1, §5.2.1 (DCR-7, AUTHN-4)
    pub(crate) fn times<T: SignedObject>(&self) -> (i64, i64) {
        let seconds = |time: UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        (seconds(self.now), seconds(self.now.plus(T::LIFETIME_LIMIT)))
    }
}

impl fmt::Debug for ActionContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ActionContext").field("now", &self.now).finish_non_exhaustive()
    }
}
