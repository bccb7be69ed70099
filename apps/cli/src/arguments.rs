//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
  4  the server has no UDAP support
  5  the other side is not trusted: its signed metadata or certificate does not hold
  6  the other side refused, or a step of the sandbox's visit failed
  7  something has to come first, such as a profile or a registration
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
        /// The correlation id: the answer's header X-Correlation-Id.
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

/// Which node.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// The node's configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SandboxArguments {
    #[command(subcommand)]
    pub(crate) action: Option<SandboxAction>,
    /// End after the visit; not 0 when a step failed.
    #[arg(long)]
    pub(crate) once: bool,
    /// Show also what is refused: strangers, tampering, theft, expiry, revocation, replay.
    #[arg(long)]
    pub(crate) with_faults: bool,
    /// The first of the four ports that the sandbox takes; 0 takes free ones.
    #[arg(long, default_value_t = 8443)]
    pub(crate) port: u16,
    /// The folder for keys, certificates and state; a temporary one when absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Put the gateway in front of this FHIR R4 server instead of the sandbox's own sample data.
    #[arg(long, value_name = "URL")]
    pub(crate) fhir: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxAction {
    /// Make a certificate in a running sandbox's community: key.pem and chain.pem, leaf first.
    Certificate {
        /// The client URI that the certificate names.
        uri: String,
        /// The folder to write to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// A certificate request (PKCS#10, PEM) whose key is used; only chain.pem is written then.
        #[arg(long, value_name = "FILE")]
        csr: Option<PathBuf>,
        #[command(flatten)]
        running: RunningSandbox,
    },
    /// Revoke the certificates of a URI in a running sandbox's community and publish the CRL.
    Revoke {
        /// The client URI that the certificates name.
        uri: String,
        #[command(flatten)]
        running: RunningSandbox,
    },
    /// Show where a running sandbox's files and addresses are.
    Where {
        #[command(flatten)]
        running: RunningSandbox,
    },
}

/// Which running sandbox.
#[derive(Debug, Args)]
pub(crate) struct RunningSandbox {
    /// The first port of the running sandbox.
    #[arg(long, default_value_t = 8443)]
    pub(crate) port: u16,
}

#[derive(Debug, Args)]
pub(crate) struct ClientsArguments {
    #[command(subcommand)]
    pub(crate) action: ClientsAction,
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
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
    },
    /// Show one registration.
    Show {
        /// Its client_id.
        client_id: String,
    },
    /// Stop a client: its tokens are dead, it gets no new ones, and it cannot change its registration.
    Block {
        /// Its client_id.
        client_id: String,
        /// Why, for your colleagues; never shown to the client.
        #[arg(long)]
        reason: String,
    },
    /// Let a blocked client act again.
    Unblock {
        /// Its client_id.
        client_id: String,
    },
    /// Kill all tokens issued so far to a client, a community or a certificate.
    Revoke(RevokeTokens),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RevokeTokens {
    /// Of one client, by client_id.
    #[arg(long, value_name = "CLIENT_ID")]
    pub(crate) client: Option<String>,
    /// Of one community, by URI.
    #[arg(long, value_name = "URI")]
    pub(crate) community: Option<String>,
    /// Of one certificate, by the SHA-256 of its DER in hexadecimal.
    #[arg(long, value_name = "SHA256")]
    pub(crate) certificate: Option<String>,
}

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
    Set {
        #[command(flatten)]
        name: ProfileName,
        /// The app's URI, as its certificates name it.
        #[arg(long)]
        client_uri: String,
        /// What the app calls itself.
        #[arg(long)]
        client_name: String,
        /// How to reach its people; `mailto:` once at least.
        #[arg(long = "contact", required = true)]
        contacts: Vec<String>,
        /// A community as URI, anchors file, chain file and key file, separated by commas.
        #[arg(long = "community", required = true, value_name = "URI,ANCHORS,CHAIN,KEY")]
        communities: Vec<String>,
        /// Address ranges or names with a port, in private ranges, that may be fetched from, such as 127.0.0.1/32:8445.
        #[arg(long = "allow", value_name = "ADDRESS:PORT")]
        allow: Vec<String>,
        /// PEM file with further roots for TLS.
        #[arg(long, value_name = "FILE")]
        tls_roots: Option<PathBuf>,
    },
    /// Show a profile.
    Show {
        #[command(flatten)]
        name: ProfileName,
    },
}

/// Which server, asked as whom.
#[derive(Debug, Args)]
pub(crate) struct ServerArguments {
    /// The FHIR base URL.
    pub(crate) base_url: String,
    /// The community to ask for; absent: the profile's first.
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
    /// The token; absent: the one kept for this server.
    #[arg(long)]
    pub(crate) token: Option<String>,
}
