//! The node's clock and source of chance.

use std::time::{SystemTime, UNIX_EPOCH};

use tessera_http::state::Surroundings;
use tessera_trust::UnixTime;

/// The machine's clock and the random generator of the cryptographic library.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Surroundings for System {
    fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set to a time after 1970");
        UnixTime::from_secs(since.as_secs())
    }

    fn entropy(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator answers");
        bytes
    }
}
