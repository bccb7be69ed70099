//! The database file: only ours to read and write, in a folder where nobody else can replace it.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// Makes sure that `path` is a regular file with mode 0600 in a folder that only its owner can write, creating an empty
/// file when there is none.
///
/// SQLite gives the `-wal` and `-shm` files beside it the mode of the database. On systems without Unix permissions the
/// modes are not judged.
///
/// # Errors
/// [`OpenError`], by name of what is wrong.
pub(super) fn prepare(path: &Path) -> Result<(), OpenError> {
    let folder = folder_of(path)?;
    judge_folder(&folder)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_file() => judge_file(path, &metadata),
        Ok(_) => Err(OpenError::NotARegularFile(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => create(path, &folder),
        Err(source) => Err(OpenError::File { path: path.to_owned(), source }),
    }
}

fn folder_of(path: &Path) -> Result<PathBuf, OpenError> {
    match (path.file_name(), path.parent()) {
        (Some(_), Some(folder)) if folder.as_os_str().is_empty() => Ok(PathBuf::from(".")),
        (Some(_), Some(folder)) => Ok(folder.to_owned()),
        _ => Err(OpenError::NotAFileName(path.to_owned())),
    }
}

fn judge_folder(folder: &Path) -> Result<(), OpenError> {
    let refused = |source| OpenError::Folder { path: folder.to_owned(), source };
    let metadata = fs::metadata(folder).map_err(refused)?;
    if !metadata.is_dir() {
        return Err(refused(ErrorKind::NotADirectory.into()));
    }
    match permissions(&metadata) {
        Some(mode) if mode & 0o022 != 0 => Err(OpenError::FolderWritableByOthers { path: folder.to_owned(), mode }),
        _ => Ok(()),
    }
}

fn judge_file(path: &Path, metadata: &fs::Metadata) -> Result<(), OpenError> {
    match permissions(metadata) {
        Some(mode) if mode & 0o077 != 0 => Err(OpenError::FileOpenToOthers { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

/// Created by us rather than by SQLite, so that there is no moment at which others could open it; the folder is synced,
/// so that the name survives a loss of power too.
fn create(path: &Path, folder: &Path) -> Result<(), OpenError> {
    let refused = |source| OpenError::File { path: path.to_owned(), source };
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
fn only_for_owner(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn only_for_owner(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
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
    fn refuses_a_file_that_others_can_read() {
        let folder = folder();
        let path = folder.path().join("tessera.db");
        fs::write(&path, b"").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(prepare(&path), Err(OpenError::FileOpenToOthers { mode: 0o640, .. })));
    }

    #[test]
    fn refuses_a_folder_that_others_can_write() {
        let folder = folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
        let refusal = prepare(&folder.path().join("tessera.db"));
        assert!(matches!(refusal, Err(OpenError::FolderWritableByOthers { mode: 0o770, .. })));
    }

    #[test]
    fn refuses_links_folders_and_missing_folders() {
        let folder = folder();
        let link = folder.path().join("link.db");
        symlink(folder.path().join("elsewhere.db"), &link).unwrap();
        assert!(matches!(prepare(&link), Err(OpenError::NotARegularFile(_))));
        assert!(matches!(
            prepare(folder.path()),
            Err(OpenError::NotARegularFile(_) | OpenError::FolderWritableByOthers { .. })
        ));
        assert!(matches!(prepare(&folder.path().join("none/tessera.db")), Err(OpenError::Folder { .. })));
    }
}
