//! `tessera sandbox …`: a whole world in one process, and commands for one that runs.

use std::path::Path;

use serde::Serialize;
use tessera_client::check::CheckOutcome;
use tessera_sandbox::{Outcome, Sandbox, SandboxOptions, Step, running};

use super::serve::Stop;
use crate::arguments::{SandboxAction, SandboxArguments};
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, dim, mark, safe};
use crate::profile::folder::read_bounded;

pub(crate) async fn run(arguments: SandboxArguments, output: &Output) -> Result<Exit, Failure> {
    match arguments.action {
        None => start(arguments, output).await,
        Some(SandboxAction::Certificate { uri, out, csr, running }) => {
            certificate(running.port, &uri, &out, csr.as_deref(), output).await
        }
        Some(SandboxAction::Revoke { uri, running }) => revoke(running.port, &uri, output).await,
        Some(SandboxAction::Where { running }) => location(running.port, output).await,
    }
}

async fn start(arguments: SandboxArguments, output: &Output) -> Result<Exit, Failure> {
    let mut stop = Stop::new()?;
    let sandbox = {
        let _waiting = output.wait("starting two communities, a data holder and its data");
        let options = SandboxOptions { port: arguments.port, data: arguments.data, fhir: arguments.fhir };
        Sandbox::start(options).await.map_err(|error| {
            Failure::from(error)
                .advise("A port that is taken: move all with --port, or let free ones be taken with --port 0.")
        })?
    };
    let guide = sandbox.guide();
    output.object(&guide)?;
    output.line(guide.to_string())?;
    let exit = tokio::select! {
        visited = visit(&sandbox, arguments.with_faults, output) => visited?,
        () = stop.asked() => return Ok(end(sandbox, Exit::Done, output).await?),
    };
    if !arguments.once {
        output.line("\nThe sandbox stays up; Ctrl-C stops it.")?;
        stop.asked().await;
    }
    // A visit that failed is told at the end of `--once` alone; a sandbox that stayed up was of use.
    let exit = if arguments.once { exit } else { Exit::Done };
    Ok(end(sandbox, exit, output).await?)
}

async fn end(sandbox: Sandbox, exit: Exit, output: &Output) -> std::io::Result<Exit> {
    let _waiting = output.wait("stopping");
    sandbox.stop().await;
    Ok(exit)
}

/// Lets the app visit the data holder, showing each step when it is done.
async fn visit(sandbox: &Sandbox, with_faults: bool, output: &Output) -> Result<Exit, Failure> {
    let mut written = Ok(());
    let mut observer = |step: &Step| {
        if written.is_ok() {
            written = output.object(step).and_then(|()| show_step(step, output));
        }
    };
    let report = sandbox.visit(with_faults, &mut observer).await?;
    written?;
    let failed = report.steps.iter().filter(|step| step.outcome == Outcome::Failed).count();
    if failed == 0 {
        output.line(format!("\n{} every step went as it should", mark(CheckOutcome::Passed)))?;
        return Ok(Exit::Done);
    }
    output.line(format!("\n{} {failed} steps did not go as they should", mark(CheckOutcome::Failed)))?;
    Ok(Exit::Refused)
}

fn show_step(step: &Step, output: &Output) -> std::io::Result<()> {
    let outcome = if step.outcome == Outcome::Passed { CheckOutcome::Passed } else { CheckOutcome::Failed };
    let milliseconds = dim(format!("{} ms", step.milliseconds));
    output.line(format!(
        "{} {}  {milliseconds}  {}",
        mark(outcome),
        bold(&*step.name),
        dim(step.requirements.join(" "))
    ))?;
    output.line(format!("    {}", safe(&step.detail)))
}

/// The files that were written, as programs read it.
#[derive(Serialize)]
struct Written<'a> {
    uri: &'a str,
    chain: std::path::PathBuf,
    key: Option<std::path::PathBuf>,
}

async fn certificate(port: u16, uri: &str, out: &Path, csr: Option<&Path>, output: &Output) -> Result<Exit, Failure> {
    let csr = csr.map(read_request).transpose()?;
    std::fs::create_dir_all(out)?;
    let (chain, key) = (out.join("chain.pem"), out.join("key.pem"));
    if csr.is_none() && key.exists() {
        return Err(Failure::usage("key-exists", format!("{} is there already", key.display()))
            .advise("A private key is never overwritten; name another folder with --out."));
    }
    let issued = match running::certificate(port, uri, csr.as_deref()).await {
        Ok(issued) => issued,
        Err(error) => return Err(not_done(port, error).await),
    };
    let key =
        issued.key_pem.as_ref().map(|pem| write_private(&key, pem.as_bytes()).map(|()| key.clone())).transpose()?;
    std::fs::write(&chain, &issued.chain_pem)?;
    output.object(&Written { uri, chain: chain.clone(), key: key.clone() })?;
    output.line(format!("{} a certificate for {}", mark(CheckOutcome::Passed), bold(safe(uri))))?;
    output.field("chain, leaf first", chain.display().to_string())?;
    if let Some(key) = key {
        output.field("private key", key.display().to_string())?;
    }
    Ok(Exit::Done)
}

fn read_request(file: &Path) -> Result<String, Failure> {
    let problem = |cause: String| {
        Failure::usage("csr", format!("{} is not a certificate request", file.display())).because(cause)
    };
    let bytes = read_bounded(file).map_err(|error| problem(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| problem("it is not a text file".to_owned()))
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600, and put in place without replacing a key that appeared meanwhile.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

async fn revoke(port: u16, uri: &str, output: &Output) -> Result<Exit, Failure> {
    let revoked = match running::revoke(port, uri).await {
        Ok(revoked) => revoked,
        Err(error) => return Err(not_done(port, error).await),
    };
    output.object(&revoked)?;
    let told = format!("{} {} revoked: {}", mark(CheckOutcome::Passed), bold(safe(uri)), revoked.certificates);
    output.line(told + " certificates, and the list is published")?;
    Ok(Exit::Done)
}

async fn location(port: u16, output: &Output) -> Result<Exit, Failure> {
    let location = match running::location(port).await {
        Ok(location) => location,
        Err(error) => return Err(not_done(port, error).await),
    };
    output.object(&location)?;
    let members = serde_json::to_value(&location).map_err(std::io::Error::from)?;
    for (name, value) in members.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        output.field(&name.replace('_', " "), safe(&text))?;
    }
    Ok(Exit::Done)
}

/// A sandbox that runs has refused; else there is none to ask.
async fn not_done(port: u16, error: anyhow::Error) -> Failure {
    let (exit, code) = match running::location(port).await {
        Ok(_) => (Exit::Refused, "sandbox-refused"),
        Err(_) => (Exit::NotReached, "no-sandbox"),
    };
    let mut causes = error.chain().map(ToString::to_string);
    let failure = Failure::new(exit, code, causes.next().unwrap_or_default());
    causes.fold(failure, Failure::because)
}
