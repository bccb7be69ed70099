//! `tessera explain ID --config FILE`: why a request was refused, from the node's audit log.

use std::path::Path;

use tessera_authorization_server::context::CorrelationId;
use tessera_client::check::CheckOutcome;
use tessera_server::audit_sink::detail;
use tessera_server::config;

use super::clients::unusable_configuration;
use crate::audit::event::{Decision, Outcome, Refusal, Who};
use crate::audit::search::search;
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, mark, safe, yellow};

pub(crate) fn run(id: &str, config: &Path, output: &Output) -> Result<Exit, Failure> {
    let Some(id) = CorrelationId::parse(id.trim()) else {
        return Err(Failure::usage("correlation-id", "this is not a correlation id")
            .advise("It is the value of the answer's header X-Correlation-Id: 8 to 64 letters, digits, - and _."));
    };
    let (_, log) = config::paths(config).map_err(|report| unusable_configuration(config, &report))?;
    let found = {
        let _waiting = output.wait("looking through the audit log");
        search(&log, id.as_str())
    };
    let found = found.map_err(|error| {
        Failure::new(Exit::SomethingFirst, "no-audit-log", format!("the audit log {} cannot be read", log.display()))
            .because(error.to_string())
            .advise("The node makes it at its first start; run this as a user who may read it.")
    })?;
    if found.decisions.is_empty() {
        let failure =
            Failure::new(Exit::NotFound, "not-found", format!("nothing in {} has the id {id}", log.display()));
        let failure = if found.unreadable > 0 {
            failure.because(format!("{} damaged lines name it", found.unreadable))
        } else {
            failure
        };
        return Err(failure.advise("Was it this node? Older events may stand in a file that was rotated away."));
    }
    for decision in &found.decisions {
        output.object(decision)?;
        show(decision, output)?;
    }
    Ok(Exit::Done)
}

fn show(decision: &Decision, output: &Output) -> Result<(), Failure> {
    let (outcome, word) = match decision.outcome {
        Outcome::Granted => (CheckOutcome::Passed, "granted"),
        Outcome::Refused => (CheckOutcome::Failed, "refused"),
        Outcome::Failed => (CheckOutcome::Failed, "failed on our side"),
    };
    let title = format!("{} {word}", safe(&decision.action));
    output.line(format!("{} {}  {}", mark(outcome), bold(title), safe(&decision.recorded)))?;
    show_who(&decision.who, output)?;
    let place = decision.details.get(detail::PLACE);
    let optional = [
        ("asked at", place),
        ("about", decision.resource.as_ref()),
        ("scopes", decision.details.get(detail::SCOPE)),
        ("token", decision.details.get(detail::TOKEN_ID)),
    ];
    for (name, value) in optional {
        show_field(name, value, output)?;
    }
    for purpose in &decision.purposes {
        output.field("purpose", safe(purpose))?;
    }
    let shown_above = [detail::PLACE, detail::SCOPE, detail::TOKEN_ID];
    for (name, value) in decision.details.iter().filter(|(name, _)| !shown_above.contains(&name.as_str())) {
        output.field(&safe(name), safe(value))?;
    }
    for note in &decision.notes {
        output.field("note", safe(note))?;
    }
    match &decision.refusal {
        Some(refusal) => show_refusal(refusal, output),
        None => Ok(()),
    }
}

fn show_who(who: &Who, output: &Output) -> Result<(), Failure> {
    let identity = who.identity.as_deref().unwrap_or("unknown");
    let identifier = who.identifier.as_deref().unwrap_or("nobody known");
    let told = match identity {
        "proved" => format!("{} (proved)", safe(identifier)),
        // Anybody can write anything into a request that does not hold.
        "claimed" => format!("{} {}", safe(identifier), yellow("(claimed, not proved)")),
        other => format!("{} ({})", safe(identifier), safe(other)),
    };
    output.field("who", told)?;
    let optional = [
        ("community", &who.community),
        ("client URI", &who.client_uri),
        ("certificate (SHA-256)", &who.certificate_sha256),
        ("for", &who.organization),
        ("address", &who.address),
    ];
    for (name, value) in optional {
        show_field(name, value.as_ref(), output)?;
    }
    Ok(())
}

fn show_refusal(refusal: &Refusal, output: &Output) -> Result<(), Failure> {
    output.field("check", bold(safe(&refusal.reason)))?;
    show_field("answered", refusal.error.as_ref(), output)?;
    show_field("cause", refusal.cause.as_ref(), output)?;
    for (name, value) in &refusal.evidence {
        output.field("evidence", format!("{}: {}", safe(name), safe(value)))?;
    }
    show_field("section", refusal.section.as_ref(), output)?;
    if let Some(fix) = &refusal.likely_fix {
        output.next(safe(fix))?;
    }
    Ok(())
}

fn show_field(name: &str, value: Option<&String>, output: &Output) -> Result<(), Failure> {
    match value {
        Some(value) => Ok(output.field(name, safe(value))?),
        None => Ok(()),
    }
}
