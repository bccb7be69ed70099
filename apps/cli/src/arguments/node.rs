//! Commands about a node, running or not.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Which node.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// The node's configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ClientsArguments {
    #[command(subcommand)]
    pub(crate) action: ClientsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientsAction {
    /// List the registrations.
    List {
        /// Only of this community.
        #[arg(long, value_name = "URI")]
        community: Option<String>,
        /// Cancelled ones too.
        #[arg(long)]
        all: bool,
        /// At most so many.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Show one registration.
    Show {
        /// Its client_id; it may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        client_id: String,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Stop a client: its tokens are dead, it gets no new ones, and it cannot change its registration.
    Block {
        /// Its client_id; it may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        client_id: String,
        /// Why, for your colleagues; never shown to the client.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Let a blocked client act again.
    Unblock {
        /// Its client_id; it may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        client_id: String,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Kill all tokens issued so far to a client, a community or a certificate.
    Revoke {
        #[command(flatten)]
        which: RevokeTokens,
        #[command(flatten)]
        config: ConfigArguments,
    },
}

impl ClientsAction {
    /// Which node.
    pub(crate) fn config(&self) -> &ConfigArguments {
        match self {
            Self::List { config, .. }
            | Self::Show { config, .. }
            | Self::Block { config, .. }
            | Self::Unblock { config, .. }
            | Self::Revoke { config, .. } => config,
        }
    }
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RevokeTokens {
    /// Of one client, by client_id.
    #[arg(long, value_name = "CLIENT_ID", allow_hyphen_values = true)]
    pub(crate) client: Option<String>,
    /// Of one community, by URI.
    #[arg(long, value_name = "URI")]
    pub(crate) community: Option<String>,
    /// Of one certificate, by the SHA-256 of its DER in hexadecimal.
    #[arg(long, value_name = "SHA256")]
    pub(crate) certificate: Option<String>,
}
