//! `cargo xtask ci` and `cargo xtask test`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::readme::Commands;
use crate::{components, coverage, deps, fuzz, layers, shell};

/// Everything that must hold before a change lands, cheapest first.
pub(crate) fn run() -> Result<()> {
    let mut watch = StopWatch::default();
    watch.step("format", || shell::run("cargo", &["fmt", "--all", "--check"]))?;
    watch.step("layers", layers::run)?;
    watch.step("dependencies", deps::run)?;
    watch.step("coverage", coverage::run)?;
    watch.step("lints", || {
        shell::run(
            "cargo",
            &["clippy", "--release", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        )
    })?;
    let readme = Commands::read()?;
    // It ends after the visit; the rest of the command is the README's.
    watch.step("README: the main job", || run_with(&readme.main_job, &["--once", "--with-faults"]))?;
    watch.step("README: the tests", || run_with(&readme.tests, &[]))?;
    watch.step("fuzz", || fuzz::run(5))?;
    watch.report();
    Ok(())
}

/// All tests, those that need a component included.
pub(crate) fn test() -> Result<()> {
    components::ensure_all()?;
    // The binary first: tests that start it as a program find it built.
    shell::run("cargo", &["build", "--release", "--locked", "--package", "tessera"])?;
    shell::run("cargo", &["test", "--release", "--workspace", "--locked", "--", "--include-ignored"])
}

fn run_with(command: &[String], more: &[&str]) -> Result<()> {
    let (program, arguments) = command.split_first().context("an empty command")?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    shell::run(program, &arguments)
}

/// How long each step took, told at the end.
#[derive(Default)]
struct StopWatch {
    steps: Vec<(&'static str, Duration)>,
}

impl StopWatch {
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        self.steps.push((name, start.elapsed()));
        if result.is_err() {
            self.report();
        }
        result
    }

    fn report(&self) {
        println!("\n== time");
        for (name, time) in &self.steps {
            println!("{:>7.1} s  {name}", time.as_secs_f64());
        }
        let all: Duration = self.steps.iter().map(|(_, time)| *time).sum();
        println!("{:>7.1} s  in all", all.as_secs_f64());
    }
}
