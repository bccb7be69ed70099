//! `tessera sandbox …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
