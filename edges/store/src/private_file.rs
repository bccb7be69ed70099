//! Files of ours alone, such as a database or an audit log: only ours to read and write, in a folder where nobody else can
//! replace them.
//!
//! [`judge`] looks and touches nothing, for whoever asks before a node starts; [`prepare`] judges and makes what is missing.
//! On systems without Unix permissions the modes are not judged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a file cannot be one of ours; the text says what the operator can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path has no file name or no parent folder.
    #[error("{0} does not name a file")]
    NotAFileName(PathBuf),
    /// The folder is missing, or something else has its name.
    #[error("the folder {path} cannot be used; create it first")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Others may replace files in the folder.
    #[error("the folder {path} can be written by others (mode {mode:03o}); run: chmod go-w {path}")]
    FolderWritableByOthers {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// We may not make files in the folder.
    #[error("files cannot be made in the folder {path}; give it to the user of this program")]
    FolderNotWritable {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file cannot be made or looked at.
    #[error("{path} cannot be opened")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// We may not read and write the file.
    #[error("{path} cannot be read and written; give it to the user of this program")]
    FileNotWritable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A link, folder or device stands where the file should be.
    #[error("{0} is not a regular file; name the file itself, not a link to it")]
    NotARegularFile(PathBuf),
    /// Others may read or write the file.
    #[error("{path} is open to others (mode {mode:03o}); run: chmod 600 {path}")]
    FileOpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Whether a file is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is, and it is ours alone.
    Present,
    /// It is not; [`prepare`] would make it.
    Missing,
}

/// What is written besides the file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing, so the folder need not be ours to write once the file is there.
    Nothing,
    /// Files beside it, as SQLite does.
    OtherFiles,
}

/// Whether [`prepare`] would take `path`, and whether we may write it; creates and changes nothing.
///
/// # Errors
/// [`FileError`], by name of what is wrong.
pub fn judge(path: &Path, beside: Beside) -> Result<Presence, FileError> {
    let folder = folder_of(path)?;
    let presence = look_at(path, &folder)?;
    if presence == Presence::Missing || beside == Beside::OtherFiles {
        may_make_files_in(&folder).map_err(|source| FileError::FolderNotWritable { path: folder, source })?;
    }
    if presence == Presence::Present {
        may_read_and_write(path).map_err(|source| FileError::FileNotWritable { path: path.to_owned(), source })?;
    }
    Ok(presence)
}

/// Makes sure that `path` is a regular file with mode 0600 in a folder that only its owner can write, creating an empty
/// file when there is none.
///
/// SQLite gives the `-wal` and `-shm` files beside it the mode of the database.
///
/// # Errors
/// [`FileError`], by name of what is wrong.
pub fn prepare(path: &Path) -> Result<(), FileError> {
    let folder = folder_of(path)?;
    match look_at(path, &folder)? {
        Presence::Present => Ok(()),
        Presence::Missing => create(path, &folder),
    }
}

fn look_at(path: &Path, folder: &Path) -> Result<Presence, FileError> {
    judge_folder(folder)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_file() => {
            judge_file(path, &metadata)?;
            Ok(Presence::Present)
        }
        Ok(_) => Err(FileError::NotARegularFile(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Presence::Missing),
        Err(source) => Err(FileError::File { path: path.to_owned(), source }),
    }
}

fn folder_of(path: &Path) -> Result<PathBuf, FileError> {
    match (path.file_name(), path.parent()) {
        (Some(_), Some(folder)) if folder.as_os_str().is_empty() => Ok(PathBuf::from(".")),
        (Some(_), Some(folder)) => Ok(folder.to_owned()),
        _ => Err(FileError::NotAFileName(path.to_owned())),
    }
}

fn judge_folder(folder: &Path) -> Result<(), FileError> {
    let refused = |source| FileError::Folder { path: folder.to_owned(), source };
    let metadata = fs::metadata(folder).map_err(refused)?;
    if !metadata.is_dir() {
        return Err(refused(ErrorKind::NotADirectory.into()));
    }
    match permissions(&metadata) {
        Some(mode) if mode & 0o022 != 0 => Err(FileError::FolderWritableByOthers { path: folder.to_owned(), mode }),
        _ => Ok(()),
    }
}

fn judge_file(path: &Path, metadata: &fs::Metadata) -> Result<(), FileError> {
    match permissions(metadata) {
        Some(mode) if mode & 0o077 != 0 => Err(FileError::FileOpenToOthers { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

/// Created by us rather than by SQLite, so that there is no moment at which others could open it; the folder is synced,
/// so that the name survives a loss of power too.
fn create(path: &Path, folder: &Path) -> Result<(), FileError> {
    let refused = |source| FileError::File { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    only_for_owner(&mut options);
    match options.open(path) {
        Ok(_) => {}
        // Another process was quicker: judge what it made.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return judge_file(path, &fs::symlink_metadata(path).map_err(refused)?);
        }
        Err(source) => return Err(refused(source)),
    }
    sync_folder(folder).map_err(refused)
}

#[cfg(unix)]
fn permissions(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(metadata.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn permissions(_metadata: &fs::Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn may_make_files_in(folder: &Path) -> io::Result<()> {
    access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
}

#[cfg(unix)]
fn may_read_and_write(path: &Path) -> io::Result<()> {
    access(path, rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK)
}

/// Asks the system instead of trying: opening and closing a database by ourselves would drop SQLite's locks on it.
///
/// Source: "How To Corrupt An SQLite Database File", 2.2
#[cfg(unix)]
fn access(path: &Path, wanted: rustix::fs::Access) -> io::Result<()> {
    Ok(rustix::fs::accessat(rustix::fs::CWD, path, wanted, rustix::fs::AtFlags::EACCESS)?)
}

#[cfg(not(unix))]
fn may_make_files_in(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn may_read_and_write(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn only_for_owner(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn only_for_owner(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    #[test]
    fn makes_a_file_for_its_owner_alone_and_takes_it_again() {
        let folder = folder();
        let path = folder.path().join("tessera.db");
        prepare(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        prepare(&path).unwrap();
    }

    #[test]
    fn judging_makes_nothing() {
        let folder = folder();
        let path = folder.path().join("tessera.db");
        assert_eq!(judge(&path, Beside::OtherFiles).unwrap(), Presence::Missing);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        prepare(&path).unwrap();
        assert_eq!(judge(&path, Beside::OtherFiles).unwrap(), Presence::Present);
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }

    /// Judges as somebody who is not the superuser. That one may write everywhere, so a thread of its becomes another user:
    /// on Linux a user is a thread's own, and the other tests stay who they are.
    #[cfg(target_os = "linux")]
    fn as_a_mere_user<T: Send>(judge: impl FnOnce() -> T + Send) -> T {
        let judging = || {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65_534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).expect("the superuser may be anybody");
            }
            judge()
        };
        std::thread::scope(|scope| scope.spawn(judging).join().unwrap())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn judges_whether_we_may_write() {
        let folder = folder();
        let path = folder.path().join("tessera.db");
        prepare(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let (file, missing) =
            as_a_mere_user(|| (judge(&path, Beside::Nothing), judge(&folder.path().join("other"), Beside::Nothing)));
        assert!(matches!(file, Err(FileError::FileNotWritable { .. })), "{file:?}");
        assert!(matches!(missing, Err(FileError::FolderNotWritable { .. })), "{missing:?}");
        // With the owner's rights both are taken.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(judge(&path, Beside::OtherFiles).unwrap(), Presence::Present);
    }

    #[test]
    fn refuses_a_file_that_others_can_read() {
        let folder = folder();
        let path = folder.path().join("tessera.db");
        fs::write(&path, b"").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(prepare(&path), Err(FileError::FileOpenToOthers { mode: 0o640, .. })));
    }

    #[test]
    fn refuses_a_folder_that_others_can_write() {
        let folder = folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
        let refusal = prepare(&folder.path().join("tessera.db"));
        assert!(matches!(refusal, Err(FileError::FolderWritableByOthers { mode: 0o770, .. })));
    }

    #[test]
    fn refuses_links_folders_and_missing_folders() {
        let folder = folder();
        let link = folder.path().join("link.db");
        symlink(folder.path().join("elsewhere.db"), &link).unwrap();
        assert!(matches!(prepare(&link), Err(FileError::NotARegularFile(_))));
        assert!(matches!(
            prepare(folder.path()),
            Err(FileError::NotARegularFile(_) | FileError::FolderWritableByOthers { .. })
        ));
        assert!(matches!(prepare(&folder.path().join("none/tessera.db")), Err(FileError::Folder { .. })));
    }
}
