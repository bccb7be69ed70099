use tessera_jose::json::{Limits, read};

use super::*;

fn object() -> Object {
    B2bExtension {
        subject_name: Some("Dr. Jane Doe".to_owned()),
        subject_id: Some("urn:oid:2.16.840.1.113883.4.6#1234567893".to_owned()),
        subject_role: Some("http://nucc.org/provider-taxonomy#207SG0202X".to_owned()),
        organization_name: Some("Example Clinic".to_owned()),
        organization_id: "https://clinic.example/fhir/Organization/1".to_owned(),
        purpose_of_use: vec!["urn:oid:2.16.840.1.113883.5.8#TREAT".to_owned()],
        consent_policy: Some(vec!["https://policy.example/p1".to_owned()]),
        consent_reference: Some(vec!["https://clinic.example/fhir/Consent/c-1".to_owned()]),
    }
    .to_object()
}

fn valid() -> B2bExtension {
    B2bExtension::read(&object().into()).unwrap()
}

/// The usual object with one member replaced by this JSON, or taken out.
fn changed(member: &str, json: Option<&str>) -> Result<B2bExtension, B2bError> {
    let mut object = object();
    match json {
        Some(json) => drop(object.insert(member, read(json.as_bytes(), &Limits::new(65536)).unwrap())),
        None => drop(object.remove(member)),
    }
    B2bExtension::read(&object.into())
}

fn refuses(member: &str, values: &[&str]) {
    for value in values {
        let error = changed(member, Some(value)).unwrap_err();
        assert_eq!(error.member(), member, "{value}: {error}");
        assert_eq!(error.reason_code(), "b2b-malformed");
    }
}

#[test]
fn is_written_as_it_was_read() {
    let extension = valid();
    assert_eq!(serde_json::to_string(&extension).unwrap(), object().to_json());
    assert_eq!(B2bExtension::read(&extension.to_object().into()).unwrap(), extension);
    insta::assert_snapshot!(extension.to_object().to_json(), @r#"{"version":"1","subject_name":"Dr. Jane Doe","subject_id":"urn:oid:2.16.840.1.113883.4.6#1234567893","subject_role":"http://nucc.org/provider-taxonomy#207SG0202X","organization_name":"Example Clinic","organization_id":"https://clinic.example/fhir/Organization/1","purpose_of_use":["urn:oid:2.16.840.1.113883.5.8#TREAT"],"consent_policy":["https://policy.example/p1"],"consent_reference":["https://clinic.example/fhir/Consent/c-1"]}"#);
}

#[test]
fn the_least_is_version_organization_and_purpose() {
    let text = br#"{"version":"1","organization_id":"urn:oid:1.2.3","purpose_of_use":["TREAT"],"new":null}"#;
    let extension = B2bExtension::read(&read(text, &Limits::new(1000)).unwrap()).unwrap();
    assert_eq!(
        serde_json::to_string(&extension).unwrap(),
        r#"{"version":"1","organization_id":"urn:oid:1.2.3","purpose_of_use":["TREAT"]}"#
    );
}

#[test]
fn refuses_what_is_no_object() {
    for value in ["null", "[]", "\"x\"", "1"] {
        let value = read(value.as_bytes(), &Limits::new(100)).unwrap();
        assert_eq!(B2bExtension::read(&value), Err(B2bError::NotAnObject));
    }
}

/// Shows: B2B-3
#[test]
fn refuses_another_version() {
    refuses("version", &["1", "1.0", "\"2\"", "\"01\"", "\"\"", "null", "[\"1\"]"]);
    assert!(changed("version", None).is_err());
}

/// Shows: B2B-4, B2B-7
#[test]
fn refuses_texts_that_say_nothing() {
    for member in ["subject_name", "subject_id", "subject_role", "organization_name"] {
        refuses(member, &["\"\"", "\" \"", "\"a\\u0000\"", "null", "7", "[\"a\"]"]);
        assert!(changed(member, None).is_ok(), "{member}");
    }
}

/// Shows: B2B-8
#[test]
fn refuses_an_organization_that_is_no_absolute_uri() {
    let values = [
        "\"\"",
        "\"Organization/1\"",
        "\"/Organization/1\"",
        "\"//clinic.example/1\"",
        "\"1.2.3\"",
        "\"urn:\"",
        "\"https://clinic.example/a b\"",
        "\"https://clinic.example/\\u00e4\"",
        "null",
        "1",
        "[\"urn:oid:1.2\"]",
    ];
    refuses("organization_id", &values);
    assert!(changed("organization_id", None).is_err());
}

/// Shows: B2B-9
#[test]
fn refuses_a_purpose_that_is_missing_or_no_list_of_codes() {
    refuses("purpose_of_use", &["[]", "\"TREAT\"", "[\"\"]", "[\"TREAT\",\"\"]", "[1]", "null", "[null]", "{}"]);
    assert!(changed("purpose_of_use", None).is_err());
    let many = |count: usize| format!("[{}]", vec!["\"x\""; count].join(","));
    assert!(changed("purpose_of_use", Some(&many(20))).is_ok());
    refuses("purpose_of_use", &[&many(21)]);
}

/// Shows: B2B-10
#[test]
fn refuses_a_consent_policy_that_is_no_list_of_uris() {
    refuses("consent_policy", &["\"https://policy.example/p1\"", "[]", "[\"p1\"]", "[\"\"]", "[1]", "null"]);
}

/// Shows: B2B-11
#[test]
fn refuses_a_consent_reference_alone_or_elsewhere() {
    let alone = changed("consent_policy", None).unwrap_err();
    assert_eq!(alone.member(), "consent_reference");
    let both = {
        let mut object = object();
        object.remove("consent_reference");
        B2bExtension::read(&object.into()).unwrap()
    };
    assert_eq!(both.consent_reference, None);
    let values = [
        "[]",
        "\"https://clinic.example/fhir/Consent/1\"",
        "[\"Consent/1\"]",
        "[\"/fhir/Consent/1\"]",
        "[\"urn:uuid:1\"]",
        "[\"https://clinic.example/fhir/Patient/1\"]",
        "[\"https://clinic.example/fhir/Consent\"]",
        "[\"https://clinic.example/fhir/Consent/\"]",
        "[\"https://clinic.example/fhir/consent/1\"]",
        "[\"https://clinic.example/fhir/Consent/a_b\"]",
        "[\"https://clinic.example/fhir/XConsent/1\"]",
        "[\"https://clinic.example/?x=/Consent/1\"]",
        "[\"https://Consent/1\"]",
        "[\"ftp://clinic.example/Consent/1\"]",
        "[\"https://user@clinic.example/Consent/1\"]",
        "[\"https://clinic.example/x/../Consent/1\"]",
        "[\"https://clinic.example/fhir/Consent/1\",\"x\"]",
        "null",
        "[null]",
    ];
    refuses("consent_reference", &values);
    for good in [
        "[\"https://clinic.example/Consent/1\"]",
        "[\"https://clinic.example/fhir/r4/DocumentReference/A.b-9\",\"https://c.example/Consent/x\"]",
    ] {
        assert!(changed("consent_reference", Some(good)).is_ok(), "{good}");
    }
}

#[test]
fn is_bounded_as_a_whole() {
    let name = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert!(changed("subject_name", Some(&name(7000))).is_ok());
    let error = changed("subject_name", Some(&name(8192))).unwrap_err();
    assert_eq!(error.member(), "hl7-b2b");
}

fn only(values: &[&str]) -> Admitted {
    Admitted::Only(values.iter().map(|value| (*value).to_owned()).collect())
}

fn beginning(values: &[&str]) -> AdmittedPrefixes {
    AdmittedPrefixes::Only(values.iter().map(|value| (*value).to_owned()).collect())
}

fn refused_member(rules: &B2bRules) -> Option<String> {
    let error = judge(&valid(), rules).err()?;
    assert_eq!(error.reason_code(), "b2b-not-admitted");
    Some(error.member().to_owned())
}

/// Shows: B2B-5, B2B-6, B2B-8, B2B-9, B2B-10, B2B-14
#[test]
fn the_community_limits_each_value() {
    assert_eq!(judge(&valid(), &B2bRules::default()), Ok(()));
    let all = B2bRules {
        purposes_of_use: only(&["urn:oid:2.16.840.1.113883.5.8#TREAT", "x"]),
        organization_id_prefixes: beginning(&["urn:oid:", "https:"]),
        subject_roles: only(&["http://nucc.org/provider-taxonomy#207SG0202X"]),
        subject_id_prefixes: beginning(&["urn:oid:2.16.840.1.113883.4.6#"]),
        subject_id_is_npi: true,
        subject_name: SubjectName::BesideIdOrRole,
        consent_policies: only(&["https://policy.example/p1"]),
    };
    assert_eq!(judge(&valid(), &all), Ok(()));
    let cases: [(&str, B2bRules); 5] = [
        ("purpose_of_use", B2bRules { purposes_of_use: only(&["TREAT"]), ..all.clone() }),
        ("organization_id", B2bRules { organization_id_prefixes: beginning(&["urn:oid:", "HTTPS:"]), ..all.clone() }),
        ("subject_role", B2bRules { subject_roles: only(&[]), ..all.clone() }),
        ("subject_id", B2bRules { subject_id_prefixes: beginning(&["urn:oid:2.16.840.1.113883.4.7#"]), ..all.clone() }),
        ("consent_policy", B2bRules { consent_policies: only(&["https://policy.example/p2"]), ..all }),
    ];
    for (member, rules) in cases {
        assert_eq!(refused_member(&rules).as_deref(), Some(member));
    }
}

/// Shows: B2B-12
#[test]
fn codes_are_compared_as_whole_strings() {
    for other in ["TREAT", "urn:oid:2.16.840.1.113883.5.8#treat", "urn:oid:2.16.840.1.113883.5.8#TREAT "] {
        let rules = B2bRules { purposes_of_use: only(&[other]), ..B2bRules::default() };
        assert_eq!(refused_member(&rules).as_deref(), Some("purpose_of_use"), "{other:?}");
    }
}

/// Shows: B2B-5
#[test]
fn where_the_community_demands_an_npi_its_check_digit_counts() {
    let rules = B2bRules { subject_id_is_npi: true, ..B2bRules::default() };
    let with_id = |id: &str| B2bExtension { subject_id: Some(id.to_owned()), ..valid() };
    for id in ["urn:oid:2.16.840.1.113883.4.6#1234567893", "1234567893"] {
        assert_eq!(judge(&with_id(id), &rules), Ok(()), "{id}");
    }
    for id in ["urn:oid:2.16.840.1.113883.4.6#1234567890", "urn:oid:2.16.840.1.113883.4.6", "1234567890", "#"] {
        assert!(judge(&with_id(id), &rules).is_err(), "{id}");
    }
    assert_eq!(judge(&with_id("1234567890"), &B2bRules::default()), Ok(()));
}

/// Shows: B2B-4
#[test]
fn a_nameless_subject_is_refused_where_the_community_says_so() {
    let nameless = B2bExtension { subject_name: None, ..valid() };
    assert_eq!(judge(&nameless, &B2bRules::default()), Ok(()));
    let rules = B2bRules { subject_name: SubjectName::BesideIdOrRole, ..B2bRules::default() };
    assert_eq!(judge(&nameless, &rules).unwrap_err().member(), "subject_name");
    let nobody = B2bExtension { subject_id: None, subject_role: None, ..nameless };
    assert_eq!(judge(&nobody, &rules), Ok(()));
}

#[test]
fn a_prefix_alone_is_no_value() {
    let prefixes = beginning(&["urn:oid:"]);
    assert!(prefixes.admits("urn:oid:1.2"));
    assert!(!prefixes.admits("urn:oid:") && !prefixes.admits("URN:OID:1.2"));
    assert!(!beginning(&[]).admits("urn:oid:1.2"));
}

#[test]
fn a_refusal_quotes_no_value_to_the_client() {
    let rules = B2bRules { purposes_of_use: only(&["x"]), ..B2bRules::default() };
    let error = judge(&valid(), &rules).unwrap_err();
    assert!(!error.to_string().contains("TREAT"), "{error}");
    assert!(matches!(error, B2bError::NotAdmitted { value, .. } if value.ends_with("#TREAT")));
}
