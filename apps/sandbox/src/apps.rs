//! The apps of the sandbox: one that visits, in a community of the data holder, and one that nobody knows.

use std::sync::Arc;

use anyhow::Result;
use tessera_client::identity::{ClientIdentity, Membership};
use tessera_jose::key::KeyKind;
use tessera_pki::{Authority, Issue, Profile, SoftwareCaKey, Subject};
use tessera_trust::CommunityId;
use tessera_udap::ids::ClientUri;

use crate::certificates::{Credentials, LEAF_LIFETIME, validity};
use crate::community::Community;
use crate::folder::Folder;
use crate::surroundings::{now, random};

/// The URI of the app that visits.
pub(crate) const VISITOR: &str = "https://visitor.example/app";
/// The URI of the app whose certificate comes from neither community.
pub(crate) const STRANGER: &str = "https://stranger.example/app";
/// The organization in whose name the visitor asks.
pub(crate) const ORGANIZATION: &str = "https://visitor.example/fhir/Organization/1";
/// Why it asks: treatment.
pub(crate) const PURPOSE: &str = "urn:oid:2.16.840.1.113883.5.8#TREAT";
/// What it asks for.
pub(crate) const SCOPE: &str = "system/Patient.rs system/Observation.rs";
/// How to reach its people.
pub(crate) const CONTACT: &str = "mailto:visitor@visitor.example";
/// What it calls itself.
pub(crate) const NAME: &str = "Visiting app";

/// An app with its key and certificate.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) uri: ClientUri,
    pub(crate) credentials: Credentials,
}

impl App {
    /// An app that has these credentials.
    ///
    /// # Errors
    /// When the URI is not one.
    pub(crate) fn new(uri: &str, credentials: Credentials) -> Result<Self> {
        Ok(Self { uri: ClientUri::parse(uri)?, credentials })
    }

    /// Who it is for the client role, as a member of a community.
    ///
    /// # Errors
    /// When its certificate does not carry its URI or belongs to another key.
    pub(crate) fn identity(&self, community: &CommunityId) -> Result<ClientIdentity> {
        let Credentials { key, chain } = self.credentials.clone();
        let membership = Membership::new(community.clone(), chain, key)?;
        Ok(ClientIdentity::new(self.uri.clone(), vec![membership])?)
    }
}

/// The folder of an app: `apps/visitor`.
fn files(name: &str) -> (String, String) {
    (format!("apps/{name}/chain.pem"), format!("apps/{name}/key.pem"))
}

/// The visitor, taken up from its files while its certificate holds.
///
/// # Errors
/// When files are damaged or cannot be written.
pub(crate) fn visitor(folder: &Folder, community: &Community) -> Result<App> {
    let (chain, key) = files("visitor");
    let kept = Credentials::read(folder, &chain, &key, now())?;
    let credentials = match kept.filter(|kept| community.holds(kept.leaf())) {
        Some(kept) => kept,
        None => {
            let made = community.join(VISITOR, NAME, KeyKind::P256)?;
            made.write(folder, &chain, &key)?;
            made
        }
    };
    App::new(VISITOR, credentials)
}

/// The stranger: its certificate is well made, by a CA that nobody has heard of and whose key is gone.
///
/// # Errors
/// When files are damaged or cannot be written.
pub(crate) fn stranger(folder: &Folder) -> Result<App> {
    let (chain, key) = files("stranger");
    if let Some(kept) = Credentials::read(folder, &chain, &key, now())? {
        return App::new(STRANGER, kept);
    }
    let validity = validity(now(), LEAF_LIFETIME);
    let root_key = Arc::new(SoftwareCaKey::generate(tessera_pki::KeyKind::P256)?);
    let subject = |name: &str| Subject::new("Strangers", name);
    let root = Authority::root(subject("Unknown root CA"), validity, random(), root_key)?;
    let made = Credentials::make(KeyKind::P256, |public_key| {
        let profile = Profile::Member { uris: vec![STRANGER.to_owned()] };
        let issue = Issue::new(subject("Stranger"), public_key, profile, validity, random());
        Ok(vec![root.issue(&issue)?, root.certificate().to_vec()])
    })?;
    made.write(folder, &chain, &key)?;
    App::new(STRANGER, made)
}
