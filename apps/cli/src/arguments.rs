//! What can be typed.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use tessera_udap::edition::Edition;

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

/// A trust community as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommunityArgument {
    pub(crate) uri: String,
    pub(crate) anchors: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) edition: Option<String>,
}

impl FromStr for CommunityArgument {
    type Err = &'static str;

    /// From the end: a URI may have commas, the names of the files must not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, edition) = match text.rsplit_once(',') {
            Some((rest, last)) if Edition::parse(last).is_some() => (rest, Some(last.to_owned())),
            _ => (text, None),
        };
        let mut parts = rest.rsplitn(4, ',');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        match (next(), next(), next(), next()) {
            (Some(key), Some(chain), Some(anchors), Some(uri)) => {
                Ok(Self { uri: uri.to_owned(), anchors: anchors.into(), chain: chain.into(), key: key.into(), edition })
            }
            _ => Err("expected URI,ANCHORS,CHAIN,KEY"),
        }
    }
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

/// A token as typed. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum TokenArgument {
    /// `-`: it comes by standard input.
    StandardInput,
    /// The token itself.
    Typed(String),
}

impl FromStr for TokenArgument {
    type Err = Infallible;

    /// Anything is taken, for an error of the command line would show it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "-" => Self::StandardInput,
            token => Self::Typed(token.to_owned()),
        })
    }
}

impl fmt::Debug for TokenArgument {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::StandardInput => "StandardInput",
            Self::Typed(_) => "Typed([redacted])",
        })
    }
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

    #[test]
    fn a_community_is_read_from_its_end() {
        let read = |text: &str| text.parse::<CommunityArgument>().unwrap();
        let plain = read("https://c.example,a.pem,c.pem,k.pem");
        assert_eq!((plain.uri.as_str(), plain.edition.as_deref()), ("https://c.example", None));
        assert_eq!(plain.key, PathBuf::from("k.pem"));
        let with_comma = read("https://c.example/x,y,a.pem,c.pem,k.pem,1.1");
        assert_eq!((with_comma.uri.as_str(), with_comma.edition.as_deref()), ("https://c.example/x,y", Some("1.1")));
        assert_eq!(with_comma.anchors, PathBuf::from("a.pem"));
        for bad in ["", "https://c.example", "u,a,c", "u,a,,k", ",a,c,k"] {
            assert!(bad.parse::<CommunityArgument>().is_err(), "{bad}");
        }
    }
}
