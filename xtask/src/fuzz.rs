//! `cargo xtask fuzz`: builds the fuzz targets of `fuzz/` and runs each for a bounded time.
//!
//! Built with the stable compiler and without a sanitizer: our crates forbid `unsafe`, so what is looked for is a panic,
//! an endless loop or memory without bound. `cargo fuzz run TARGET` (nightly) works on the same targets.

use std::path::Path;

use anyhow::{Context, Result};

use crate::shell;

/// What libFuzzer needs to see which branches an input reached.
const COVERAGE_FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cdebug-assertions";

pub(crate) fn run(seconds: u32) -> Result<()> {
    let host = shell::host_triple()?;
    shell::run_with(
        "cargo",
        &[
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--target",
            &host,
            "--target-dir",
            "target/fuzz",
        ],
        &[("RUSTFLAGS", COVERAGE_FLAGS)],
    )?;
    let limit = format!("-max_total_time={seconds}");
    for target in targets()? {
        let program = format!("target/fuzz/{host}/release/{target}");
        let corpus = format!("target/fuzz/corpus/{target}");
        std::fs::create_dir_all(&corpus)?;
        let seeds = format!("fuzz/seeds/{target}");
        let artifacts = format!("-artifact_prefix=target/fuzz/{target}-");
        let mut arguments = vec![
            limit.as_str(),
            "-rss_limit_mb=1024",
            "-timeout=5",
            "-max_len=70000",
            "-print_final_stats=0",
            "-verbosity=0",
            artifacts.as_str(),
            corpus.as_str(),
        ];
        if Path::new(&seeds).is_dir() {
            arguments.push(&seeds);
        }
        shell::run(&program, &arguments)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let manifest: toml::Table =
        toml::from_str(&std::fs::read_to_string("fuzz/Cargo.toml").context("fuzz/Cargo.toml")?)?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array);
    Ok(bins.into_iter().flatten().filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned())).collect())
}
