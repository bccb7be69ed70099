//! `tessera token BASE_URL`: an access token by client credentials, kept in the profile until it ends.

use serde::Serialize;
use tessera_client::check::Check;
use tessera_client::registration::ClientRegistration;
use tessera_client::token::{Grant, TokenWish};
use tessera_udap::scope::{Permissions, Scope, ScopeSet};

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
        None => people.next(app.command("get", &reading(&grant.scope, arguments)))?,
    }
    Ok(Exit::Done)
}

/// What to type after `tessera get BASE` to use this very token: something that its scopes open, and the same scopes and
/// context, without which another one would be taken.
fn reading(granted: &ScopeSet, arguments: &TokenArguments) -> String {
    let opened = |permission| {
        let scopes = granted.iter().filter_map(Scope::resource);
        scopes.filter(|scope| scope.permissions.contains(permission)).map(|scope| scope.resource.as_deref()).next()
    };
    let path = match (opened(Permissions::SEARCH), opened(Permissions::READ)) {
        (Some(resource), _) => format!("{}?_count=5", resource.unwrap_or("Patient")),
        (None, Some(resource)) => format!("{}/ID", resource.unwrap_or("Patient")),
        (None, None) => "PATH".to_owned(),
    };
    let context = &arguments.context;
    let options = [
        ("--scope", &arguments.scope),
        ("--organization-id", &context.organization_id),
        ("--organization-name", &context.organization_name),
        ("--subject-name", &context.subject_name),
        ("--subject-id", &context.subject_id),
        ("--subject-role", &context.subject_role),
    ];
    let typed = options.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let purposes = context.purposes.iter().map(|purpose| ("--purpose", purpose.as_str()));
    let words = typed.chain(purposes).map(|(name, value)| format!(" {name} {}", quoted(value)));
    std::iter::once(format!(" {}", quoted(&path))).chain(words).collect()
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/@%+=,".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser as _;

    fn reading_with(granted: &str, typed: &[&str]) -> String {
        let line = [&["tessera", "token", "https://fhir.example/r4"], typed].concat();
        let Command::Token(arguments) = Arguments::try_parse_from(line).unwrap().command else { panic!("{typed:?}") };
        reading(&ScopeSet::parse(granted).unwrap(), &arguments)
    }

    #[test]
    fn the_next_command_reads_what_the_token_opens_with_the_same_context() {
        assert_eq!(reading_with("system/Observation.rs", &[]), " 'Observation?_count=5'");
        assert_eq!(reading_with("openid system/Group.r system/Device.s", &[]), " 'Device?_count=5'");
        assert_eq!(reading_with("system/Group.r", &[]), " Group/ID");
        assert_eq!(reading_with("system/*.read", &[]), " 'Patient?_count=5'");
        assert_eq!(reading_with("system/Patient.c", &[]), " PATH");
        let typed = ["--scope", "system/Group.r x", "--purpose", "urn:oid:1.2#T", "--subject-name", "O'Hara"];
        let expected = r" Group/ID --scope 'system/Group.r x' --subject-name 'O'\''Hara' --purpose 'urn:oid:1.2#T'";
        assert_eq!(reading_with("system/Group.r", &typed), expected);
    }
}
