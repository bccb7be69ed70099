//! What people and programs see.
//!
//! Results go to stdout. With `--json` each result, an error too, is one object on a line of its own, and nothing else is
//! written there. Without it people read text, coloured where the terminal takes it; an error goes to stderr then.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tessera_client::check::{Check, CheckOutcome};

use crate::failure::{Exit, Failure};

/// Where output goes, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    form: Form,
    people: People,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

/// Where people's text goes: to stderr when stdout holds what is piped on, such as a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum People {
    Stdout,
    Stderr,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { form: if json { Form::Json } else { Form::Text }, people: People::Stdout }
    }

    /// The same, with people's text on stderr.
    pub(crate) fn beside_stdout(self) -> Self {
        Self { people: People::Stderr, ..self }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// A line for people.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        match (self.form, self.people) {
            (Form::Json, _) => Ok(()),
            (Form::Text, People::Stdout) => writeln!(anstream::stdout().lock(), "{}", text.as_ref()),
            (Form::Text, People::Stderr) => writeln!(anstream::stderr().lock(), "{}", text.as_ref()),
        }
    }

    /// A name with its value, for people.
    pub(crate) fn field(&self, name: &str, value: impl AsRef<str>) -> io::Result<()> {
        self.line(format!("  {} {}", dim(format!("{name:<22}")), value.as_ref()))
    }

    /// What to do next, for people.
    pub(crate) fn next(&self, text: impl AsRef<str>) -> io::Result<()> {
        self.line(format!("\n{} {}", bold("next:"), text.as_ref()))
    }

    /// A result for programs.
    pub(crate) fn object(&self, result: &impl Serialize) -> io::Result<()> {
        match self.form {
            Form::Text => Ok(()),
            Form::Json => self.raw(&serde_json::to_string(result)?),
        }
    }

    /// A line on stdout for everybody: the result itself, such as a token or a resource.
    pub(crate) fn raw(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()
    }

    /// Each check: its mark, what was looked at, the requirements, what was found.
    pub(crate) fn checks(&self, checks: &[Check]) -> io::Result<()> {
        checks.iter().try_for_each(|check| {
            let mark = mark(check.outcome);
            self.line(format!("{mark} {}  {}", check.name, dim(check.requirements.join(" "))))?;
            match check.detail.is_empty() {
                true => Ok(()),
                false => self.line(format!("    {}", check.detail)),
            }
        })
    }

    /// One line for all checks when each is as it must be, else all of them; `details` is the command that shows each.
    pub(crate) fn checks_in_brief(&self, checks: &[Check], details: &str) -> io::Result<()> {
        if checks.iter().any(|check| check.outcome != CheckOutcome::Passed) {
            return self.checks(checks);
        }
        let passed = mark(CheckOutcome::Passed);
        self.line(format!("{passed} {} checks passed; details with: {}", checks.len(), dim(details)))
    }

    /// What the operator or user should know although it went well.
    pub(crate) fn notes<'a>(&self, notes: impl IntoIterator<Item = &'a String>) -> io::Result<()> {
        notes.into_iter().try_for_each(|note| self.line(format!("{} {}", mark(CheckOutcome::Warned), safe(note))))
    }

    /// Shows why the command did not succeed; answers how it ends.
    pub(crate) fn fail(&self, failure: &Failure) -> Exit {
        let shown = match self.form {
            Form::Json => self.object(&failure.to_object()),
            Form::Text => fail_for_people(failure),
        };
        // Where even this cannot be written, the exit code is all that is left to say.
        drop(shown);
        failure.exit()
    }

    /// Shows that something is under way, while the answer lives and only on a terminal.
    pub(crate) fn wait(&self, what: &'static str) -> Waiting {
        if self.is_json() || !io::stderr().is_terminal() {
            return Waiting(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Waiting(Some(bar))
    }
}

fn fail_for_people(failure: &Failure) -> io::Result<()> {
    let mut stderr = anstream::stderr().lock();
    match failure.server() {
        // What it said follows part by part.
        Some(server) => writeln!(stderr, "{} {}: the server refused", red("error:"), server.phase)?,
        None => writeln!(stderr, "{} {}", red("error:"), safe(failure.message()))?,
    }
    for cause in failure.causes() {
        writeln!(stderr, "  {} {}", dim("because"), safe(cause.trim_end()))?;
    }
    if let Some(server) = failure.server() {
        let code = server.code.as_deref().unwrap_or("none given");
        writeln!(stderr, "  {} {} (status {})", dim("code          "), safe(code), server.status)?;
        if let Some(description) = &server.description {
            writeln!(stderr, "  {} {}", dim("description   "), safe(description))?;
        }
        if let Some(id) = &server.correlation_id {
            writeln!(stderr, "  {} {}", dim("correlation id"), safe(id))?;
        }
    }
    match failure.advice() {
        Some(advice) => writeln!(stderr, "{} {advice}", bold("advice:")),
        None => Ok(()),
    }
}

/// Takes its sign off the terminal when it is dropped.
pub(crate) struct Waiting(Option<ProgressBar>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

pub(crate) fn mark(outcome: CheckOutcome) -> String {
    match outcome {
        CheckOutcome::Passed => green("✓"),
        CheckOutcome::Warned => yellow("!"),
        CheckOutcome::Failed => red("✗"),
    }
}

pub(crate) fn bold(text: impl AsRef<str>) -> String {
    styled("1", text.as_ref())
}

pub(crate) fn dim(text: impl AsRef<str>) -> String {
    styled("2", text.as_ref())
}

pub(crate) fn red(text: impl AsRef<str>) -> String {
    styled("31;1", text.as_ref())
}

pub(crate) fn green(text: impl AsRef<str>) -> String {
    styled("32", text.as_ref())
}

pub(crate) fn yellow(text: impl AsRef<str>) -> String {
    styled("33", text.as_ref())
}

/// SGR codes; `anstream` takes them out again where they would not be understood.
fn styled(code: &str, text: &str) -> String {
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Somebody else's text as a terminal may see it: what could steer it is shown as an escape, line breaks stay.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    let steers = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|character| match steers(character) {
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    });
    Cow::Owned(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        assert_eq!(safe("plain – ü"), "plain – ü");
        assert_eq!(safe("a\x1b[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
    }
}
