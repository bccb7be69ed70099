use tessera_jose::json::{Limits, read_object};

use super::*;
use crate::signed::{Expected, SignedError, Unverified};
use crate::testing::{BASE, Member, NOW, REGISTRATION, TOKEN, now, verified, with};

const AUTHORIZE: &str = "https://data.example/authorize";

fn metadata() -> SignedMetadata {
    SignedMetadata {
        base: BaseUrl::parse(BASE).unwrap(),
        token_endpoint: EndpointUrl::parse(TOKEN).unwrap(),
        registration_endpoint: EndpointUrl::parse(REGISTRATION).unwrap(),
        authorization_endpoint: None,
    }
}

fn claims(expires_at: u64) -> Object {
    let jti = Jti::parse("m1").unwrap();
    let bytes = metadata().issue(&jti, now(), UnixTime::from_secs(expires_at));
    read_object(&bytes, &Limits::new(4096)).unwrap()
}

fn verify(claims: &Object) -> Result<SignedMetadata, SignedError> {
    let jwt = Member::rsa(&[BASE]).sign(claims);
    let algorithms = SignedMetadata::accepted_algorithms(Edition::Stu2);
    let checked = Unverified::<SignedMetadata>::read(&jwt)?.check_signature(&algorithms)?;
    let expected = Expected { audience: &[], bound_uri: None, skew: Duration::from_secs(30) };
    let signer = verified(checked.chain());
    Ok(checked.verify(signer, &expected, now())?.into_object())
}

/// Shows: SMD-1, SMD-2, SMD-3, SMD-7
#[test]
fn what_the_server_issues_a_client_verifies() {
    assert_eq!(verify(&claims(NOW + 86_400)), Ok(metadata()));
    insta::assert_snapshot!(claims(NOW + 86_400).to_json(), @r#"{"iss":"https://data.example/fhir","sub":"https://data.example/fhir","iat":1800000000,"exp":1800086400,"jti":"m1","token_endpoint":"https://data.example/token","registration_endpoint":"https://data.example/register"}"#);
}

/// Shows: SMD-7, SMD-9
#[test]
fn refuses_an_endpoint_that_is_missing_or_no_url() {
    for name in ["token_endpoint", "registration_endpoint", "authorization_endpoint"] {
        for json in ["\"\"", "\"/token\"", "1", "null", "\"urn:x:y\"", "\"https://data.example/token#f\""] {
            let refusal = verify(&with(&claims(NOW + 60), name, Some(json)));
            assert!(matches!(refusal, Err(SignedError::Claim(_))), "{name} {json}");
        }
        let without = verify(&with(&claims(NOW + 60), name, None));
        assert_eq!(without.is_err(), name != "authorization_endpoint", "{name}");
    }
}

/// Shows: SMD-4
#[test]
fn lives_one_year_at_most() {
    // From January 2027 to January 2028 there is no leap day.
    let year = 365 * DAY_S;
    assert!(verify(&claims(NOW + year)).is_ok());
    let refusal = verify(&claims(NOW + year + 1)).unwrap_err();
    assert_eq!(refusal, SignedError::LivesTooLong { kind: "signed metadata" });
    let expired = with(&claims(NOW - 30), "iat", Some("1799999000"));
    assert_eq!(verify(&expired).unwrap_err(), SignedError::Expired);
}

#[test]
fn a_year_with_a_leap_day_is_longer() {
    let days = |seconds: u64| one_year_from(UnixTime::from_secs(seconds)).as_secs() / DAY_S;
    for (date, seconds, expected) in [
        ("1970-01-01", 0, 365),
        ("2023-02-28", 1_677_542_400, 365),
        ("2023-03-01", 1_677_628_800, 366),
        ("2024-02-28", 1_709_078_400, 366),
        ("2024-03-01", 1_709_251_200, 365),
        ("1999-03-01", 920_246_400, 366),
        ("2099-03-01", 4_076_006_400, 365),
    ] {
        assert_eq!(days(seconds), expected, "{date}");
    }
    assert!(days(u64::MAX) >= 365);
}

fn plain() -> UdapMetadata {
    UdapMetadata {
        token_endpoint: TOKEN.to_owned(),
        registration_endpoint: REGISTRATION.to_owned(),
        ..UdapMetadata::default()
    }
}

fn base() -> BaseUrl {
    BaseUrl::parse(BASE).unwrap()
}

/// Shows: SMD-2
#[test]
fn another_base_gives_no_endpoints() {
    for other in [
        "https://data.example/fhir/",
        "https://DATA.example/fhir",
        "https://data.example:443/fhir",
        "https://other.example/fhir",
    ] {
        let other = BaseUrl::parse(other).unwrap();
        let refusal = metadata().endpoints_for(&other, &plain(), EndpointRule::SignedPrevails);
        assert_eq!(refusal.unwrap_err(), EndpointRefusal::OtherBase);
    }
}

/// Shows: SMD-8
#[test]
fn a_signed_endpoint_prevails_or_the_difference_is_refused() {
    let agreed = metadata().endpoints_for(&base(), &plain(), EndpointRule::MustAgree).unwrap();
    assert_eq!(agreed.findings, []);
    for element in ["token_endpoint", "registration_endpoint"] {
        let mut differing = plain();
        let other = "https://evil.example/".to_owned();
        match element {
            "token_endpoint" => differing.token_endpoint = other,
            _ => differing.registration_endpoint = other,
        }
        let prevailing = EndpointRule::of(Edition::Stu2);
        let endpoints = metadata().endpoints_for(&base(), &differing, prevailing).unwrap();
        assert_eq!((endpoints.token.as_str(), endpoints.registration.as_str()), (TOKEN, REGISTRATION));
        assert_eq!(endpoints.findings.len(), 1);
        assert_eq!(endpoints.findings[0].requirement, "SMD-8");
        for edition in [Edition::Stu1, Edition::Stu1_1] {
            let refusal = metadata().endpoints_for(&base(), &differing, EndpointRule::of(edition));
            assert_eq!(refusal.unwrap_err(), EndpointRefusal::Differs { element });
        }
    }
}

/// Shows: SMD-6
#[test]
fn an_unsigned_authorization_endpoint_does_not_exist() {
    let unsigned = UdapMetadata { authorization_endpoint: Some(AUTHORIZE.to_owned()), ..plain() };
    let endpoints = metadata().endpoints_for(&base(), &unsigned, EndpointRule::MustAgree).unwrap();
    assert_eq!(endpoints.authorization, None);
    assert_eq!(endpoints.findings[0].requirement, "SMD-6");
    let signed = SignedMetadata { authorization_endpoint: EndpointUrl::parse(AUTHORIZE).ok(), ..metadata() };
    let endpoints = signed.endpoints_for(&base(), &unsigned, EndpointRule::MustAgree).unwrap();
    assert_eq!(endpoints.authorization.unwrap().as_str(), AUTHORIZE);
    assert_eq!(endpoints.findings, []);
}

/// Shows: SMD-1
#[test]
fn only_stu1_leaves_the_algorithm_open() {
    let accepts = |edition, algorithm| SignedMetadata::accepted_algorithms(edition).contains(algorithm);
    for edition in Edition::ALL {
        assert!(accepts(edition, Algorithm::Rs256));
        assert_eq!(accepts(edition, Algorithm::Es256), edition == Edition::Stu1);
    }
}
