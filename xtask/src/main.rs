//! Every developer command, one file each: `cargo xtask COMMAND`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests"))]

mod ci;
mod components;
mod coverage;
mod deps;
mod fuzz;
mod layers;
mod readme;
mod shell;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  ci             what has to hold before a change lands; prints how long each step took
  test           all tests, also those that need openssl, curl or Node.js (installed when missing)
  coverage       which requirements of spec/requirements.tsv have a test; fails when one that is owed has none
  check-layers   the walls between the crates, read from the manifests
  check-deps     licences, sources and banned crates of what we depend on, by deny.toml
  fuzz [SECONDS] builds the fuzz targets and runs each for SECONDS (default 5)
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    std::env::set_current_dir(shell::workspace_root())?;
    match words.as_slice() {
        ["ci"] => ci::run(),
        ["test"] => ci::test(),
        ["coverage"] => coverage::run(),
        ["check-layers"] => layers::run(),
        ["check-deps"] => deps::run(),
        ["fuzz"] => fuzz::run(5),
        ["fuzz", seconds] => fuzz::run(seconds.parse()?),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            bail!("unknown command: {}", words.join(" "))
        }
    }
}
