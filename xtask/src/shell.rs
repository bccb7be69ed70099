//! Running other programs, with the command shown and its failure named.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map_or(manifest.clone(), PathBuf::from)
}

/// Runs a program in the workspace's root and waits for it.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    run_with(program, arguments, &[])
}

/// As [`run`], with variables added to the environment.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub(crate) fn run_with(program: &str, arguments: &[&str], env: &[(&str, &str)]) -> Result<()> {
    let line = format!("{program} {}", arguments.join(" "));
    println!("$ {line}");
    let status = Command::new(program)
        .args(arguments)
        .envs(env.iter().copied())
        .status()
        .with_context(|| format!("could not start: {line}"))?;
    ensure!(status.success(), "failed ({status}): {line}");
    Ok(())
}

/// Runs a program and gives its standard output.
///
/// # Errors
/// When it cannot be started, ends with another code than 0 or prints something that is not UTF-8.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let result =
        Command::new(program).args(arguments).output().with_context(|| format!("could not start {program}"))?;
    ensure!(
        result.status.success(),
        "failed: {program} {}\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&result.stderr)
    );
    Ok(String::from_utf8(result.stdout)?)
}

/// Whether a program of that name is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The platform that the compiler builds for, such as `x86_64-unknown-linux-gnu`.
///
/// # Errors
/// When rustc does not say.
pub(crate) fn host_triple() -> Result<String> {
    let version = output("rustc", &["-vV"])?;
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("rustc -vV names no host")
}
