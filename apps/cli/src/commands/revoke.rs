//! `tessera revoke BASE_URL`: gives back the access tokens that are kept for a server.

use serde::Serialize;

use super::introspect::no_token;
use crate::app::{App, Discovered};
use crate::arguments::ServerArguments;
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold};
use crate::surroundings::{action, now};

/// What came of it, as programs read it.
#[derive(Serialize)]
struct Revoked<'a> {
    outcome: &'static str,
    base: &'a str,
    tokens: usize,
}

pub(crate) async fn run(arguments: &ServerArguments, output: &Output) -> Result<Exit, Failure> {
    let app = App::open(arguments)?;
    let kept = app.profile.tokens()?.of_base(&app.base, now());
    if kept.is_empty() {
        return Err(no_token(&app));
    }
    let Discovered { holder, checks } = app.discover(output).await?;
    let registration = app.registration(&holder)?;
    // A token of a client_id that holds no more is dead anyway.
    let (ours, dead): (Vec<_>, Vec<_>) =
        kept.into_iter().partition(|record| record.client_id() == registration.client_id().as_str());
    let mut revoked = 0;
    for token in ours.iter().filter_map(|record| record.token()) {
        let given_back = {
            let _waiting = output.wait("giving a token back");
            app.client.revoke(&holder, &app.identity, &registration, &token, &action()).await
        };
        given_back.map_err(|error| Failure::from(error).after(checks.clone()))?;
        app.profile.change(|_, tokens| tokens.forget(&token))?;
        revoked += 1;
    }
    app.profile.change(|_, tokens| {
        dead.iter().filter_map(|record| record.token()).for_each(|token| tokens.forget(&token));
    })?;
    output.object(&Revoked { outcome: "revoked", base: app.base.as_str(), tokens: revoked })?;
    output.line(format!("\n{} {revoked}", bold("tokens revoked:")))?;
    Ok(Exit::Done)
}
