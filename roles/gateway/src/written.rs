//! The resource that a write brings: read strictly, and only of the type and id that the URL names.
//!
//! The bytes go upstream as they came, so that decimals keep their digits; our reader refuses what two readers could
//! understand differently (equal members, bytes after the end).
//!
//! Source: security invariants 8 and 41; FHIR R4 "RESTful API" §3.1.0.4, §3.1.0.8

use tessera_jose::json::{Limits, Object, Value, read_object};

use crate::rejection::Rejection;
use crate::request::path::Interaction;

/// The largest resource, in bytes.
pub(crate) const MAX_RESOURCE_BYTES: usize = 2 * 1024 * 1024;
/// A resource of 2 MiB has about that many values when it is made of small ones.
const LIMITS: Limits = Limits { nodes: 100_000, ..Limits::new(MAX_RESOURCE_BYTES) };

/// Judges the body of a create or update.
pub(crate) fn judge(body: &[u8], interaction: &Interaction) -> Result<(), Rejection> {
    let resource = read_object(body, &LIMITS).map_err(Rejection::BodyNotJson)?;
    let wanted = interaction.resource_type().ok_or(Rejection::UnknownAddress)?;
    if wanted.sends_data_elsewhere() {
        return Err(Rejection::not_opened("subscription", "subscriptions"));
    }
    if text(&resource, "resourceType") != Some(wanted.as_str()) {
        return Err(Rejection::Written { member: "resourceType", rule: "is not the type in the URL" });
    }
    // A create's own id is for the server to replace; an update's is the URL's.
    if let Interaction::Update(instance) = interaction
        && text(&resource, "id") != Some(instance.id.as_str())
    {
        return Err(Rejection::Written { member: "id", rule: "is not the id in the URL" });
    }
    judge_references(&resource)
}

fn text<'a>(object: &'a Object, member: &str) -> Option<&'a str> {
    object.get(member).and_then(Value::as_str)
}

/// A reference with a query (`Patient?identifier=x`) makes some servers search, beyond the scopes of the caller.
fn judge_references(resource: &Object) -> Result<(), Rejection> {
    let mut left: Vec<&Object> = vec![resource];
    while let Some(object) = left.pop() {
        if text(object, "reference").is_some_and(|reference| reference.contains('?')) {
            return Err(Rejection::not_opened("conditional-reference", "conditional references"));
        }
        let mut values: Vec<&Value> = object.iter().map(|(_, value)| value).collect();
        while let Some(value) = values.pop() {
            match value {
                Value::Object(object) => left.push(object),
                Value::Array(items) => values.extend(items),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(method: &str, path: &str, body: &str) -> Option<&'static str> {
        let interaction = Interaction::parse(&method.parse().unwrap(), path, "").unwrap();
        judge(body.as_bytes(), &interaction).err().map(|refused| refused.rule().reason_code)
    }

    #[test]
    fn takes_a_resource_of_the_type_and_id_of_the_url() {
        assert_eq!(reason("POST", "/Patient", r#"{"resourceType":"Patient"}"#), None);
        assert_eq!(reason("POST", "/Patient", r#"{"resourceType":"Patient","id":"own"}"#), None);
        assert_eq!(reason("PUT", "/Patient/1", r#"{"resourceType":"Patient","id":"1"}"#), None);
        let referring =
            r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"},"note":[{"text":"why?"}]}"#;
        assert_eq!(reason("POST", "/Observation", referring), None);
    }

    #[test]
    fn refuses_another_type_or_id() {
        for body in
            [r#"{"resourceType":"Observation","id":"1"}"#, r#"{"id":"1"}"#, r#"{"resourceType":["Patient"],"id":"1"}"#]
        {
            assert_eq!(reason("PUT", "/Patient/1", body), Some("body"), "{body}");
        }
        for body in [
            r#"{"resourceType":"Patient","id":"2"}"#,
            r#"{"resourceType":"Patient"}"#,
            r#"{"resourceType":"Patient","id":1}"#,
        ] {
            assert_eq!(reason("PUT", "/Patient/1", body), Some("body"), "{body}");
        }
    }

    #[test]
    fn refuses_what_two_readers_could_understand_differently() {
        for body in [
            r#"{"resourceType":"Patient","resourceType":"Observation"}"#,
            r#"{"resourceType":"Patient"} {}"#,
            r#"[{"resourceType":"Patient"}]"#,
            r#"{"resourceType":"Patient""#,
            "",
            "<Patient/>",
        ] {
            assert_eq!(reason("POST", "/Patient", body), Some("body-not-json"), "{body}");
        }
    }

    #[test]
    fn refuses_conditional_references_at_any_depth() {
        for body in [
            r#"{"resourceType":"Observation","subject":{"reference":"Patient?identifier=1"}}"#,
            r#"{"resourceType":"Observation","x":[[{"y":{"reference":"Patient?a=b"}}]]}"#,
        ] {
            assert_eq!(reason("POST", "/Observation", body), Some("conditional-reference"), "{body}");
        }
    }

    #[test]
    fn refuses_subscriptions() {
        assert_eq!(reason("POST", "/Subscription", r#"{"resourceType":"Subscription"}"#), Some("subscription"));
    }
}
