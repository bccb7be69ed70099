//! Reading the files that a configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use tessera_authorization_server::settings::PublishedKey;
use tessera_jose::key::{SigningKey as _, SoftwareKey, VerificationKey};
use tessera_trust::{Certificate, certificates_from_pem};

use super::report::Report;

/// A configuration names files of some hundred bytes to some MiB; more is a mistake.
const SIZE_LIMIT: u64 = 10 * 1024 * 1024;

/// The folder that file names are relative to.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn of(config_file: &Path) -> Self {
        Self(config_file.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    pub(crate) fn path(&self, named: &Path) -> PathBuf {
        self.0.join(named)
    }

    pub(crate) fn bytes(&self, named: &Path, key: &str, report: &mut Report) -> Option<Vec<u8>> {
        let path = self.path(named);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > SIZE_LIMIT => {
                report.error(key, format_args!("{} is larger than 10 MiB", path.display()));
                return None;
            }
            Ok(_) => {}
            Err(error) => {
                report.error(key, format_args!("{}: {error}", path.display()));
                return None;
            }
        }
        let read = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()));
        report.take(key, read)
    }

    fn text(&self, named: &Path, key: &str, report: &mut Report) -> Option<String> {
        let bytes = self.bytes(named, key, report)?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{} is not a text file", named.display()));
        report.take(key, text)
    }

    /// All certificates of a PEM file; at least one.
    pub(crate) fn certificates(&self, named: &Path, key: &str, report: &mut Report) -> Option<Vec<Certificate>> {
        let text = self.text(named, key, report)?;
        let read = certificates_from_pem(&text).map_err(|error| format!("{}: {error}", named.display()));
        let certificates = report.take(key, read)?;
        if certificates.is_empty() {
            report.error(key, format_args!("{} holds no certificate", named.display()));
            return None;
        }
        Some(certificates)
    }

    /// A private key in PEM; refused when others than the owner may read the file.
    pub(crate) fn private_key(&self, named: &Path, key: &str, report: &mut Report) -> Option<Arc<SoftwareKey>> {
        let text = self.text(named, key, report)?;
        self.judge_mode(named, key, report);
        let read = SoftwareKey::from_pem(&text).map_err(|error| format!("{}: {error}", named.display()));
        report.take(key, read).map(Arc::new)
    }

    /// A public key in PEM, or the public half of a private one.
    pub(crate) fn published_key(&self, named: &Path, key: &str, report: &mut Report) -> Option<PublishedKey> {
        let text = self.text(named, key, report)?;
        let spki_der = match SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()) {
            Ok(spki) => spki.to_vec(),
            Err(_) => self.private_key(named, key, report)?.public_key().to_vec(),
        };
        let read = VerificationKey::from_spki_der(&spki_der).map_err(|error| format!("{}: {error}", named.display()));
        Some(PublishedKey { algorithm: report.take(key, read)?.kind().usual_algorithm(), spki_der })
    }

    #[cfg(unix)]
    fn judge_mode(&self, named: &Path, key: &str, report: &mut Report) {
        use std::os::unix::fs::PermissionsExt as _;
        let Ok(metadata) = std::fs::metadata(self.path(named)) else {
            return;
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            report.error(
                key,
                format_args!(
                    "{} can be read by others; make it private: chmod 600 {}",
                    named.display(),
                    named.display()
                ),
            );
        }
    }

    #[cfg(not(unix))]
    fn judge_mode(&self, _: &Path, _: &str, _: &mut Report) {}
}
