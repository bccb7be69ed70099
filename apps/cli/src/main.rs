//! The program `tessera`: arguments in, exit codes out.
//!
//! [`arguments`] is what can be typed, a file of [`commands`] tells each command's story, [`failure`] is how a command
//! ends badly, and [`output`] what people and programs see of all that.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

mod app;
mod arguments;
mod audit;
mod commands;
#[cfg(test)]
mod documented;
mod failure;
mod json_text;
mod logging;
mod output;
mod profile;
mod surroundings;
mod time_text;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// A token request makes many small pieces on one thread and drops some on another; this allocator takes that better than
/// the system's (see `docs/benchmarks.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return answer_to_bad_arguments(&error),
    };
    let output = Output::new(arguments.json);
    logging::start(&arguments.command);
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(commands::run(arguments.command, &output)));
    match ended {
        Ok(exit) => exit.into(),
        // Whoever reads has seen enough, as `head` does.
        Err(failure) if failure.is_closed_pipe() => Exit::Done.into(),
        Err(failure) => output.fail(&failure).into(),
    }
}

/// Help and version are no errors; what is one also comes as JSON when that was asked for.
fn answer_to_bad_arguments(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if error.use_stderr() && wants_json {
        let failure = Failure::new(Exit::Usage, "usage", error.kind().to_string())
            .because(error.render().to_string())
            .advise("Look at `tessera help` and at `tessera COMMAND --help`.");
        return Output::new(true).fail(&failure).into();
    }
    // Nothing can be done about a terminal that is gone.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
