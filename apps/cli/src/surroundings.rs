//! The clock, chance and environment of the client commands and of an operator's acts.

use std::ffi::OsString;

use tessera_client::context::ActionContext;
pub(crate) use tessera_server::surroundings::{now, random};

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
