use crate::server::{BASE, Server};

#[tokio::test]
async fn states_the_types_interactions_and_parameters() {
    let answer = Server::with_sample_data().get("/metadata").await;
    answer.is(200);
    assert_eq!(answer.header("content-type"), "application/fhir+json");
    assert_eq!(answer.body["resourceType"], "CapabilityStatement");
    assert_eq!(answer.body["fhirVersion"], "4.0.1");
    assert_eq!(answer.body["implementation"]["url"], BASE);
    let resources = answer.body["rest"][0]["resource"].as_array().unwrap();
    assert_eq!(resources.len(), 8);
    for resource in resources {
        assert_eq!(resource["interaction"].as_array().unwrap().len(), 7);
    }
}

/// Each parameter that is stated is understood, and each type that is stated can be searched.
#[tokio::test]
async fn every_stated_parameter_works() {
    let server = Server::with_sample_data();
    let statement = server.get("/metadata?mode=full&_format=json").await.body;
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        assert!(server.get(&format!("/{kind}")).await.total() > 0, "{kind}");
        for parameter in resource["searchParam"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let value = match parameter["type"].as_str().unwrap() {
                "date" => "gt1800",
                "reference" => "nobody",
                _ => "x-no-such-value",
            };
            let found = server.get(&format!("/{kind}?{name}={value}")).await;
            found.is(200);
            assert_eq!(found.total() > 0, value == "gt1800", "{kind} {name}");
        }
    }
}

#[tokio::test]
async fn has_one_mode_and_one_method() {
    let server = Server::empty();
    server.get("/metadata?mode=terminology").await.refused(400, "not-supported");
    let answer = server.call("POST", "/metadata", &[]).await;
    answer.refused(405, "not-supported");
    assert_eq!(answer.header("allow"), "GET, HEAD");
}
