//! The commands, a file for each.

mod cancel;
mod check;
mod clients;
mod discover;
mod explain;
mod get;
mod introspect;
mod profile;
mod register;
mod revoke;
mod sandbox;
mod serve;
mod token;

use crate::arguments::Command;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Does what was typed.
pub(crate) async fn run(command: Command, output: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Sandbox(arguments) => sandbox::run(arguments, output).await,
        Command::Serve(node) => serve::run(&node.config, output).await,
        Command::Check { file } => check::run(&file, output),
        Command::Clients(arguments) => clients::run(arguments, output).await,
        Command::Explain { id, config } => explain::run(&id, &config.config, output),
        Command::Profile(arguments) => profile::run(arguments.action, output),
        Command::Discover(server) => discover::run(&server, output).await,
        Command::Register(arguments) => register::run(&arguments, output).await,
        Command::Token(arguments) => token::run(&arguments, output).await,
        Command::Get(arguments) => get::run(&arguments, output).await,
        Command::Cancel(server) => cancel::run(&server, output).await,
        Command::Introspect(arguments) => introspect::run(&arguments, output).await,
        Command::Revoke(server) => revoke::run(&server, output).await,
    }
}
