use crate::context::ActionContext;
use crate::error::ClientError;
use crate::testing::{BASE, NOW, REGISTRATION_URL, TOKEN_URL, World, app, context, form_of, wish};
use crate::token::AccessToken;

const SMART: &str = r#"{"token_endpoint": "https://smart.example/token", "registration_endpoint": "https://smart.example/r",
    "introspection_endpoint": "https://as.example/introspect", "revocation_endpoint": "https://as.example/revoke"}"#;

fn smart_url() -> String {
    format!("{BASE}/.well-known/smart-configuration")
}

async fn introspect(world: &mut World, smart: &str) -> Result<bool, ClientError> {
    let client = world.client();
    let holder = world.holder(&client).await;
    world.http.always(REGISTRATION_URL, 201, r#"{"client_id": "c-1", "grant_types": ["client_credentials"]}"#);
    world.http.always(&smart_url(), 200, smart);
    let registered = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
    let token = AccessToken::new("abc").unwrap();
    let registration = registered.registration.unwrap();
    Ok(client.introspect(&holder, &world.identity, &registration, &token, &context()).await?.active)
}

#[tokio::test]
async fn asks_about_a_token_with_its_own_authentication() {
    let mut world = World::new();
    world.http.always("https://as.example/introspect", 200, r#"{"active": true, "scope": "system/Patient.rs"}"#);
    assert!(introspect(&mut world, SMART).await.unwrap());
    let form = form_of(&world.http.last());
    assert_eq!(form["token"], "abc");
    assert_eq!(form["udap"], "1");
    let claims = form["client_assertion"].split('.').nth(1).unwrap();
    let claims = String::from_utf8(tessera_jose::base64url_decode(claims).unwrap()).unwrap();
    assert_eq!(crate::testing::read(&claims).required_str("aud"), Ok("https://as.example/introspect"));

    world.http.always("https://as.example/introspect", 200, r#"{"active": "yes"}"#);
    assert_eq!(introspect(&mut world, SMART).await.unwrap_err().code(), "answer-invalid");
    world.http.always("https://as.example/introspect", 401, r#"{"error": "invalid_client"}"#);
    assert_eq!(introspect(&mut world, SMART).await.unwrap_err().code(), "invalid_client");
}

#[tokio::test]
async fn an_endpoint_elsewhere_gets_nothing() {
    let mut world = World::new();
    for elsewhere in [
        "https://evil.example/x",
        "http://as.example/x",
        "https://as.example:8443/x",
        "https://as.example.evil/x",
        "/x",
    ] {
        let smart = SMART.replace("https://as.example/introspect", elsewhere);
        assert_eq!(introspect(&mut world, &smart).await.unwrap_err().code(), "not-supported", "{elsewhere}");
        assert_eq!(world.http.last().url, smart_url(), "the last thing that was sent");
    }
}

/// Shows: DISC-8
#[tokio::test]
async fn udap_metadata_decide_where_smart_metadata_differ() {
    let mut world = World::new();
    world.http.always(&smart_url(), 200, SMART);
    world.http.always(REGISTRATION_URL, 201, r#"{"client_id": "c-1", "grant_types": ["client_credentials"]}"#);
    world.http.always(TOKEN_URL, 200, r#"{"access_token": "abc", "token_type": "bearer", "expires_in": 60}"#);
    world.http.always("https://as.example/revoke", 200, "");
    let client = world.client();
    let holder = world.holder(&client).await;
    let registered = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
    let registration = registered.registration.unwrap();
    let grant = client.token(&holder, &world.identity, &registration, &wish(), &context()).await.unwrap();
    client.revoke(&holder, &world.identity, &registration, &grant.token, &context()).await.unwrap();
    let later = ActionContext { now: NOW, ..context() };
    client.token(&holder, &world.identity, &registration, &wish(), &later).await.unwrap();

    let urls = world.http.urls();
    assert_eq!(urls.iter().filter(|url| *url == TOKEN_URL).count(), 2, "a token given back is forgotten");
    assert!(urls.iter().all(|url| !url.starts_with("https://smart.example")));
}
