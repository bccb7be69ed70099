//! Commands of an app: who it is, and what it asks of servers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::{CommunityArgument, TokenArgument};

/// Which profile.
#[derive(Debug, Args)]
pub(crate) struct ProfileName {
    /// The profile: who this app is. Kept in the configuration folder of the user.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) profile: String,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArguments {
    #[command(subcommand)]
    pub(crate) action: ProfileAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileAction {
    /// Make or replace a profile.
    Set(Box<SetProfile>),
    /// List the profiles.
    List,
    /// Show a profile.
    Show {
        #[command(flatten)]
        name: ProfileName,
    },
}

/// A profile as typed.
#[derive(Debug, Args)]
pub(crate) struct SetProfile {
    #[command(flatten)]
    pub(crate) name: ProfileName,
    /// The app's URI, as its certificates name it.
    #[arg(long)]
    pub(crate) client_uri: String,
    /// What the app calls itself.
    #[arg(long)]
    pub(crate) client_name: String,
    /// How to reach its people; `mailto:` once at least.
    #[arg(long = "contact", required = true)]
    pub(crate) contacts: Vec<String>,
    /// A community as URI, anchors file, chain file and key file, separated by commas; then, if it is not 2.0, the
    /// edition of the guide that its servers follow. The first one is preferred.
    #[arg(long = "community", required = true, value_name = "URI,ANCHORS,CHAIN,KEY[,EDITION]")]
    pub(crate) communities: Vec<CommunityArgument>,
    /// Address ranges or names with a port, in private ranges, that may be fetched from, such as 127.0.0.1/32:8445.
    #[arg(long = "allow", value_name = "ADDRESS:PORT")]
    pub(crate) allow: Vec<String>,
    /// PEM file with further roots for TLS.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_roots: Option<PathBuf>,
    /// An https URL of the app's logo.
    #[arg(long, value_name = "URL")]
    pub(crate) logo_uri: Option<String>,
    /// A file with a certification: the JWT that a certifier signed about this app.
    #[arg(long = "certification", value_name = "FILE")]
    pub(crate) certifications: Vec<PathBuf>,
    /// Copy the files into the profile, keys readable by you alone, instead of remembering where they are.
    #[arg(long)]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
}

/// Which server, asked as whom.
#[derive(Debug, Args)]
pub(crate) struct ServerArguments {
    /// The FHIR base URL.
    pub(crate) base_url: String,
    /// The community to ask for; absent: the profile's first, or the next where the server does not know it.
    #[arg(long, value_name = "URI")]
    pub(crate) community: Option<String>,
    #[command(flatten)]
    pub(crate) profile: ProfileName,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// The scopes to ask for, separated by spaces.
    #[arg(long)]
    pub(crate) scope: String,
}

/// For whom and what for data is asked.
#[derive(Debug, Args)]
pub(crate) struct ContextArguments {
    /// The organisation that asks: a URI.
    #[arg(long)]
    pub(crate) organization_id: Option<String>,
    /// Its name.
    #[arg(long)]
    pub(crate) organization_name: Option<String>,
    /// What for, such as urn:oid:2.16.840.1.113883.5.8#TREAT.
    #[arg(long = "purpose")]
    pub(crate) purposes: Vec<String>,
    /// The person or system that asks.
    #[arg(long)]
    pub(crate) subject_name: Option<String>,
    /// Its identifier, such as urn:oid:2.16.840.1.113883.4.6#1234567893.
    #[arg(long)]
    pub(crate) subject_id: Option<String>,
    /// Its role.
    #[arg(long)]
    pub(crate) subject_role: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// The scopes to ask for; absent: all that are registered.
    #[arg(long)]
    pub(crate) scope: Option<String>,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    /// Print the token itself, to be piped into another program.
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// What to read below the base, such as Patient/1 or "Patient?name=Smith".
    pub(crate) path: String,
    /// The scopes to ask for when a token must be taken; absent: all that are registered.
    #[arg(long)]
    pub(crate) scope: Option<String>,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
}

#[derive(Debug, Args)]
pub(crate) struct IntrospectArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// The token, or `-` to read it from standard input, where other users of this machine cannot see it; absent: the
    /// one kept for this server.
    #[arg(long, value_name = "TOKEN|-")]
    pub(crate) token: Option<TokenArgument>,
}
