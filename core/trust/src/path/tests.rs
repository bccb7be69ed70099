//! Whole searches over a community of a root, an intermediate and an app, each test with one property broken.

mod building;
mod elements;
mod openssl;
mod revocation;

use std::{collections::HashMap, sync::Arc};

use crate::{
    certificate::Certificate,
    chain::{CertificateChain, VerifiedChain},
    community::TrustCommunity,
    error::{RefusalKind, TrustRefusal},
    path::{Budget, Evidence, Need, PathSearch, Step},
    revocation::{Crl, RevocationPolicy},
    testing::{Builder, CrlBuilder, Key, chain, community, now},
};

const ROOT: &str = "CN=Root,O=Example Network";
const CA: &str = "CN=Issuing CA,O=Example Network";
const ROOT_CRL: &str = "http://root.example/root.crl";
const CA_CRL: &str = "http://ca.example/ca.crl";

/// Root, intermediate and app, and the lists of both CAs; nothing is revoked.
struct World {
    root_key: Key,
    ca_key: Key,
    app_key: Key,
    root: Builder,
    ca: Builder,
    app: Builder,
    crls: HashMap<String, Arc<Crl>>,
    policy: RevocationPolicy,
    budget: Budget,
}

impl World {
    fn new() -> Self {
        Self::with_keys(Key::p256(), Key::p256(), Key::p256())
    }

    fn with_keys(root_key: Key, ca_key: Key, app_key: Key) -> Self {
        let mut ca = Builder::ca(CA, &ca_key).crl_url(ROOT_CRL);
        ca.serial = vec![0x10];
        let mut app = Builder::leaf(&app_key).crl_url(CA_CRL);
        app.serial = vec![0x20];
        let crls = HashMap::from([
            (ROOT_CRL.to_owned(), CrlBuilder::new(ROOT).signed_by(&root_key)),
            (CA_CRL.to_owned(), CrlBuilder::new(CA).signed_by(&ca_key)),
        ]);
        Self {
            root: Builder::ca(ROOT, &root_key),
            ca,
            app,
            root_key,
            ca_key,
            app_key,
            crls,
            policy: RevocationPolicy::RequireStatus,
            budget: Budget::default(),
        }
    }

    fn root(&self) -> Certificate {
        self.root.self_signed(&self.root_key)
    }

    fn ca(&self) -> Certificate {
        self.ca.issued_by(ROOT, &self.root_key)
    }

    fn app(&self) -> Certificate {
        self.app.issued_by(CA, &self.ca_key)
    }

    fn supply(&mut self, url: &str, crl: Arc<Crl>) {
        self.crls.insert(url.to_owned(), crl);
    }

    /// The verdict on app and intermediate, in the community of the root.
    fn judge(&self) -> Result<VerifiedChain, TrustRefusal> {
        self.judge_chain(&chain(&[&self.app(), &self.ca()]))
    }

    fn judge_chain(&self, chain: &CertificateChain) -> Result<VerifiedChain, TrustRefusal> {
        self.judge_in(&community(&[&self.root()], &[], self.policy), chain)
    }

    fn judge_in(&self, community: &TrustCommunity, chain: &CertificateChain) -> Result<VerifiedChain, TrustRefusal> {
        self.judge_counting(community, chain).0
    }

    /// The verdict and the URLs that were asked for, in their order.
    fn judge_counting(
        &self,
        community: &TrustCommunity,
        chain: &CertificateChain,
    ) -> (Result<VerifiedChain, TrustRefusal>, Vec<String>) {
        let mut search = PathSearch::new(community, chain, now(), self.budget);
        let mut evidence = Evidence::new();
        let mut asked = Vec::new();
        loop {
            let needs = match search.advance(&evidence) {
                Step::Need(needs) => needs,
                Step::Accepted(proven) => return (Ok(proven), asked),
                Step::Refused(refusal) => return (Err(refusal), asked),
            };
            assert!(!needs.is_empty());
            for need in needs {
                let Need::Crl { url, .. } = need else { panic!("only lists are asked for") };
                let answer = self.crls.get(&url).cloned().ok_or_else(|| "404".to_owned());
                evidence.supply_crl(&url, answer);
                asked.push(url);
            }
        }
    }

    /// The kind of the refusal, whose line names what is to blame.
    fn refused_as(&self) -> RefusalKind {
        self.judge().unwrap_err().kind()
    }
}

/// The reasons of all attempts.
fn kinds(refusal: &TrustRefusal) -> Vec<RefusalKind> {
    refusal.attempts().iter().flat_map(|attempt| attempt.reasons()).map(|reason| reason.kind()).collect()
}

#[test]
fn the_world_of_these_tests_is_good() {
    let world = World::new();
    let presented = chain(&[&world.app(), &world.ca()]);
    let proven = world.judge_chain(&presented).unwrap();
    assert_eq!(proven.community().as_str(), "urn:example:community");
    let subjects: Vec<_> = proven.path().iter().map(|certificate| certificate.subject()).collect();
    assert_eq!(subjects.len(), 3);
    assert!(subjects[0].contains("App") && subjects[1].contains("Issuing") && subjects[2].contains("Root"));
    assert_eq!(proven.leaf().uri_names(), [crate::testing::APP_URI]);
    assert_eq!(proven.presented(), presented.digest());
    assert_eq!(proven.verified_at(), now());
    assert!(proven.soft_failures().is_empty());
}
