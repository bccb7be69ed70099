//! Each decision leaves an AuditEvent from which it can be explained.

use tessera_authorization_server::audit::{AuditAction, AuditRecord, Explanation};

use crate::pki::p256;
use crate::world::{APP, App, World, code};

const OBSERVER: &str = "https://holder.example/r4";

#[tokio::test]
async fn a_refusal_can_be_explained_by_its_correlation_id() {
    let world = World::new();
    let app = world.registered().await;
    let mallory =
        App { client_id: app.client_id.clone(), ..App::new(world.red.issue(&["https://mallory.example"], p256())) };
    let refusal = world.token(&mallory.assertion()).await.unwrap_err();
    let event = world.audit.last().to_fhir(OBSERVER);
    assert_eq!(event["resourceType"], "AuditEvent");
    assert_eq!(event["outcome"], "4");
    let told = Explanation::from_fhir(&event).unwrap();
    assert_eq!(told.correlation_id, refusal.correlation_id().as_str());
    assert!(!told.granted);
    assert_eq!(told.action, "token");
    assert_eq!(told.reason.as_deref(), Some("certificate-of-another"));
    assert_eq!(told.error.as_deref(), Some("invalid_client"));
    assert_eq!(told.section.as_deref(), Some("UDAP JWT Client Authentication §6.3"));
    assert!(told.likely_fix.is_some());
    for fact in [("registered_uri", APP), ("certificate_uri", "https://mallory.example")] {
        let (name, value) = fact;
        assert!(told.evidence.contains(&(name.to_owned(), value.to_owned())));
    }
    assert!(told.facts.contains(&("identity".to_owned(), "claimed".to_owned())));
}

#[tokio::test]
async fn a_grant_says_who_for_whom_and_for_what() {
    let world = World::new();
    let app = world.registered().await;
    let assertion = app.assertion().with_b2b("subject_name", "A. Person");
    let answer = world.token(&assertion).await.unwrap();
    let event = world.audit.last().to_fhir(OBSERVER);
    assert_eq!(event["outcome"], "0");
    assert_eq!(event["purposeOfEvent"][0]["coding"][0]["code"], "TREAT");
    assert_eq!(event["agent"][0]["who"]["identifier"]["value"], app.client_id);
    assert_eq!(event["agent"][1]["who"]["identifier"]["value"], "https://clinic.example");
    let text = event.to_string();
    assert!(text.contains("A. Person"));
    assert!(!text.contains(&answer.access_token));
    let told = Explanation::from_fhir(&event).unwrap();
    assert!(told.granted && told.reason.is_none());
}

#[test]
fn a_record_that_nobody_closed_does_not_read_as_granted() {
    let context = World::new().now();
    let event = AuditRecord::begun(AuditAction::Token, "main", &context).to_fhir(OBSERVER);
    assert_eq!((&event["outcome"], &event["outcomeDesc"]), (&"8".into(), &"undecided".into()));
    assert!(!Explanation::from_fhir(&event).unwrap().granted);
}

#[tokio::test]
async fn what_a_caller_wrote_is_cut_and_has_no_control_characters() {
    let world = World::new();
    let app = world.registered().await;
    let hostile = format!("line\nbreak{}", "x".repeat(10_000));
    let refused = world.token(&app.assertion().with("iss", hostile)).await;
    assert_eq!(code(refused), "invalid_client");
    let text = world.audit.last().to_fhir(OBSERVER).to_string();
    assert!(!text.contains("line\\nbreak"));
    assert!(text.len() < 4_000);
}
