//! Web certificates of localhost: the sandbox speaks TLS like everybody, under a root of its own.
//!
//! The root's key signs once and is thrown away, so that nobody who comes to believe this root, in a trust store where it
//! was forgotten, can be deceived with it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use anyhow::Result;
use tessera_jose::key::KeyKind;
use tessera_pki::{Authority, Issue, Profile, SoftwareCaKey, Subject};

use crate::certificates::{Credentials, LEAF_LIFETIME, pem, validity};
use crate::folder::Folder;
use crate::surroundings::{now, random};

/// The file with the root, below the sandbox's folder.
pub(crate) const ROOT: &str = "tls/root.pem";
/// The server's chain.
pub(crate) const CHAIN: &str = "tls/chain.pem";
/// The server's key.
pub(crate) const KEY: &str = "tls/key.pem";

/// Sees to it that there are web certificates that hold for a while; the root in PEM.
///
/// # Errors
/// When files are damaged or cannot be written.
pub(crate) fn prepare(folder: &Folder) -> Result<String> {
    let at_hand = Credentials::read(folder, CHAIN, KEY, now())?;
    if let (Some(_), Some(root)) = (at_hand, folder.read(ROOT)?) {
        return Ok(root);
    }
    let validity = validity(now(), LEAF_LIFETIME);
    let subject = |name: &str| Subject::new("Tessera sandbox", name);
    let root_key = Arc::new(SoftwareCaKey::generate(tessera_pki::KeyKind::P256)?);
    let root = Authority::root(subject("Web root of a sandbox"), validity, random(), root_key)?;
    let server = Credentials::make(KeyKind::P256, |public_key| {
        let profile = Profile::TlsServer {
            dns_names: vec!["localhost".to_owned()],
            addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        };
        let issue = Issue::new(subject("localhost"), public_key, profile, validity, random());
        Ok(vec![root.issue(&issue)?])
    })?;
    let root = pem([root.certificate()]);
    server.write(folder, CHAIN, KEY)?;
    folder.write(ROOT, &root)?;
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificates_are_kept_and_no_key_of_the_root_is() {
        let folder = Folder::open(None).unwrap();
        let root = prepare(&folder).unwrap();
        assert_eq!(prepare(&folder).unwrap(), root);
        let files: Vec<_> =
            std::fs::read_dir(folder.path("tls")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files.len(), 3, "{files:?}");
        let roots = tessera_outbound::tls::TlsRoots::only_pem(root.as_bytes()).unwrap();
        assert!(tessera_outbound::tls::client_config(roots).is_ok());
    }
}
