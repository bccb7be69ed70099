//! The log, on stderr.
//!
//! `TESSERA_LOG` holds words separated by commas: `json` or `human` choose the form, every other word is a filter such as
//! `info` or `tessera_server=debug`. Without it a node logs from `info` up, the sandbox from `warn`, and every other
//! command only errors: what people should see of those is their output.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::Command;
use crate::surroundings;

/// Starts the log; a command logs from here on.
pub(crate) fn start(command: &Command) {
    let setting = surroundings::log_setting().unwrap_or_default();
    let (is_json, filter) = read(&setting, usual_filter(command));
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(std::io::stderr);
    // A second subscriber could only come from a test that runs `main` twice.
    let _ = if is_json {
        builder.json().flatten_event(true).finish().try_init()
    } else {
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        builder.with_ansi(is_terminal).finish().try_init()
    };
}

fn usual_filter(command: &Command) -> &'static str {
    match command {
        Command::Serve(_) => "info",
        Command::Sandbox(_) => "warn",
        _ => "error",
    }
}

/// Whether JSON is wanted, and the filter.
fn read(setting: &str, usual: &str) -> (bool, String) {
    let (forms, filters): (Vec<&str>, Vec<&str>) = setting
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .partition(|word| matches!(*word, "json" | "human"));
    let filter = if filters.is_empty() { usual.to_owned() } else { filters.join(",") };
    (forms.last() == Some(&"json"), filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_and_filter_are_told_apart() {
        assert_eq!(read("", "error"), (false, "error".to_owned()));
        assert_eq!(read("json", "info"), (true, "info".to_owned()));
        assert_eq!(read("debug, human", "info"), (false, "debug".to_owned()));
        assert_eq!(read("json,warn,tessera_server=debug", "info"), (true, "warn,tessera_server=debug".to_owned()));
    }
}
