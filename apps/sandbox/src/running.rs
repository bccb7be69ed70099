//! How another process finds a running sandbox by its first port, and asks it for something.
//!
//! A running sandbox leaves a small record in the user's runtime folder: where its control is and where the credential
//! lies. Whoever can read the credential may ask. The record of a sandbox that has ended is recognised by nobody
//! answering, and removed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tessera_client::ports::{Http as _, HttpError, HttpRequest, HttpResponse, Method};
use tessera_outbound::dial::Connector;
use tessera_outbound::guard::AllowList;
use tessera_outbound::tls::{TlsRoots, client_config};
use tessera_outbound::transport::ClientTransport;
use zeroize::Zeroizing;

use crate::folder::{make_private_folder, write_private};
use crate::surroundings::runtime_folder;

/// An answer of the control, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;
/// A record or a credential, in bytes.
const RECORD_LIMIT: u64 = 16 * 1024;

/// Where a running sandbox's files and addresses are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The first of its four ports.
    pub port: u16,
    /// Its folder.
    pub data: PathBuf,
    /// The root of its web certificates, PEM.
    pub tls_root: PathBuf,
    /// The data holder's FHIR base URL.
    pub base: String,
    /// The start page.
    pub start_page: String,
    /// The data holder's configuration file, for `tessera clients` and `tessera explain`.
    pub configuration: PathBuf,
    /// The community in which `tessera sandbox certificate` issues.
    pub community: String,
    /// That community's anchor, PEM.
    pub anchor: PathBuf,
}

/// A certificate that was made, as files.
#[derive(Debug)]
pub struct IssuedFiles {
    /// The chain in PEM, leaf first.
    pub chain_pem: String,
    /// The key in PEM (PKCS#8), where the sandbox made it; none when a request brought its own.
    pub key_pem: Option<Zeroizing<String>>,
}

/// What was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The URI.
    pub uri: String,
    /// How many of its certificates were still good.
    pub certificates: usize,
}

/// What is asked for by `tessera sandbox certificate`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateWish {
    pub(crate) uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) csr_pem: Option<String>,
}

/// The answer to it. Only ever on loopback, to who holds the credential.
#[derive(Serialize, Deserialize)]
pub(crate) struct CertificateAnswer {
    pub(crate) chain_pem: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_pem: Option<String>,
}

/// What is asked for by `tessera sandbox revoke`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeWish {
    pub(crate) uri: String,
}

/// Why the control refused.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ControlRefusal {
    pub(crate) error: String,
}

/// Makes a certificate for `uri` in the visitor's community of the sandbox at `port`.
///
/// With `csr_pem` its key is certified, else a new one is made; nothing but the key is taken from a request.
///
/// # Errors
/// When no sandbox runs there, or it refuses: a URI that is not one or that a party of the sandbox has, a request that is
/// not signed by its own key.
pub async fn certificate(port: u16, uri: &str, csr_pem: Option<&str>) -> Result<IssuedFiles> {
    let wish = CertificateWish { uri: uri.to_owned(), csr_pem: csr_pem.map(str::to_owned) };
    let sandbox = Running::find(&runtime_folder(), port)?;
    let answer: CertificateAnswer = sandbox.ask("certificate", Some(&wish)).await?;
    Ok(IssuedFiles { chain_pem: answer.chain_pem, key_pem: answer.key_pem.map(Zeroizing::new) })
}

/// Revokes the certificates of `uri` in the visitor's community of the sandbox at `port` and publishes the list.
///
/// # Errors
/// When no sandbox runs there, or it has no good certificate of that URI.
pub async fn revoke(port: u16, uri: &str) -> Result<Revoked> {
    let wish = RevokeWish { uri: uri.to_owned() };
    let sandbox = Running::find(&runtime_folder(), port)?;
    sandbox.ask("revoke", Some(&wish)).await
}

/// Where the files and addresses of the sandbox at `port` are.
///
/// # Errors
/// When no sandbox runs there.
pub async fn location(port: u16) -> Result<Location> {
    let sandbox = Running::find(&runtime_folder(), port)?;
    sandbox.ask::<(), _>("location", None).await
}

/// What a running sandbox leaves in the runtime folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The first port.
    port: u16,
    /// Where the control is, without a final slash.
    control: String,
    /// The file with the credential.
    credential: PathBuf,
}

/// The record of a running sandbox; it goes with the value.
#[derive(Debug)]
pub(crate) struct Record {
    file: PathBuf,
    note: Note,
}

impl Record {
    /// Leaves the record for the sandbox at `port`, whose control is on the port after it.
    ///
    /// # Errors
    /// When the runtime folder is not this user's own, or cannot be written to.
    pub(crate) fn leave(port: u16, control_port: u16, credential: &Path) -> Result<Self> {
        Self::leave_in(&runtime_folder(), port, control_port, credential)
    }

    fn leave_in(folder: &Path, port: u16, control_port: u16, credential: &Path) -> Result<Self> {
        make_private_folder(folder)?;
        judge_owner(folder)?;
        let note = Note {
            port,
            control: format!("http://127.0.0.1:{control_port}/control"),
            credential: credential.to_owned(),
        };
        let file = record_file(folder, port);
        write_private(&file, serde_json::to_string(&note)?.as_bytes())?;
        Ok(Self { file, note })
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Another sandbox may have taken the same ports since; its record stays.
        let is_ours = read_small(&self.file)
            .ok()
            .and_then(|text| serde_json::from_str::<Note>(&text).ok())
            .is_some_and(|note| note == self.note);
        if is_ours {
            // What is left is recognised as stale.
            let _ = std::fs::remove_file(&self.file);
        }
    }
}

/// A sandbox that is believed to run.
struct Running {
    file: PathBuf,
    note: Note,
}

impl Running {
    fn find(folder: &Path, port: u16) -> Result<Self> {
        let file = record_file(folder, port);
        if !file.exists() {
            return Err(none_runs(port));
        }
        judge_owner(folder)?;
        judge_owner(&file)?;
        let text = read_small(&file).with_context(|| format!("the file {}", file.display()))?;
        let note: Note =
            serde_json::from_str(&text).with_context(|| format!("the file {} is damaged", file.display()))?;
        Ok(Self { file, note })
    }

    /// Asks the control, which answers 200 with an object, or a refusal with its reason.
    async fn ask<W: Serialize, A: DeserializeOwned>(&self, what: &str, wish: Option<&W>) -> Result<A> {
        let Ok(credential) = read_small(&self.note.credential) else {
            // The folder of a sandbox that has ended is gone with it.
            return Err(self.is_stale());
        };
        let body = wish.map(serde_json::to_vec).transpose()?;
        let request = HttpRequest {
            method: if body.is_some() { Method::Post } else { Method::Get },
            url: format!("{}/{what}", self.note.control),
            headers: vec![
                ("authorization", format!("Bearer {}", credential.trim())),
                ("content-type", "application/json".to_owned()),
            ],
            body: body.unwrap_or_default(),
            answer_limit: ANSWER_LIMIT,
        };
        let answer = match send(&self.note.control, request).await {
            Err(HttpError::Unreachable(_)) => return Err(self.is_stale()),
            answer => answer?,
        };
        if answer.status == 401 {
            // Somebody else took the port after our sandbox had ended, perhaps another one.
            return Err(self.is_stale());
        }
        if answer.status != 200 {
            let refusal: ControlRefusal = serde_json::from_slice(&answer.body)
                .with_context(|| format!("the sandbox answered {}", answer.status))?;
            bail!("the sandbox refused: {}", refusal.error);
        }
        serde_json::from_slice(&answer.body).context("the sandbox's answer does not read")
    }

    fn is_stale(&self) -> anyhow::Error {
        // Another process may have removed it first.
        let _ = std::fs::remove_file(&self.file);
        none_runs(self.note.port)
    }
}

async fn send(control: &str, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let unusable = |error: &dyn std::fmt::Display| HttpError::Refused(error.to_string());
    let tls = client_config(TlsRoots::Only(Vec::new())).map_err(|error| unusable(&error))?;
    ClientTransport::new(Connector::system(tls), AllowList::default())
        .trusting(control)
        .map_err(|error| unusable(&error))?
        .send(request)
        .await
}

fn none_runs(port: u16) -> anyhow::Error {
    anyhow!("no sandbox runs at port {port}; start one with `tessera sandbox`, or name its first port with --port")
}

fn record_file(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!("{port}.json"))
}

fn read_small(path: &Path) -> Result<String> {
    let size = std::fs::metadata(path)?.len();
    ensure!(size <= RECORD_LIMIT, "{} is too large", path.display());
    Ok(std::fs::read_to_string(path)?)
}

/// Refuses what is not this user's own, or what others can get at: where there is no folder of the user, the record lies
/// in a temporary folder that everybody shares, and a false record would lead to a false CA.
#[cfg(unix)]
fn judge_owner(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::symlink_metadata(path)?;
    // A file made now shows who we are.
    let ours = tempfile::tempfile()?.metadata()?.uid();
    ensure!(
        metadata.uid() == ours && metadata.mode() & 0o077 == 0 && !metadata.is_symlink(),
        "{} can be written by others; remove it",
        path.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn judge_owner(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_record_of_a_sandbox_that_ended_is_told_and_removed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("run");
        let credential = place.path().join("control.token");
        std::fs::write(&credential, "secret").unwrap();
        assert!(Running::find(&folder, 9_000).is_err(), "there is none");

        // Nobody listens on port 1.
        let record = Record::leave_in(&folder, 9_000, 1, &credential).unwrap();
        let running = Running::find(&folder, 9_000).unwrap();
        let error = running.ask::<(), Location>("location", None).await.unwrap_err();
        assert!(error.to_string().contains("no sandbox runs at port 9000"), "{error}");
        assert!(!record.file.exists());

        let record = Record::leave_in(&folder, 9_000, 1, &credential).unwrap();
        let newer = Record::leave_in(&folder, 9_000, 2, &credential).unwrap();
        drop(record);
        assert!(newer.file.exists(), "somebody else's record stays");
        let file = newer.file.clone();
        drop(newer);
        assert!(!file.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_record_that_others_can_write_is_not_believed() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("run");
        let _record = Record::leave_in(&folder, 9_000, 1, Path::new("x")).unwrap();
        assert!(Running::find(&folder, 9_000).is_ok());
        let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        open(&record_file(&folder, 9_000), 0o622);
        assert!(Running::find(&folder, 9_000).is_err());
        open(&record_file(&folder, 9_000), 0o600);
        open(&folder, 0o777);
        assert!(Running::find(&folder, 9_000).is_err());
        assert!(Record::leave_in(&folder, 9_001, 1, Path::new("x")).is_err());
    }
}
