//! `tessera get BASE_URL PATH`: reads a FHIR resource or search; the resource is all that goes to stdout.

use tessera_client::error::ClientError;
use tessera_client::ports::HttpResponse;
use tessera_client::token::{AccessToken, TokenWish};

use super::token::{Origin, show, take};
use crate::app::App;
use crate::arguments::GetArguments;
use crate::failure::{Exit, Failure};
use crate::json_text::{Layout, lay_out};
use crate::output::Output;
use crate::surroundings::now;

pub(crate) async fn run(arguments: &GetArguments, output: &Output) -> Result<Exit, Failure> {
    let app = App::open(&arguments.server)?;
    let people = output.beside_stdout();
    let response = match read_with_kept_token(&app, arguments, &people).await? {
        Some(response) => response,
        None => read_with_taken_token(&app, arguments, &people).await?,
    };
    let layout = if output.is_json() { Layout::OneLine } else { Layout::Indented };
    let resource = lay_out(&response.body, layout).ok_or_else(|| {
        Failure::new(Exit::Refused, "not-json", "the server's answer is not JSON")
            .advise("Only FHIR in JSON is read here; look at the server's address and at what was asked for.")
    })?;
    output.raw(&resource)?;
    Ok(Exit::Done)
}

/// Uses a token that was taken for this base and context before; `None` when there is none, or the server says that it is
/// dead. No metadata need be read for that: the token goes to its own base and nowhere else.
async fn read_with_kept_token(
    app: &App,
    arguments: &GetArguments,
    output: &Output,
) -> Result<Option<HttpResponse>, Failure> {
    let registrations = app.profile.registrations()?;
    let registration = app.community().and_then(|community| registrations.of_base(&app.base, community, &app.identity));
    let Some(registration) = registration else { return Ok(None) };
    let wish: TokenWish = app.wish(arguments.scope.as_deref(), &arguments.context, registration)?;
    let Some(kept) = app.profile.tokens()?.find(&app.base, registration, &wish, now()) else { return Ok(None) };
    show(&kept.grant, Origin::Kept, output)?;
    let token = kept.grant.token;
    match read(app, arguments, &token, output).await {
        Err(ClientError::Refused(refusal)) if refusal.status == 401 => {
            app.profile.change(|_, tokens| tokens.forget(&token))?;
            output.line("the server does not take this token any more; another one is asked for\n")?;
            Ok(None)
        }
        ended => Ok(Some(ended?)),
    }
}

async fn read_with_taken_token(app: &App, arguments: &GetArguments, output: &Output) -> Result<HttpResponse, Failure> {
    let discovered = app.discover(output).await?;
    let registration = app.registration(&discovered.holder)?;
    let wish = app.wish(arguments.scope.as_deref(), &arguments.context, &registration)?;
    let (grant, origin) = take(app, &discovered, &registration, &wish, output).await?;
    show(&grant, origin, output)?;
    read(app, arguments, &grant.token, output).await.map_err(|error| {
        let is_dead = matches!(&error, ClientError::Refused(refusal) if refusal.status == 401);
        let forgotten = if is_dead { app.profile.change(|_, tokens| tokens.forget(&grant.token)) } else { Ok(()) };
        forgotten.err().unwrap_or_else(|| Failure::from(error).after(discovered.checks.clone()))
    })
}

async fn read(
    app: &App,
    arguments: &GetArguments,
    token: &AccessToken,
    output: &Output,
) -> Result<HttpResponse, ClientError> {
    let _waiting = output.wait("reading");
    app.client.get(&app.base, &arguments.path, token).await
}
