//! `tessera discover BASE_URL`: reads a server's UDAP metadata and judges them in full.

use serde::Serialize;
use tessera_client::check::Check;

use crate::app::{App, Discovered};
use crate::arguments::ServerArguments;
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, safe};
use crate::surroundings::now;
use crate::time_text::{instant, instant_from};

/// A proven server as programs read it.
#[derive(Serialize)]
struct Server<'a> {
    base: &'a str,
    community: &'a str,
    edition: &'static str,
    registration_endpoint: &'a str,
    token_endpoint: &'a str,
    authorization_endpoint: Option<&'a str>,
    scopes_supported: Option<&'a [String]>,
    grant_types_supported: &'a [String],
    extensions_required: Option<&'a [String]>,
    holds_until: String,
    checks: &'a [Check],
}

pub(crate) async fn run(arguments: &ServerArguments, output: &Output) -> Result<Exit, Failure> {
    let app = App::open(arguments)?;
    let Discovered { holder, checks } = app.discover_in_detail(output).await?;
    let metadata = holder.metadata();
    let server = Server {
        base: holder.base().as_str(),
        community: holder.community().as_str(),
        edition: holder.edition().as_str(),
        registration_endpoint: holder.registration_endpoint().as_str(),
        token_endpoint: holder.token_endpoint().as_str(),
        authorization_endpoint: holder.authorization_endpoint().map(|endpoint| endpoint.as_str()),
        scopes_supported: metadata.scopes_supported.as_deref(),
        grant_types_supported: &metadata.grant_types_supported,
        extensions_required: metadata.udap_authorization_extensions_required.as_deref(),
        holds_until: instant(holder.holds_until()),
        checks: &checks,
    };
    output.object(&server)?;
    output.line(format!("\n{} {}", bold("proven:"), server.base))?;
    output.field("community", server.community)?;
    output.field("edition", server.edition)?;
    output.field("registration endpoint", server.registration_endpoint)?;
    output.field("token endpoint", server.token_endpoint)?;
    if let Some(scopes) = server.scopes_supported {
        output.field("scopes", safe(&scopes.join(" ")))?;
    }
    output.field("holds until", instant_from(holder.holds_until(), now()))?;
    match app.registration(&holder) {
        Ok(registration) => {
            output.field("registered as", registration.client_id().as_str())?;
            output.next(app.token_command())?;
        }
        Err(_) => output.next(app.command("register", " --scope \"SCOPES\""))?,
    }
    Ok(Exit::Done)
}
