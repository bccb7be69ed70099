//! The steps of discovery, in their order, with the requirements they stand for.

use crate::check::Step;

const fn step(name: &'static str, requirements: &'static [&'static str]) -> Step {
    Step { name, requirements }
}

pub(super) const ANSWER: Step = step("metadata found", &["DISC-1", "DISC-6", "COMM-6"]);
pub(super) const DOCUMENT: Step = step("one JSON object", &["DISC-3"]);
pub(super) const VERSION: Step = step("UDAP version 1", &["META-1"]);
pub(super) const SIGNED_FORM: Step = step("signed metadata well-formed", &["META-19", "SMD-9", "JWT-1", "JWT-5"]);
pub(super) const SIGNATURE: Step = step("signature by the key of the first certificate", &["SMD-9", "JWT-6", "JWT-13"]);
pub(super) const CHAIN: Step =
    step("chain to a trusted community", &["SMD-9", "CHAIN-1", "CHAIN-2", "CHAIN-3", "COMM-7"]);
pub(super) const ALGORITHM: Step = step("signed with RS256", &["SMD-1"]);
pub(super) const CLAIMS: Step = step("signed claims", &["SMD-9", "JWT-7"]);
pub(super) const ISSUER: Step = step("signed for this FHIR base, which is in the certificate", &["SMD-2", "JWT-10"]);
pub(super) const SUBJECT: Step = step("subject is the issuer", &["SMD-3"]);
pub(super) const LIFETIME: Step = step("signed part lives now, and at most a year", &["SMD-4"]);
pub(super) const JWT_ID: Step = step("signed part has an id", &["SMD-5"]);
pub(super) const SIGNED_ENDPOINTS: Step = step("endpoints are signed", &["SMD-7"]);
pub(super) const COMMUNITY: Step = step("signed in the community asked for", &["COMM-7"]);
pub(super) const ENDPOINTS: Step = step("plain endpoints equal the signed ones", &["SMD-8"]);
pub(super) const ELEMENTS: Step = step("elements as the guide wants them", &["DISC-10"]);
pub(super) const GRANT: Step = step("what client credentials need", &["DISC-7", "META-3", "META-5", "META-16"]);
