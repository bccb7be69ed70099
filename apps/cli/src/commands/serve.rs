//! `tessera serve --config FILE`: a node, until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;
use tessera_server::RunningNode;
use tessera_server::config::{self, Finding};

use super::check;
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold};
use crate::surroundings::now;

/// Where a node listens, as programs read it.
#[derive(Serialize)]
struct Listening {
    address: SocketAddr,
    scheme: &'static str,
    operator: Option<SocketAddr>,
    bases: Vec<String>,
    /// What somebody should look at although the node has started.
    warnings: Vec<Finding>,
}

pub(crate) async fn run(file: &Path, output: &Output) -> Result<Exit, Failure> {
    let (config, report) = config::check(file, now());
    check::show(&report, &output.beside_stdout())?;
    let Some(config) = config else {
        let failure = Failure::usage("configuration", format!("{} does not hold", file.display()))
            .advise(format!("Correct what is named above, and look again with: tessera check {}", file.display()));
        return Err(report.findings.iter().fold(failure, |failure, finding| match output.is_json() {
            true => failure.because(format!("{}: {}", finding.key, finding.text)),
            false => failure,
        }));
    };
    // Before the node starts, so that no signal is missed.
    let mut stop = Stop::new()?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let bases = config.authorization_server.bases.iter().map(|base| base.base_url.to_string()).collect();
    let node = RunningNode::start(config).await?;
    show(
        &Listening {
            address: node.address(),
            scheme,
            operator: node.operator_address(),
            warnings: report.findings,
            bases,
        },
        output,
    )?;
    stop.asked().await;
    output.line("stopping; requests under way are finished (once more to stop at once)")?;
    tokio::select! {
        () = node.stop() => output.line("stopped")?,
        () = stop.asked() => output.line("stopped at once")?,
    }
    Ok(Exit::Done)
}

fn show(listening: &Listening, output: &Output) -> Result<(), Failure> {
    output.object(listening)?;
    output.line(format!("{} {}://{}", bold("listening on"), listening.scheme, listening.address))?;
    for base in &listening.bases {
        output.field("FHIR base", base)?;
    }
    if let Some(operator) = listening.operator {
        output.field("operator", format!("http://{operator}/metrics /health /ready"))?;
    }
    output.line("Ctrl-C stops")?;
    Ok(())
}

/// Ctrl-C, and what a service manager sends.
pub(super) struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    pub(super) async fn asked(&mut self) {
        // Without a handler for Ctrl-C the system ends the process itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
