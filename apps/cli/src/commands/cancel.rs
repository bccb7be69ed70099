//! `tessera cancel BASE_URL`: ends this app's registration with a server.

use serde::Serialize;

use crate::app::{App, Discovered};
use crate::arguments::ServerArguments;
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold};
use crate::surroundings::action;

/// What came of it, as programs read it.
#[derive(Serialize)]
struct Cancelled<'a> {
    outcome: &'static str,
    base: &'a str,
    client_id: &'a str,
    community: &'a str,
}

pub(crate) async fn run(arguments: &ServerArguments, output: &Output) -> Result<Exit, Failure> {
    let app = App::open(arguments)?;
    let Discovered { holder, checks } = app.discover(output).await?;
    let registration = app.registration(&holder)?;
    let description = app.description(registration.scope().clone());
    let cancelled = {
        let _waiting = output.wait("cancelling");
        app.client.cancel(&holder, &app.identity, &description, &registration, &action()).await
    };
    cancelled.map_err(|error| Failure::from(error).after(checks))?;
    app.profile.change(|registrations, tokens| {
        registrations.remove(&registration);
        tokens.forget_client(registration.client_id());
    })?;
    output.object(&Cancelled {
        outcome: "cancelled",
        base: app.base.as_str(),
        client_id: registration.client_id().as_str(),
        community: registration.community().as_str(),
    })?;
    output.line(format!("\n{} {}", bold("registration cancelled:"), registration.client_id()))?;
    output.line("Its tokens are dead. Registering again gives another client_id.")?;
    Ok(Exit::Done)
}
