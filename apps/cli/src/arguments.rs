//! What can be typed.

mod client;
mod node;
mod sandbox;
mod values;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use self::client::{
    ContextArguments, GetArguments, IntrospectArguments, ProfileAction, ProfileArguments, RegisterArguments,
    ServerArguments, SetProfile, TokenArguments,
};
pub(crate) use self::node::{ClientsAction, ClientsArguments, ConfigArguments, RevokeTokens};
pub(crate) use self::sandbox::{SandboxAction, SandboxArguments};
pub(crate) use self::values::{CommunityArgument, TokenArgument};

/// FHIR data between organisations that never met: trusted registration and tokens by certificate (UDAP Security).
#[derive(Debug, Parser)]
#[command(name = "tessera", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something unexpected failed
  2  the command line or a file it names is wrong
  3  the other side could not be reached
  4  the server has no UDAP support, or not what was asked for
  5  the other side is not trusted: its signed metadata or certificate does not hold
  6  the other side refused or gave no proper answer, or a step of the sandbox's visit failed
  7  something has to come first, such as a profile, a registration or a valid certificate
  8  not found";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start two trust communities, a data holder and a visiting app in one process, and run the visit.
    Sandbox(SandboxArguments),
    /// Start a node.
    Serve(ConfigArguments),
    /// Judge a node's configuration file and what it points to; starts nothing.
    Check {
        /// The configuration file.
        file: PathBuf,
    },
    /// See and govern the registrations in a running node's store.
    Clients(ClientsArguments),
    /// Show why a request was refused, by the correlation id that its answer carried.
    Explain {
        /// The correlation id: the answer's header X-Correlation-Id. It may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        id: String,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Set up who this app is: its key, its certificates and the communities it trusts.
    Profile(ProfileArguments),
    /// Read a server's UDAP metadata and judge it in full.
    Discover(ServerArguments),
    /// Register this app with a server, or change its registration.
    Register(RegisterArguments),
    /// Take an access token by client credentials.
    Token(TokenArguments),
    /// Read a FHIR resource or search, with a token kept or taken for it.
    Get(GetArguments),
    /// Cancel this app's registration with a server.
    Cancel(ServerArguments),
    /// Ask the server what a token is worth.
    Introspect(IntrospectArguments),
    /// Revoke the access tokens kept for a server.
    Revoke(ServerArguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_tree_is_sound() {
        Arguments::command().debug_assert();
    }

    /// One in 64 ids begins with a hyphen, for they are base64url.
    #[test]
    fn an_id_may_begin_with_a_hyphen() {
        for line in [
            "clients show -w7 --config node.toml",
            "clients show --config node.toml -w7",
            "clients block -w7 --reason why --config node.toml",
            "clients block --reason why --config node.toml --json -w7",
            "clients unblock -w7 --config node.toml",
            "clients revoke --client -w7 --config node.toml",
            "explain -w7 --config node.toml --json",
        ] {
            let words = std::iter::once("tessera").chain(line.split(' '));
            let parsed = format!("{:?}", Arguments::try_parse_from(words).unwrap());
            assert!(parsed.contains("\"-w7\"") && parsed.contains("\"node.toml\""), "{line}: {parsed}");
        }
    }

    #[test]
    fn a_typed_token_is_not_shown() {
        let typed = Arguments::try_parse_from(["tessera", "introspect", "https://h.example", "--token", "s3cret"]);
        let typed = format!("{:?}", typed.unwrap());
        assert!(typed.contains("[redacted]") && !typed.contains("s3cret"), "{typed}");
        assert_eq!("-".parse(), Ok(TokenArgument::StandardInput));
    }
}
