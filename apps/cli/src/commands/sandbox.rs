//! `tessera sandbox …`: a whole world in one process, and commands for one that runs.

use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use tessera_client::check::CheckOutcome;
use tessera_sandbox::{Outcome, Sandbox, SandboxOptions, Step, running};
use tessera_udap::ids::ClientUri;

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
        let has_folder = arguments.data.is_some();
        let options = SandboxOptions { port: arguments.port, data: arguments.data, fhir: arguments.fhir };
        Sandbox::start(options).await.map_err(|error| not_started(&error, has_folder))?
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

/// Ports that are taken, options that do not go together and a folder that cannot be used are matters of what was typed.
fn not_started(error: &anyhow::Error, has_folder: bool) -> Failure {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    let (exit, code, advice) = match io.map(std::io::Error::kind) {
        Some(ErrorKind::AddrInUse) if has_folder => (
            Exit::Usage,
            "port-taken",
            "Stop what has the port; a folder that was used before keeps its ports. For others name another folder with --data.",
        ),
        Some(ErrorKind::AddrInUse) => (
            Exit::Usage,
            "port-taken",
            "Stop what has the port, or take other ports with --port, or free ones with --port 0.",
        ),
        Some(_) if has_folder => {
            (Exit::Usage, "sandbox-folder", "Look at the folder named with --data, and at the disk.")
        }
        Some(_) => (Exit::Unexpected, "sandbox", "Look at the folder for temporary files, and at the disk."),
        None if has_folder => (
            Exit::Usage,
            "sandbox-options",
            "With --port 0 a folder's own ports are taken; for others name another folder with --data.",
        ),
        None => (Exit::Usage, "sandbox-options", "Look at `tessera sandbox --help`."),
    };
    told(exit, code, error).advise(advice)
}

/// A failure with all that an error and its causes say.
fn told(exit: Exit, code: &'static str, error: &anyhow::Error) -> Failure {
    let mut causes = error.chain().map(ToString::to_string);
    let failure = Failure::new(exit, code, causes.next().unwrap_or_default());
    causes.fold(failure, Failure::because)
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
    judge_client_uri(uri)?;
    let csr = csr.map(read_request).transpose()?;
    let (chain, key) = (out.join("chain.pem"), out.join("key.pem"));
    if csr.is_none() && key.exists() {
        return Err(Failure::usage("key-exists", format!("{} is there already", key.display()))
            .advise("A private key is never overwritten; name another folder with --out."));
    }
    // It may be the chain of a key that is kept elsewhere. With a request the folder's chain is meant to be renewed.
    if csr.is_none() && chain.exists() {
        return Err(Failure::usage("chain-exists", format!("{} is there already", chain.display())).advise(
            "A chain is replaced only with --csr, by one for the key of the request; name another folder with --out.",
        ));
    }
    let issued = match running::certificate(port, uri, csr.as_deref()).await {
        Ok(issued) => issued,
        Err(error) => return Err(not_done(port, &error).await),
    };
    std::fs::create_dir_all(out)?;
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

fn judge_client_uri(uri: &str) -> Result<(), Failure> {
    ClientUri::parse(uri).map(drop).map_err(|error| {
        Failure::usage("client-uri", format!("{uri:?} cannot be a client URI"))
            .because(error.to_string())
            .advise("It is the absolute URI that names the app, such as https://my-app.example/app.")
    })
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
    judge_client_uri(uri)?;
    let revoked = match running::revoke(port, uri).await {
        Ok(revoked) => revoked,
        Err(error) => return Err(not_done(port, &error).await),
    };
    output.object(&revoked)?;
    let told = format!("{} {} revoked: {}", mark(CheckOutcome::Passed), bold(safe(uri)), revoked.certificates);
    output.line(told + " certificates, and the list is published")?;
    Ok(Exit::Done)
}

async fn location(port: u16, output: &Output) -> Result<Exit, Failure> {
    let location = match running::location(port).await {
        Ok(location) => location,
        Err(error) => return Err(not_done(port, &error).await),
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
async fn not_done(port: u16, error: &anyhow::Error) -> Failure {
    let (exit, code) = match running::location(port).await {
        Ok(_) => (Exit::Refused, "sandbox-refused"),
        Err(_) => (Exit::NotReached, "no-sandbox"),
    };
    told(exit, code, error)
}
