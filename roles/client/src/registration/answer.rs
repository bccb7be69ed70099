//! What the server made of a statement.
//!
//! Source: FAST Security STU2 §3.2.3, §3.4; RFC 7591 §3.2

use super::{AppDescription, ClientRegistration, PHASE};
use crate::discovery::DataHolder;
use crate::error::ClientError;
use crate::identity::{ClientIdentity, Membership};
use crate::ports::HttpResponse;
use crate::scope_difference::ScopeDifference;
use crate::wire::{answer_object, refusal};
use tessera_jose::json::Object;
use tessera_udap::foreign_text;
use tessera_udap::ids::ClientId;
use tessera_udap::scope::ScopeSet;

/// The grant that is registered for.
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// The outcome of a registration request that the server accepted.
#[derive(Clone, Debug)]
pub struct Registered {
    /// What holds now; none when the server answered that it cancelled instead (empty `grant_types`, MOD-7).
    pub registration: Option<ClientRegistration>,
    /// The earlier registration, when the server gave a new client_id in its place; it is not to be used any more.
    pub replaced: Option<ClientRegistration>,
    /// How the scopes as registered differ from those asked for.
    pub scope: ScopeDifference,
    /// What the answer should have and has not, for a person.
    pub notes: Vec<String>,
}

/// The object of a 200 or 201, else the refusal.
pub(super) fn success(response: &HttpResponse) -> Result<Object, ClientError> {
    match response.status {
        200 | 201 => answer_object(PHASE, response),
        _ => Err(refusal(PHASE, response)),
    }
}

pub(super) fn read(
    answer: &Object,
    holder: &DataHolder,
    identity: &ClientIdentity,
    membership: &Membership,
    app: &AppDescription,
    earlier: Option<&ClientRegistration>,
) -> Result<Registered, ClientError> {
    let mut notes = Vec::new();
    if is_cancelled(answer)? {
        let scope = ScopeDifference::between(app.scope(), &ScopeSet::default());
        return Ok(Registered { registration: None, replaced: None, scope, notes });
    }
    let client_id = answer.required_str("client_id").map_err(|error| ClientError::answer(PHASE, error.to_string()))?;
    let client_id = ClientId::parse(client_id).map_err(|_| ClientError::answer(PHASE, "`client_id` is not one"))?;
    let scope = registered_scope(answer, app, &mut notes)?;
    judge_grants(answer, &mut notes)?;
    note_what_is_missing(answer, &mut notes);
    let difference = ScopeDifference::between(app.scope(), &scope);
    let registration = ClientRegistration {
        base: holder.base().clone(),
        registration_endpoint: holder.registration_endpoint().as_str().into(),
        community: membership.community().clone(),
        client_uri: identity.uri().clone(),
        client_id,
        scope,
    };
    let replaced = earlier.filter(|earlier| is_replaced_by(earlier, &registration)).cloned();
    Ok(Registered { registration: Some(registration), replaced, scope: difference, notes })
}

/// MOD-8: only the new client_id is used. A registration in another community is another client and stays.
fn is_replaced_by(earlier: &ClientRegistration, now: &ClientRegistration) -> bool {
    earlier.registration_endpoint == now.registration_endpoint
        && earlier.community == now.community
        && earlier.client_uri == now.client_uri
        && earlier.client_id != now.client_id
}

/// MOD-7: an empty `grant_types` says that the registration is cancelled.
fn is_cancelled(answer: &Object) -> Result<bool, ClientError> {
    let grants =
        answer.optional_strings("grant_types").map_err(|error| ClientError::answer(PHASE, error.to_string()))?;
    Ok(grants.is_some_and(|grants| grants.is_empty()))
}

/// What the server returns holds; without the grant that was asked for there is no token to be had.
///
/// Source: FAST Security STU2 §3.2.3; RFC 7591 §3.2.1
fn judge_grants(answer: &Object, notes: &mut Vec<String>) -> Result<(), ClientError> {
    let grants =
        answer.optional_strings("grant_types").map_err(|error| ClientError::answer(PHASE, error.to_string()))?;
    let Some(grants) = grants else { return Ok(()) };
    if !grants.contains(&CLIENT_CREDENTIALS) {
        let problem = format!("{CLIENT_CREDENTIALS} was asked for, and grant_types is {grants:?}");
        return Err(ClientError::answer(PHASE, foreign_text(&problem)));
    }
    if grants.len() > 1 {
        notes.push(foreign_text(&format!("more grants were registered than asked for: {}", grants.join(" "))));
    }
    Ok(())
}

pub(super) fn confirm_cancel(answer: &Object) -> Result<(), ClientError> {
    if is_cancelled(answer)? {
        return Ok(());
    }
    Err(ClientError::answer(PHASE, "the server did not confirm the cancel with an empty `grant_types`"))
}

/// What the server returns holds, also when it is other than asked for (SCOPE-9); silence means as asked.
fn registered_scope(answer: &Object, app: &AppDescription, notes: &mut Vec<String>) -> Result<ScopeSet, ClientError> {
    match answer.optional_str("scope") {
        Ok(Some(scope)) => ScopeSet::parse(scope)
            .map_err(|error| ClientError::answer(PHASE, format!("`scope`: {}", foreign_text(&error.to_string())))),
        Ok(None) => {
            notes.push("the answer names no scope; taken as asked for".to_owned());
            Ok(app.scope().clone())
        }
        Err(error) => Err(ClientError::answer(PHASE, error.to_string())),
    }
}

fn note_what_is_missing(answer: &Object, notes: &mut Vec<String>) {
    // DCR-19: harmless to us, but the server's operator should hear of it.
    if !answer.contains("software_statement") {
        notes.push("the answer does not return the software statement".to_owned());
    }
    if !answer.contains("grant_types") {
        notes.push("the answer does not return grant_types".to_owned());
    }
}
