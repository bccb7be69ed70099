//! `tessera token BASE_URL`: an access token by client credentials, kept in the profile until it ends.

use serde::Serialize;
use tessera_client::check::Check;
use tessera_client::registration::ClientRegistration;
use tessera_client::token::{Grant, TokenWish};

use super::register::show_difference;
use crate::app::{App, Discovered};
use crate::arguments::TokenArguments;
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold};
use crate::surroundings::{action, now};
use crate::time_text::{instant, instant_from};

/// Where a token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    /// The server has just issued it.
    Server,
    /// The profile had it from before.
    Kept,
}

/// A token as programs read it; the token itself only when it was asked for.
#[derive(Serialize)]
struct Token<'a> {
    base: &'a str,
    client_id: &'a str,
    origin: Origin,
    scope: String,
    missing: &'a [String],
    added: &'a [String],
    expires_at: String,
    expires_in_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    notes: &'a [String],
    checks: &'a [Check],
}

pub(crate) async fn run(arguments: &TokenArguments, output: &Output) -> Result<Exit, Failure> {
    let app = App::open(&arguments.server)?;
    let people = if arguments.print { output.beside_stdout() } else { *output };
    let discovered = app.discover(&people).await?;
    let registration = app.registration(&discovered.holder)?;
    let wish = app.wish(arguments.scope.as_deref(), &arguments.context, &registration)?;
    let (grant, origin) = take(&app, &discovered, &registration, &wish, &people).await?;
    let shown = arguments.print.then(|| grant.token.reveal());
    output.object(&Token {
        base: app.base.as_str(),
        client_id: registration.client_id().as_str(),
        origin,
        scope: grant.scope.to_string(),
        missing: &grant.difference.missing,
        added: &grant.difference.added,
        expires_at: instant(grant.expires_at),
        expires_in_s: grant.expires_at.since(now()).as_secs(),
        access_token: shown,
        notes: &grant.notes,
        checks: &discovered.checks,
    })?;
    show(&grant, origin, &people)?;
    match shown {
        Some(token) if !output.is_json() => output.raw(token)?,
        Some(_) => {}
        None => people.next(app.command("get", " \"Patient?_count=5\""))?,
    }
    Ok(Exit::Done)
}

/// The kept token for this wish, else a new one, which is kept.
pub(super) async fn take(
    app: &App,
    discovered: &Discovered,
    registration: &ClientRegistration,
    wish: &TokenWish,
    output: &Output,
) -> Result<(Grant, Origin), Failure> {
    let kept = app.profile.tokens()?.find(&app.base, registration, wish, now());
    let former = kept.as_ref().map(|kept| kept.grant.token.clone());
    if let Some(kept) = kept {
        app.client.tokens().put_back(kept, now());
    }
    let granted = {
        let _waiting = output.wait("asking for a token");
        app.client.token(&discovered.holder, &app.identity, registration, wish, &action()).await
    };
    let grant = granted.map_err(|error| Failure::from(error).after(discovered.checks.clone()))?;
    if former.is_some_and(|former| former == grant.token) {
        return Ok((grant, Origin::Kept));
    }
    app.profile.change(|_, tokens| tokens.put(&app.base, registration, wish, &grant, now()))?;
    Ok((grant, Origin::Server))
}

/// Shows all of a token but itself.
pub(super) fn show(grant: &Grant, origin: Origin, output: &Output) -> Result<(), Failure> {
    let title = match origin {
        Origin::Server => "token granted",
        Origin::Kept => "token at hand",
    };
    output.line(format!("\n{}", bold(title)))?;
    output.field("scopes", grant.scope.to_string())?;
    show_difference(&grant.difference, output)?;
    output.field("ends", instant_from(grant.expires_at, now()))?;
    output.notes(&grant.notes)?;
    Ok(())
}
