//! The clock, chance and environment of the client commands and of an operator's acts.

use std::ffi::OsString;
use std::time::{SystemTime, UNIX_EPOCH};

use tessera_client::context::ActionContext;
use tessera_trust::UnixTime;

/// The machine's clock.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_secs(since.as_secs())
}

/// Fresh bytes of the cryptographic library's random generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator answers");
    bytes
}

/// Time and chance of one action of the client.
pub(crate) fn action() -> ActionContext {
    ActionContext { now: now(), entropy: random() }
}

/// What stands in place of the user's configuration folder, for tests and for several users of one account.
pub(crate) fn config_home() -> Option<OsString> {
    std::env::var_os("TESSERA_CONFIG_HOME").filter(|value| !value.is_empty())
}

/// How the log looks and how much of it is wanted; see [`crate::logging`].
pub(crate) fn log_setting() -> Option<String> {
    std::env::var("TESSERA_LOG").ok().filter(|value| !value.is_empty())
}

/// The name under which the operator is signed in to this machine, for the audit; only a hint, for anybody can set it.
pub(crate) fn operator_name() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    name.unwrap_or_else(|| "unknown".to_owned())
}
