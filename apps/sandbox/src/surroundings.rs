//! The sandbox's clock, chance and environment.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;
use tessera_client::context::ActionContext;
pub(crate) use tessera_server::surroundings::{now, random};

/// Time and chance of one action of the client.
pub(crate) fn action() -> ActionContext {
    ActionContext { now: now(), entropy: random() }
}

/// The folder in which running sandboxes note where they are: of this user, emptied or kept by the system as it likes.
pub(crate) fn runtime_folder() -> PathBuf {
    let of_session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let of_user = || {
        let strategy = etcetera::choose_base_strategy().ok()?;
        Some(strategy.state_dir().unwrap_or_else(|| strategy.cache_dir()))
    };
    of_session
        .filter(|folder| folder.is_dir())
        .or_else(of_user)
        .unwrap_or_else(std::env::temp_dir)
        .join("tessera-sandbox")
}

/// How this program is called in a shell: by name where that finds it, else by its path.
pub(crate) fn program() -> String {
    let running = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    let Some(running) = running.filter(|path| path.file_stem().is_some_and(|stem| stem == "tessera")) else {
        return "tessera".to_owned();
    };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).find_map(|folder| std::fs::canonicalize(folder.join("tessera")).ok());
    if found.as_ref() == Some(&running) {
        return "tessera".to_owned();
    }
    crate::guide::quoted(&running.display().to_string())
}
