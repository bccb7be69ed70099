//! The `openssl` program, in a folder of its own for each test.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

/// A folder with files that `openssl` reads and writes.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty folder; what an earlier run left under this name is gone.
    pub(crate) fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    /// Runs `openssl`, which must exist: a test that cannot run fails and is not skipped.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new("openssl")
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap_or_else(|error| panic!("openssl does not start: {error}"))
    }

    /// Runs `openssl`, which must succeed, and takes what it prints.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
