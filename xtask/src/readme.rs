//! The README's two commands, read from the README, so that what it promises is what the landing gate runs.

use anyhow::{Context, Result, bail};

const HEADING: &str = "## Two commands";

/// The two commands of the README.
pub(crate) struct Commands {
    /// Runs the main job.
    pub(crate) main_job: Vec<String>,
    /// Passes the tests.
    pub(crate) tests: Vec<String>,
}

impl Commands {
    /// # Errors
    /// When the README has no such section, or other than two commands in it.
    pub(crate) fn read() -> Result<Self> {
        Self::find(&std::fs::read_to_string("README.md").context("README.md")?)
    }

    fn find(readme: &str) -> Result<Self> {
        let (_, section) = readme.split_once(HEADING).with_context(|| format!("the README has no {HEADING:?}"))?;
        let (_, block) = section.split_once("```sh\n").context("the README's section has no commands")?;
        let (block, _) = block.split_once("```").context("the README's commands do not end")?;
        let commands: Vec<&str> = block.lines().filter(|line| !line.trim().is_empty()).collect();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        match commands.as_slice() {
            [main_job, tests] => Ok(Self { main_job: words(main_job), tests: words(tests) }),
            _ => bail!("the README has {} commands where two should stand", commands.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_two_commands_and_no_others() {
        let readme = "# X\n```sh\nother\n```\n## Two commands\n\n```sh\ncargo run -- sandbox\ncargo xtask test\n```\n";
        let commands = Commands::find(readme).unwrap();
        assert_eq!(commands.main_job, ["cargo", "run", "--", "sandbox"]);
        assert_eq!(commands.tests, ["cargo", "xtask", "test"]);
        assert!(Commands::find("# X").is_err());
        assert!(Commands::find("## Two commands\n```sh\none\n```\n").is_err());
    }
}
