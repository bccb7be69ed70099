//! `tessera register BASE_URL --scope SCOPES`: registers this app, or changes its registration.

use serde::Serialize;
use tessera_client::check::{Check, CheckOutcome};
use tessera_client::registration::{ClientRegistration, Registered};

use crate::app::{App, Discovered, parse_scope};
use crate::arguments::RegisterArguments;
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, mark};
use crate::surroundings::action;

/// What came of it, as programs read it.
#[derive(Serialize)]
struct Outcome<'a> {
    /// `registered` (this profile knew of no earlier registration), `changed` or `replaced` (a new client_id in place of
    /// the former).
    outcome: &'static str,
    base: &'a str,
    client_id: &'a str,
    community: &'a str,
    client_uri: &'a str,
    scope: String,
    missing: &'a [String],
    added: &'a [String],
    notes: &'a [String],
    checks: &'a [Check],
}

pub(crate) async fn run(arguments: &RegisterArguments, output: &Output) -> Result<Exit, Failure> {
    let scope = parse_scope(&arguments.scope)?;
    let app = App::open(&arguments.server)?;
    let Discovered { holder, checks } = app.discover(output).await?;
    let earlier = app.profile.registrations()?.at(&holder, &app.identity).cloned();
    let registered = {
        let _waiting = output.wait("registering");
        app.client.register(&holder, &app.identity, &app.description(scope), earlier.as_ref(), &action()).await
    };
    let registered = registered.map_err(|error| Failure::from(error).after(checks.clone()))?;
    keep(&app, earlier.as_ref(), &registered)?;
    let Some(registration) = &registered.registration else { return Err(cancelled_instead().after(checks)) };
    show(&app, earlier.is_some(), registration, &registered, &checks, output)
}

/// What the server says holds, and tokens of what no longer holds are forgotten.
fn keep(app: &App, earlier: Option<&ClientRegistration>, registered: &Registered) -> Result<(), Failure> {
    app.profile.change(|registrations, tokens| {
        match &registered.registration {
            Some(registration) => registrations.put(registration.clone()),
            None => earlier.into_iter().for_each(|earlier| {
                registrations.remove(earlier);
                tokens.forget_client(earlier.client_id());
            }),
        }
        if let Some(former) = &registered.replaced {
            tokens.forget_client(former.client_id());
        }
    })
}

/// What to say when an empty `grant_types` answers a registration (MOD-7).
fn cancelled_instead() -> Failure {
    let message = "the server cancelled the registration instead: the grant_types of its answer are empty";
    Failure::new(Exit::Refused, "cancelled-instead", message)
        .advise("What was registered there holds no more, and its tokens are forgotten. Ask the server's operator why.")
}

fn show(
    app: &App,
    was_registered: bool,
    registration: &ClientRegistration,
    registered: &Registered,
    checks: &[Check],
    output: &Output,
) -> Result<Exit, Failure> {
    let outcome = match &registered.replaced {
        Some(_) => "replaced",
        None if was_registered => "changed",
        None => "registered",
    };
    output.object(&Outcome {
        outcome,
        base: app.base.as_str(),
        client_id: registration.client_id().as_str(),
        community: registration.community().as_str(),
        client_uri: app.identity.uri().as_str(),
        scope: registration.scope().to_string(),
        missing: &registered.scope.missing,
        added: &registered.scope.added,
        notes: &registered.notes,
        checks,
    })?;
    output.line(format!("\n{} {}", bold(format!("{outcome}:")), registration.client_id()))?;
    output.field("community", registration.community().as_str())?;
    output.field("client URI", registration.client_uri().as_str())?;
    output.field("scopes", registration.scope().to_string())?;
    show_difference(&registered.scope, output)?;
    output.notes(&registered.notes)?;
    output.next(app.token_command())?;
    Ok(Exit::Done)
}

/// How scopes differ from those asked for.
pub(super) fn show_difference(difference: &tessera_client::ScopeDifference, output: &Output) -> Result<(), Failure> {
    for (name, scopes) in [("not given", &difference.missing), ("given beyond", &difference.added)] {
        if !scopes.is_empty() {
            output.field(name, format!("{} {}", mark(CheckOutcome::Warned), scopes.join(" ")))?;
        }
    }
    Ok(())
}
