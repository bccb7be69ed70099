//! `tessera introspect BASE_URL`: asks a server what a token is worth.

use std::io::BufRead;

use serde::Serialize;
use serde_json::value::Value;
use tessera_client::check::CheckOutcome;
use tessera_client::token::AccessToken;

use crate::app::{App, Discovered};
use crate::arguments::{IntrospectArguments, TokenArgument};
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, mark, safe};
use crate::surroundings::{action, now};

/// The longest token that is read, in bytes.
const TOKEN_LIMIT: u64 = 64 * 1024;

/// The server's answer as programs read it.
#[derive(Serialize)]
struct Answer<'a> {
    base: &'a str,
    active: bool,
    /// All that the server said.
    members: Value,
}

pub(crate) async fn run(arguments: &IntrospectArguments, output: &Output) -> Result<Exit, Failure> {
    let app = App::open(&arguments.server)?;
    let token = token(&app, arguments.token.as_ref())?;
    let Discovered { holder, checks } = app.discover(output).await?;
    let registration = app.registration(&holder)?;
    let asked = {
        let _waiting = output.wait("asking about the token");
        app.client.introspect(&holder, &app.identity, &registration, &token, &action()).await
    };
    let answer = asked.map_err(|error| Failure::from(error).after(checks))?;
    let members = serde_json::from_str(&answer.members.to_json()).map_err(std::io::Error::from)?;
    output.object(&Answer { base: app.base.as_str(), active: answer.active, members })?;
    if answer.active {
        output.line(format!("\n{} {}", mark(CheckOutcome::Passed), bold("the token is active")))?;
    } else {
        output.line(format!(
            "\n{} {}",
            mark(CheckOutcome::Warned),
            bold("the token is not active, or not for us to ask about")
        ))?;
    }
    for (name, value) in answer.members.iter().filter(|(name, _)| *name != "active") {
        let text = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
        output.field(&safe(name), safe(&text))?;
    }
    Ok(Exit::Done)
}

/// The token that was given, else the one kept for this server that lives longest.
fn token(app: &App, given: Option<&TokenArgument>) -> Result<AccessToken, Failure> {
    let given = match given {
        Some(TokenArgument::Typed(given)) => given.clone(),
        Some(TokenArgument::StandardInput) => first_line(std::io::stdin().lock())?,
        None => {
            let kept = app.profile.tokens()?.of_base(&app.base, now());
            return kept.iter().rev().find_map(|record| record.token()).ok_or_else(|| no_token(app));
        }
    };
    AccessToken::new(given.trim()).ok_or_else(|| Failure::usage("token", "this is not an access token"))
}

/// What comes up to the first line break. Longer than any token is read no further, and then taken for none.
fn first_line(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    input.take(TOKEN_LIMIT + 1).read_line(&mut line)?;
    if line.len() as u64 > TOKEN_LIMIT {
        return Err(Failure::usage("token", format!("the token is longer than {TOKEN_LIMIT} bytes")));
    }
    Ok(line)
}

/// What to say when no token of this server is at hand.
pub(super) fn no_token(app: &App) -> Failure {
    Failure::new(Exit::SomethingFirst, "no-token", format!("no living token of {} is kept", app.base))
        .advise(format!("Take one first: {}", app.token_command()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_first_line() {
        assert_eq!(first_line("abc\ndef".as_bytes()).unwrap(), "abc\n");
        assert_eq!(first_line("abc".as_bytes()).unwrap(), "abc");
        assert_eq!(first_line("".as_bytes()).unwrap(), "");
        assert!(first_line("x".repeat(70_000).as_bytes()).is_err());
    }
}
