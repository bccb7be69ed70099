//! `cargo xtask ci` and `cargo xtask test`.

use std::time::{Duration, Instant};

use anyhow::Result;

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
    watch.step("README: the main job", || {
        shell::run("cargo", &["run", "--release", "--locked", "--", "sandbox", "--once", "--json"])
    })?;
    watch.step("README: the tests", || shell::run("cargo", &["xtask", "test"]))?;
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
