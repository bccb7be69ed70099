//! Tokens that an operator has ended.

use super::*;

/// Shows: TOKEN-13
#[tokio::test]
async fn a_block_and_mass_revocations_end_tokens_at_the_gateway() {
    let clinic = Clinic::start().await;
    let store = clinic.store();
    let digest = clinic.member.leaf().digest();
    let at = || UnixTime::from_secs(now());
    for which in [
        MassRevocation::Client(ClientId::parse(&clinic.client_id).unwrap()),
        MassRevocation::Community(CommunityId::parse(ELM).unwrap()),
        MassRevocation::Certificate(digest),
    ] {
        let token = clinic.token("system/Patient.rs").await;
        assert_eq!(clinic.get(&token, "/Patient/p01").await.status, 200);
        let _ = store.revoke_tokens(which.clone(), at()).await.unwrap();
        let before = clinic.upstream.seen().len();
        let answer = clinic.get(&token, "/Patient/p01").await;
        assert_eq!(refused(&answer, 401), "login", "{which:?}");
        assert_eq!(clinic.world.audit_of(&answer).await["outcomeDesc"], "tokens-revoked-in-bulk");
        assert_eq!(clinic.upstream.seen().len(), before);
        // What is issued in the same second is dead too; the next lives.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    let token = clinic.token("system/Patient.rs").await;
    assert_eq!(clinic.get(&token, "/Patient/p01").await.status, 200);
    let id = ClientId::parse(&clinic.client_id).unwrap();
    assert!(store.block(&id, "a test", at()).await.unwrap().is_some());
    let answer = clinic.get(&token, "/Patient/p01").await;
    assert_eq!(refused(&answer, 401), "login");
    assert_eq!(clinic.world.audit_of(&answer).await["outcomeDesc"], "client-blocked");
}

#[tokio::test]
async fn a_client_that_is_blocked_while_it_sends_writes_nothing() {
    let clinic = Clinic::start().await;
    let token = clinic.token("system/Patient.cruds").await;
    let before = clinic.upstream.seen().len();
    let body = patient(Some("slow"), "Slow").to_string();
    let (first, rest) = body.split_at(10);
    let head = format!(
        "PUT /fhir/r4/Patient/slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {FHIR_JSON}\r\nContent-Length: {}\r\n\r\n{first}",
        body.len()
    );
    let mut stream = TcpStream::connect(clinic.world.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The gateway has found the token alive and waits for the rest.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let id = ClientId::parse(&clinic.client_id).unwrap();
    assert!(clinic.store().block(&id, "a test", UnixTime::from_secs(now())).await.unwrap().is_some());
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(clinic.upstream.seen().len(), before);
}
