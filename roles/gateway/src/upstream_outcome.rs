//! What a FHIR server's refusal says, of which only words of known lists and grammars are kept.
//!
//! Its texts name addresses, tables and lines of its code as easily as what the caller did wrong; nobody can tell them
//! apart, so none passes. Severities and codes are those of FHIR's value sets, codings those of HL7's code systems, and
//! an expression is a path into a resource.
//!
//! Source: FHIR R4 "OperationOutcome"; security invariant 42

use serde_json::json;
use tessera_jose::json::{Limits, Object, Value, read_object};

use crate::request::resource_type::ResourceType;

/// The longest `OperationOutcome` of upstream's, in bytes.
pub(crate) const MAX_OUTCOME_BYTES: usize = 64 * 1024;
/// The most issues that pass, and the most codings and expressions of each.
const MAX_ISSUES: usize = 20;
const MAX_PARTS: usize = 10;

/// The issues of a refusal; none when the server said nothing that is understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UpstreamOutcome {
    issues: Vec<Issue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Issue {
    severity: &'static str,
    code: &'static str,
    codings: Vec<Coding>,
    expressions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Coding {
    system: String,
    code: String,
}

impl UpstreamOutcome {
    /// Reads an `OperationOutcome`; anything else has no issues.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(outcome) = read_object(body, &Limits::new(MAX_OUTCOME_BYTES)) else {
            return Self::default();
        };
        if text(&outcome, "resourceType") != Some("OperationOutcome") {
            return Self::default();
        }
        let issues = outcome.get("issue").and_then(Value::as_array).unwrap_or_default();
        Self { issues: issues.iter().filter_map(Value::as_object).take(MAX_ISSUES).map(Issue::of).collect() }
    }

    /// The issues as FHIR JSON, each with `diagnostics` of our own; at least one, of this code where there was none.
    pub(crate) fn issues(&self, code: &str, diagnostics: &str) -> Vec<serde_json::Value> {
        if self.issues.is_empty() {
            return vec![json!({ "severity": "error", "code": code, "diagnostics": diagnostics })];
        }
        self.issues.iter().map(|issue| issue.to_json(diagnostics)).collect()
    }
}

impl Issue {
    fn of(issue: &Object) -> Self {
        let codings = issue.get("details").and_then(Value::as_object).and_then(|details| details.get("coding"));
        let codings = codings.and_then(Value::as_array).unwrap_or_default();
        let expressions = issue.get("expression").and_then(Value::as_array).unwrap_or_default();
        let expressions = expressions.iter().filter_map(Value::as_str).filter(|path| is_path_into_resource(path));
        Self {
            severity: one_of(&SEVERITIES, text(issue, "severity")).unwrap_or("error"),
            code: one_of(&ISSUE_TYPES, text(issue, "code")).unwrap_or("processing"),
            codings: codings.iter().filter_map(Coding::of).take(MAX_PARTS).collect(),
            expressions: expressions.take(MAX_PARTS).map(str::to_owned).collect(),
        }
    }

    fn to_json(&self, diagnostics: &str) -> serde_json::Value {
        let mut issue = json!({ "severity": self.severity, "code": self.code, "diagnostics": diagnostics });
        if let Some(members) = issue.as_object_mut() {
            if !self.codings.is_empty() {
                let codings = self.codings.iter().map(|coding| json!({ "system": coding.system, "code": coding.code }));
                members.insert("details".to_owned(), json!({ "coding": codings.collect::<Vec<_>>() }));
            }
            if !self.expressions.is_empty() {
                members.insert("expression".to_owned(), json!(self.expressions));
            }
        }
        issue
    }
}

impl Coding {
    /// A code of HL7's; a server's own code systems name the server. The display is text and stays out.
    fn of(coding: &Value) -> Option<Self> {
        let coding = coding.as_object()?;
        let (system, code) = (text(coding, "system")?, text(coding, "code")?);
        let name = system
            .strip_prefix("http://terminology.hl7.org/CodeSystem/")
            .or_else(|| system.strip_prefix("http://hl7.org/fhir/"))?;
        (is_word(name) && is_word(code)).then(|| Self { system: system.to_owned(), code: code.to_owned() })
    }
}

fn text<'a>(object: &'a Object, member: &str) -> Option<&'a str> {
    object.get(member).and_then(Value::as_str)
}

fn one_of(known: &'static [&'static str], said: Option<&str>) -> Option<&'static str> {
    known.iter().copied().find(|word| Some(*word) == said)
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// `Patient.name[0].given`: a type of FHIR's, then names of elements, each with an index or not.
fn is_path_into_resource(expression: &str) -> bool {
    let mut steps = expression.split('.');
    expression.len() <= 256
        && steps.next().is_some_and(|name| ResourceType::parse(name).is_some())
        && steps.all(|step| {
            let (name, index) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
                Some((name, index)) => (name, index),
                None => (step, "0"),
            };
            (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphabetic())
                && (1..=6).contains(&index.len())
                && index.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// Source: FHIR R4 value set `issue-severity`
const SEVERITIES: [&str; 4] = ["fatal", "error", "warning", "information"];
/// Source: FHIR R4 value set `issue-type`
const ISSUE_TYPES: [&str; 31] = [
    "invalid",
    "structure",
    "required",
    "value",
    "invariant",
    "security",
    "login",
    "unknown",
    "expired",
    "forbidden",
    "suppressed",
    "processing",
    "not-supported",
    "duplicate",
    "multiple-matches",
    "not-found",
    "deleted",
    "too-long",
    "code-invalid",
    "extension",
    "too-costly",
    "business-rule",
    "conflict",
    "transient",
    "lock-error",
    "no-store",
    "exception",
    "timeout",
    "incomplete",
    "throttled",
    "informational",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn issues_of(outcome: &str) -> serde_json::Value {
        UpstreamOutcome::read(outcome.as_bytes()).issues("processing", "ours").into()
    }

    #[test]
    fn keeps_what_is_of_known_lists() {
        let said = r#"{"resourceType":"OperationOutcome","text":{"div":"10.0.0.5"},"issue":[
            {"severity":"fatal","code":"conflict","diagnostics":"at db.internal:5432","location":["/f:Patient"],
             "expression":["Patient.name[0].given","Patient.where(x='http://10.0.0.5')","db.internal"],
             "details":{"text":"10.0.0.5","coding":[
                {"system":"http://terminology.hl7.org/CodeSystem/operation-outcome","code":"MSG_BAD_FORMAT","display":"10.0.0.5"},
                {"system":"http://10.0.0.5/codes","code":"x"},
                {"system":"http://terminology.hl7.org/CodeSystem/x","code":"at 10.0.0.5"}]}},
            {"severity":"bad","code":"db.internal"}]}"#;
        let expected = json!([
            { "severity": "fatal", "code": "conflict", "diagnostics": "ours", "expression": ["Patient.name[0].given"],
              "details": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/operation-outcome", "code": "MSG_BAD_FORMAT" }] } },
            { "severity": "error", "code": "processing", "diagnostics": "ours" },
        ]);
        assert_eq!(issues_of(said), expected);
    }

    #[test]
    fn has_an_issue_when_the_server_said_none() {
        for said in ["", "<html>", "{}", r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"OperationOutcome"}"#] {
            assert_eq!(
                issues_of(said),
                json!([{ "severity": "error", "code": "processing", "diagnostics": "ours" }]),
                "{said}"
            );
        }
        let many = format!(r#"{{"resourceType":"OperationOutcome","issue":[{}{{}}]}}"#, "{},".repeat(99));
        assert_eq!(issues_of(&many).as_array().unwrap().len(), MAX_ISSUES);
    }

    #[test]
    fn an_expression_is_a_path_and_nothing_else() {
        for good in ["Patient", "Patient.id", "Observation.component[12].code"] {
            assert!(is_path_into_resource(good), "{good}");
        }
        for bad in ["", "db.internal", "Patient.", "Patient.a b", "Patient.a[]", "Patient.a[x]", "Patient.name.where()"]
        {
            assert!(!is_path_into_resource(bad), "{bad}");
        }
    }
}
