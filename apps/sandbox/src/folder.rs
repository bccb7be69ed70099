//! The folder in which a sandbox keeps its keys, certificates and state; for its owner alone.
//!
//! ```text
//! sandbox.json                     the ports that the certificates below name
//! control.token                    the credential of this run's control
//! tls/{root,chain,key}.pem         web certificates of localhost; the root's key is not kept
//! communities/{elm,oak}/           root and issuing CA, and the register of what was issued and revoked
//! holder/node.toml, state/         the data holder's configuration and state
//! apps/{visitor,stranger}/         key.pem and chain.pem, leaf first
//! ```

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};

use crate::ports::Ports;

/// Files of the sandbox are small; a larger one is not ours.
const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// A sandbox's folder, absolute.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Removes the folder with the sandbox when nobody named one.
    _temporary: Option<TempDir>,
}

/// What the folder was made for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    first_port: Ports,
}

impl Folder {
    /// Opens the folder that was named, or makes a temporary one that goes with the sandbox.
    ///
    /// # Errors
    /// When the folder cannot be made, or holds something else than a sandbox.
    pub(crate) fn open(named: Option<&Path>) -> Result<Self> {
        let Some(named) = named else {
            let temporary = tempfile::Builder::new()
                .prefix("tessera-sandbox-")
                .tempdir()
                .context("a temporary folder cannot be made")?;
            let root = std::fs::canonicalize(temporary.path())?;
            return Ok(Self { root, _temporary: Some(temporary) });
        };
        make_private_folder(named)?;
        let root = std::fs::canonicalize(named).with_context(|| format!("the folder {}", named.display()))?;
        let folder = Self { root, _temporary: None };
        let is_empty = std::fs::read_dir(&folder.root)?.next().is_none();
        if !is_empty && !folder.path("sandbox.json").exists() {
            bail!(
                "the folder {} holds something else than a sandbox; name an empty or a new one",
                folder.root.display()
            );
        }
        Ok(folder)
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The ports for which the folder was made; none when it is new.
    pub(crate) fn ports(&self) -> Result<Option<Ports>> {
        let description: Option<Description> = self.read_json("sandbox.json")?;
        Ok(description.map(|description| description.first_port))
    }

    /// Notes the ports, before anything is made that names them.
    pub(crate) fn set_ports(&self, ports: Ports) -> Result<()> {
        self.write_json("sandbox.json", &Description { first_port: ports })
    }

    /// Reads a text file; none when it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.path(name);
        let context = || format!("the file {}", path.display());
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > SIZE_LIMIT => {
                bail!("the file {} is too large", path.display())
            }
            Ok(_) => std::fs::read_to_string(&path).map(Some).with_context(context),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(context),
        }
    }

    /// Reads a JSON file; none when it is not there.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let text = self.read(name)?;
        let value = text.map(|text| serde_json::from_str(&text)).transpose();
        value.with_context(|| format!("the file {} is damaged", self.path(name).display()))
    }

    /// Writes a file in one step: it is there as a whole or as it was before, and for its owner alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        write_private(&path, text.as_bytes()).with_context(|| format!("the file {}", path.display()))
    }

    /// Writes a JSON file as [`Self::write`] does.
    pub(crate) fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        self.write(name, &serde_json::to_string_pretty(value)?)
    }

    /// Makes a folder in it.
    pub(crate) fn make(&self, name: &str) -> Result<()> {
        make_private_folder(&self.path(name))
    }
}

/// Makes a folder for its owner alone, with those above it; one that is there is left as it is.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("the folder {} cannot be made", path.display()))
}

/// Writes beside the file and renames; temporary files have mode 0600 from the start.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file is in a folder")?;
    make_private_folder(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_written_for_its_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let named = place.path().join("a/b");
        let folder = Folder::open(Some(&named)).unwrap();
        assert!(folder.ports().unwrap().is_none() && folder.read("x/y.pem").unwrap().is_none());
        folder.set_ports(Ports::try_from(9_000).unwrap()).unwrap();
        folder.write("x/y.pem", "text").unwrap();
        let again = Folder::open(Some(&named)).unwrap();
        assert_eq!(again.ports().unwrap(), Some(Ports::try_from(9_000).unwrap()));
        assert_eq!(again.read("x/y.pem").unwrap().as_deref(), Some("text"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&again.path("x/y.pem")), 0o600);
            assert_eq!((mode(&again.path("x")), mode(&named)), (0o700, 0o700));
        }
    }

    #[test]
    fn somebody_elses_folder_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("thesis.txt"), "mine").unwrap();
        let message = Folder::open(Some(place.path())).unwrap_err().to_string();
        assert!(message.contains("something else"), "{message}");
        std::fs::write(place.path().join("sandbox.json"), "{}").unwrap();
        assert!(Folder::open(Some(place.path())).unwrap().ports().is_err(), "damaged");
    }

    #[test]
    fn a_temporary_folder_goes_with_the_sandbox() {
        let folder = Folder::open(None).unwrap();
        let root = folder.root().to_owned();
        assert!(root.is_dir());
        drop(folder);
        assert!(!root.exists());
    }
}
