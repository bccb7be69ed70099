use proptest::prelude::*;

use super::*;

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

fn resource(text: &str) -> ResourceScope {
    scope(text).resource().cloned().unwrap_or_else(|| panic!("{text} is no resource scope"))
}

#[test]
fn understands_both_syntaxes() {
    let read = resource("system/Patient.read");
    assert_eq!((read.context, read.resource.as_deref()), (ScopeContext::System, Some("Patient")));
    assert_eq!((read.permissions.to_string(), read.syntax), ("rs".to_owned(), ScopeSyntax::V1));
    assert_eq!(resource("user/Patient.write").permissions.to_string(), "cud");
    assert_eq!(resource("patient/Patient.*").permissions, Permissions::ALL);

    let narrowed = resource("user/Observation.rs?category=http://x.example/a.b|lab");
    assert_eq!((narrowed.context, narrowed.syntax), (ScopeContext::User, ScopeSyntax::V2));
    assert_eq!(narrowed.query.as_deref(), Some("category=http://x.example/a.b|lab"));
    for letters in ["c", "r", "u", "d", "s", "rs", "cud", "cruds", "cs", "ud"] {
        assert_eq!(resource(&format!("system/Group.{letters}")).permissions.to_string(), letters);
    }
    assert_eq!(resource("system/*.rs").resource, None);
}

#[test]
fn keeps_every_other_scope_without_opening_anything() {
    for text in [
        "openid",
        "udap",
        "launch",
        "launch/patient",
        "offline_access",
        "https://other.example/scope",
        "system/Patient",
        "system/Patient.",
        "system/.read",
        "System/Patient.read",
        "system/patient.read",
        "system/Patient.READ",
        "system/Patient.sr",
        "system/Patient.rr",
        "system/Patient.rx",
        "system/Patient.rs?",
        "system/Patient.read?a=b",
        "system/Patient.*?a=b",
        "system/Pa-tient.read",
        "system/**.read",
        "system//Patient.read",
        "admin/Patient.read",
        "system/Patient.read.read",
        "system/Patient/x.read",
        "*/Patient.read",
        "system/*",
        "*",
    ] {
        assert!(scope(text).resource().is_none(), "{text}");
        assert_eq!(scope(text).as_str(), text);
        assert!(!scope(text).is_wildcard(), "{text}");
        assert!(!ScopeSet::parse(text).unwrap().permits(ScopeContext::System, "Patient", Permissions::READ), "{text}");
    }
}

/// Shows: SCOPE-1
#[test]
fn knows_wildcards() {
    for text in ["system/*.read", "system/*.*", "system/Patient.*", "user/*.rs", "patient/*.cruds", "system/*.rs?a=b"] {
        assert!(scope(text).is_wildcard(), "{text}");
    }
    for text in ["system/Patient.read", "system/Patient.cruds", "system/Patient.rs?name=*", "openid", "launch/*"] {
        assert!(!scope(text).is_wildcard(), "{text}");
    }
}

#[test]
fn a_wider_scope_covers_a_narrower_one() {
    let covers = |wide: &str, narrow: &str| scope(wide).covers(&scope(narrow));
    for (wide, narrow) in [
        ("system/*.read", "system/Patient.read"),
        ("system/*.*", "system/Patient.write"),
        ("system/*.*", "system/*.read"),
        ("system/Patient.*", "system/Patient.read"),
        ("system/Patient.rs", "system/Patient.r"),
        ("system/*.cruds", "system/Patient.cud"),
        ("system/Patient.rs?a=b", "system/Patient.rs?a=b"),
        ("openid", "openid"),
    ] {
        assert!(covers(wide, narrow), "{wide} {narrow}");
    }
    for (wide, narrow) in [
        ("system/Patient.read", "system/*.read"),
        ("system/Patient.read", "system/Patient.write"),
        ("system/Patient.read", "system/Group.read"),
        ("system/*.*", "user/Patient.read"),
        ("system/*.read", "system/Patient.rs"),
        ("system/*.cruds", "system/Patient.read"),
        ("system/Patient.rs?a=b", "system/Patient.rs"),
        ("system/Patient.rs", "system/Patient.rs?a=b"),
        ("system/*.*", "openid"),
        ("launch", "launch/patient"),
    ] {
        assert!(!covers(wide, narrow), "{wide} {narrow}");
    }
}

#[test]
fn permits_by_context_type_and_permission() {
    let set = ScopeSet::parse("openid system/Patient.read system/Observation.rs?category=lab user/*.cruds").unwrap();
    assert!(set.permits(ScopeContext::System, "Patient", Permissions::READ));
    assert!(set.permits(ScopeContext::System, "Patient", Permissions::READ | Permissions::SEARCH));
    assert!(set.permits(ScopeContext::User, "Group", Permissions::DELETE));
    assert!(!set.permits(ScopeContext::System, "Patient", Permissions::READ | Permissions::UPDATE));
    assert!(!set.permits(ScopeContext::System, "Observation", Permissions::READ));
    assert!(!set.permits(ScopeContext::System, "patient", Permissions::READ));
    assert!(!set.permits(ScopeContext::Patient, "Patient", Permissions::READ));
}

#[test]
fn a_set_keeps_order_and_folds_repetitions() {
    let set = ScopeSet::parse("b a b c a").unwrap();
    assert_eq!(set.to_string(), "b a c");
    assert_eq!(serde_json::to_string(&set).unwrap(), "\"b a c\"");
    assert_eq!(set.len(), 3);
    assert!(set.contains(&scope("c")) && set.contains(&scope("a")) && !set.contains(&scope("A")));
    assert!(ScopeSet::default().is_empty() && ScopeSet::default().to_string().is_empty());
}

/// Shows: DCR-16
#[test]
fn refuses_what_is_no_list_of_scopes() {
    assert_eq!(ScopeSet::parse(""), Err(ScopeError::Empty));
    for text in [" ", " a", "a ", "a  b", "a\tb", "a\nb", "a\"b", "a\\b", "\u{e4}", "a\u{7f}", "a\u{0}"] {
        assert_eq!(ScopeSet::parse(text), Err(ScopeError::Character), "{text:?}");
    }
    let many = |count: usize| vec!["a"; count].join(" ");
    assert_eq!(ScopeSet::parse(&many(200)).unwrap().len(), 1);
    assert_eq!(ScopeSet::parse(&many(201)), Err(ScopeError::TooMany));
}

#[test]
fn scopes_belong_to_a_grant() {
    for text in ["system/Patient.read", "system/*.rs"] {
        assert!(scope(text).fits(Flow::ClientCredentials) && !scope(text).fits(Flow::AuthorizationCode), "{text}");
    }
    for text in ["user/Patient.read", "patient/*.rs", "openid", "launch", "launch/patient", "offline_access", "udap"] {
        assert!(!scope(text).fits(Flow::ClientCredentials) && scope(text).fits(Flow::AuthorizationCode), "{text}");
    }
    assert!(scope("bulk").fits(Flow::ClientCredentials) && scope("bulk").fits(Flow::AuthorizationCode));
}

proptest! {
    #[test]
    fn text_round_trips(text in "[!#-\\[\\]-~]{1,12}( [!#-\\[\\]-~]{1,12}){0,5}") {
        let set = ScopeSet::parse(&text).unwrap();
        prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
    }

    #[test]
    fn every_scope_covers_itself(text in r"(system|user)/(\*|Patient)\.(read|\*|c?r?u?d?s?)(\?a=b)?") {
        let scope = scope(&text);
        prop_assert!(scope.covers(&scope));
    }
}
