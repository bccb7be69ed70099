//! Starts the binary in surroundings of its own.

pub mod data_holder;
pub mod files;
pub mod server;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A user with a home of their own, in which nothing is set up.
#[derive(Debug)]
pub struct User {
    home: TempDir,
}

/// What a command left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl User {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The folder of a profile.
    pub fn profile(&self, name: &str) -> PathBuf {
        self.home().join("tessera/profiles").join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
        command
            .args(arguments)
            .env("TESSERA_CONFIG_HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.home())
            .env_remove("TESSERA_LOG")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs with this on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Runs with `--json` and reads the only object.
    pub fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let ran = self.run(&[arguments, &["--json"]].concat());
        let objects = ran.objects();
        assert_eq!(objects.len(), 1, "one object per result: {ran:?}");
        (ran.code, objects[0].clone())
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Each line of stdout as an object.
    pub fn objects(&self) -> Vec<Value> {
        let read =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}\n{self:?}"));
        self.stdout.lines().map(read).collect()
    }

    /// Both streams, without caring which.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A command that stays up, with its first JSON line.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub first: Value,
}

impl Running {
    /// Starts it and waits for its first line.
    pub fn start(user: &User, arguments: &[&str]) -> Self {
        Self::spawn(user.command(&[arguments, &["--json"]].concat()).stderr(Stdio::inherit()))
    }

    /// Starts it so that writing beyond a limit of the system is an error and not its end, as on a disk that is full. What
    /// it logs is not shown, for its log could be such a file.
    #[cfg(target_os = "linux")]
    pub fn start_limited(user: &User, arguments: &[&str]) -> Self {
        let command = user.command(&[arguments, &["--json"]].concat());
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        Self::spawn(shell.stdin(Stdio::null()).stderr(Stdio::null()))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let first = read_line(&mut stdout).unwrap_or_else(|| panic!("{command:?} ended at once: {:?}", child.wait()));
        Self { child, stdout, first }
    }

    /// How far its files may grow from now on, in bytes or `unlimited`.
    #[cfg(target_os = "linux")]
    pub fn limit_files(&self, size: &str) {
        let limit = [format!("--pid={}", self.child.id()), format!("--fsize={size}:")];
        assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    }

    /// The next JSON line; none when the command has ended.
    pub fn next_object(&mut self) -> Option<Value> {
        read_line(&mut self.stdout)
    }

    /// Asks it to stop, as a service manager does; its exit code.
    pub fn terminate(mut self) -> i32 {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_line(stdout: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
}
