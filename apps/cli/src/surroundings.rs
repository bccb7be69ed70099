//! The clock, chance and environment of the client commands and of an operator's acts.

use std::ffi::OsString;
use std::time::Duration;

use tessera_client::context::ActionContext;
pub(crate) use tessera_server::surroundings::{now, random};
use tessera_trust::UnixTime;

/// Time and chance of one action of the client.
pub(crate) fn action() -> ActionContext {
    ActionContext { now: now(), entropy: random() }
}

/// Comes back when that second is over, so that what happens afterwards is later in whole seconds too.
pub(crate) async fn wait_until_after(second: UnixTime) {
    // Bounded, for a clock may be set back.
    for _ in 0..100 {
        if second < now() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
