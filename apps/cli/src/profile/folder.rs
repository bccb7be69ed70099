//! Where a profile lives, and how its files are written: whole or not at all, and for the owner alone.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::failure::{Exit, Failure};
use crate::surroundings;

/// A profile's files are some KiB; more is a mistake.
const SIZE_LIMIT: u64 = 4 * 1024 * 1024;

/// The folder of one profile.
#[derive(Clone, Debug)]
pub(crate) struct ProfileFolder {
    name: String,
    path: PathBuf,
}

impl ProfileFolder {
    /// The folder of that name, whether it is there or not.
    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        if !is_profile_name(name) {
            let message = format!("{name:?} cannot be the name of a profile");
            return Err(
                Failure::usage("profile-name", message).advise("Use 1 to 64 letters, digits, hyphens and dots.")
            );
        }
        Ok(Self { name: name.to_owned(), path: all_profiles()?.join(name) })
    }

    /// The folders that are there, by name.
    pub(crate) fn all() -> Result<Vec<Self>, Failure> {
        let entries = match std::fs::read_dir(all_profiles()?) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut folders: Vec<Self> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str().filter(|name| is_profile_name(name))?.to_owned();
                path.is_dir().then_some(Self { name, path })
            })
            .collect();
        folders.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(folders)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the profile; a relative name is one inside the folder.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the folder, for the owner alone.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(|error| self.problem(&self.path, &error))
    }

    /// Waits until no other `tessera` changes this profile; others wait until the answer is dropped.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        let path = self.file("lock");
        let lock = || {
            let mut options = File::options();
            options.create(true).truncate(false).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&path)?;
            file.lock()?;
            Ok(Lock { _file: file })
        };
        lock().map_err(|error: io::Error| self.problem(&path, &error))
    }

    /// Reads a file of the profile; `None` when it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.file(name);
        match read_bounded(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.problem(&path, &error)),
        }
    }

    /// Puts a file in place of the former one in a single step, readable by the owner alone.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.file(name);
        let write = || {
            // Made with mode 0600, and taken away again when something fails before the end.
            let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.path)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error: io::Error| self.problem(&path, &error))
    }

    fn problem(&self, path: &Path, error: &io::Error) -> Failure {
        let message = format!("the profile `{}` cannot be used", self.name);
        Failure::usage("profile-files", message).because(format!("{}: {error}", path.display()))
    }

    /// What to say when there is nothing yet.
    pub(crate) fn missing(&self) -> Failure {
        Failure::new(Exit::SomethingFirst, "no-profile", format!("there is no profile `{}`", self.name))
            .because(format!("{} is missing", self.file(super::SETTINGS).display()))
            .advise("Set one up with `tessera profile set`; see `tessera profile set --help`.")
    }
}

/// The right to change a profile's files.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Closing the file ends the lock, also when the process dies.
    _file: File,
}

/// Reads a whole file of reasonable size.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    if read as u64 > SIZE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 4 MiB"));
    }
    Ok(bytes)
}

/// `<configuration folder of the user>/tessera/profiles`
fn all_profiles() -> Result<PathBuf, Failure> {
    let home = match surroundings::config_home() {
        Some(home) => PathBuf::from(home),
        None => etcetera::choose_base_strategy()
            .map_err(|error| {
                Failure::new(Exit::SomethingFirst, "no-home", "the user has no home folder")
                    .because(error.to_string())
                    .advise("Set TESSERA_CONFIG_HOME to a folder for profiles.")
            })?
            .config_dir(),
    };
    Ok(home.join("tessera").join("profiles"))
}

/// A name that is a plain file name everywhere.
fn is_profile_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, ProfileFolder) {
        let home = tempfile::tempdir().unwrap();
        let folder = ProfileFolder { name: "test".to_owned(), path: home.path().join("a/b/test") };
        folder.create().unwrap();
        (home, folder)
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", "ä", &"a".repeat(65)] {
            assert!(!is_profile_name(name), "{name:?}");
        }
        assert!(is_profile_name("default") && is_profile_name("clinic-2.test"));
    }

    #[cfg(unix)]
    #[test]
    fn files_are_for_the_owner_alone_and_replaced_whole() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_home, folder) = folder();
        folder.write("tokens.json", b"[1]").unwrap();
        folder.write("tokens.json", b"[]").unwrap();
        assert_eq!(folder.read("tokens.json").unwrap().unwrap(), b"[]");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.file("tokens.json")), 0o600);
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        drop(folder.lock().unwrap());
        assert_eq!(mode(&folder.file("lock")), 0o600);
        assert!(folder.read("absent").unwrap().is_none());
    }

    #[test]
    fn changes_come_one_after_the_other() {
        let (_home, folder) = folder();
        folder.write("count", b"0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _lock = folder.lock().unwrap();
                    let count = String::from_utf8(folder.read("count").unwrap().unwrap()).unwrap();
                    let next = count.parse::<u32>().unwrap() + 1;
                    folder.write("count", next.to_string().as_bytes()).unwrap();
                });
            }
        });
        assert_eq!(folder.read("count").unwrap().unwrap(), b"8");
    }
}
