//! The machine's clock and chance: where the apps read them.

use std::time::{SystemTime, UNIX_EPOCH};

use tessera_http::state::Surroundings;
use tessera_trust::UnixTime;

/// The machine's clock, in whole seconds.
///
/// # Panics
/// When the clock is set to a time before 1970.
#[must_use]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set to a time after 1970");
    UnixTime::from_secs(since.as_secs())
}

/// Fresh bytes of the cryptographic library's random generator.
///
/// # Panics
/// When the system's random generator fails, after which nothing secret can be made.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator answers");
    bytes
}

/// [`now`] and [`random`] for the handlers of requests.
#[derive(Debug)]
pub(crate) struct System;

impl Surroundings for System {
    fn now(&self) -> UnixTime {
        now()
    }

    fn entropy(&self) -> [u8; 32] {
        random()
    }
}
