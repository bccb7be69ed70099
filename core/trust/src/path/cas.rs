//! The CAs of a community, found from its anchors downwards.

use std::sync::Arc;

use super::checks;
use crate::{anchor::Anchor, certificate::Certificate, community::TrustCommunity, time::UnixTime};

/// Signature checks at most: a chain full of doubles must not cost more than the search itself.
const CHECKS: usize = 50;
/// CAs in a row below an anchor that allows any number: the same bound as the search's.
const DEPTH: usize = 6;

/// The CAs that a path in this community could pass through at `now`, anchors first: of the configured intermediates
/// and of what was `presented`.
///
/// Each is demanded what a path demands of it: validity, CA mark, path lengths from the anchor down, key usage, critical
/// extensions, key and digest strength, and the signature of the one above. Only revocation is left to the search,
/// because whoever keeps revocation lists asks here whose lists to keep.
///
/// Source: RFC 5280 §6.1.3, §6.1.4; security invariant 15
#[must_use]
pub fn community_cas(
    community: &TrustCommunity,
    presented: &[Arc<Certificate>],
    now: UnixTime,
) -> Vec<Arc<Certificate>> {
    let may_issue = |certificate: &Certificate, is_anchor: bool| {
        let place = checks::Place { below: 0, is_anchor };
        checks::issuer(certificate, place, community.profile(), now).is_empty()
    };
    let anchors = community.anchors().iter().map(Anchor::certificate).filter(|anchor| may_issue(anchor, true));
    let mut found: Vec<Ca> =
        anchors.map(|anchor| Ca { certificate: Arc::clone(anchor), room: within(anchor, DEPTH) }).collect();
    let others = community.intermediates().iter().chain(presented);
    let others: Vec<_> = others.filter(|certificate| may_issue(certificate, false)).collect();

    let mut next = 0;
    let mut checks_left = CHECKS;
    while let Some(issuer) = found.get(next).cloned() {
        next += 1;
        for certificate in &others {
            let Some(room) = issuer.room_for(certificate) else { continue };
            // Found again with more room, it may have others below it that it could not have before.
            let is_known = found.iter().any(|ca| ca.certificate == **certificate && ca.room >= room);
            if is_known || certificate.issuer_der() != issuer.certificate.subject_der() {
                continue;
            }
            let Some(left) = checks_left.checked_sub(1) else { return distinct(found) };
            checks_left = left;
            if certificate.is_signed_by(&issuer.certificate) {
                found.push(Ca { certificate: Arc::clone(certificate), room });
            }
        }
    }
    distinct(found)
}

/// A CA that an anchor reaches.
#[derive(Clone)]
struct Ca {
    certificate: Arc<Certificate>,
    /// CAs that are not self-issued that may still follow below it.
    room: usize,
}

impl Ca {
    /// The room that is left below a CA that this one issued; `None` when it may not have one below it.
    ///
    /// Source: RFC 5280 §6.1.4 (l), (m)
    fn room_for(&self, certificate: &Certificate) -> Option<usize> {
        let room = if certificate.is_self_issued() { self.room } else { self.room.checked_sub(1)? };
        Some(within(certificate, room))
    }
}

/// The room below a certificate that is given this much and allows no more than its path length.
fn within(certificate: &Certificate, room: usize) -> usize {
    let allowed = certificate.extensions().basic_constraints.and_then(|constraints| constraints.path_len);
    allowed.map_or(room, |allowed| room.min(usize::try_from(allowed).unwrap_or(usize::MAX)))
}

fn distinct(found: Vec<Ca>) -> Vec<Arc<Certificate>> {
    let mut certificates: Vec<Arc<Certificate>> = Vec::with_capacity(found.len());
    for Ca { certificate, .. } in found {
        if !certificates.contains(&certificate) {
            certificates.push(certificate);
        }
    }
    certificates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        revocation::RevocationPolicy,
        testing::{Builder, Key, NOW, community, now},
    };

    const ROOT: &str = "CN=Root";
    const CA: &str = "CN=Issuing CA";

    /// The names of those found of a root and of what was presented.
    fn found(root: &Certificate, presented: Vec<Certificate>) -> Vec<String> {
        let presented: Vec<_> = presented.into_iter().map(Arc::new).collect();
        let community = community(&[root], &[], RevocationPolicy::RequireStatus);
        community_cas(&community, &presented, now()).iter().map(|ca| ca.subject()).collect()
    }

    #[test]
    fn finds_cas_through_each_other_in_any_order() {
        let (root_key, ca_key, sub_key) = (Key::p256(), Key::p256(), Key::p256());
        let root = Builder::ca(ROOT, &root_key).self_signed(&root_key);
        let ca = Builder::ca(CA, &ca_key).issued_by(ROOT, &root_key);
        let sub = Builder::ca("CN=Sub", &sub_key).issued_by(CA, &ca_key);
        assert_eq!(found(&root, vec![sub, ca]), [ROOT, CA, "CN=Sub"]);
    }

    type Fault = fn(&mut Builder);

    /// Each is a CA that an anchor signed, with one property that no path would bear.
    #[test]
    fn leaves_out_what_no_path_could_pass_through() {
        let (root_key, ca_key) = (Key::p256(), Key::p256());
        let root = Builder::ca(ROOT, &root_key).self_signed(&root_key);
        let good = Builder::ca(CA, &ca_key);
        let broken: [(&str, Fault); 6] = [
            ("expired", |ca| ca.not_after = NOW - 1),
            ("not valid yet", |ca| ca.not_before = NOW + 60),
            ("no CA mark", |ca| ca.basic_constraints = None),
            ("no keyCertSign", |ca| ca.key_usage = Some(0x02)),
            ("no purpose of the community", |ca| ca.purposes = vec!["1.3.6.1.5.5.7.3.4"]),
            ("unknown critical extension", |ca| ca.extra("1.2.3.4", true, &[5, 0])),
        ];
        for (what, break_it) in broken {
            let mut ca = good.clone();
            break_it(&mut ca);
            assert_eq!(found(&root, vec![ca.issued_by(ROOT, &root_key)]), [ROOT], "{what}");
        }
        assert_eq!(found(&root, vec![good.issued_by(ROOT, &ca_key)]), [ROOT], "signed by another key");
        assert_eq!(found(&root, vec![good.issued_by(ROOT, &root_key)]), [ROOT, CA]);
    }

    #[test]
    fn keeps_to_path_lengths_from_the_anchor_down() {
        let (root_key, ca_key, sub_key) = (Key::p256(), Key::p256(), Key::p256());
        let presented = |length: Option<u8>| {
            let mut ca = Builder::ca(CA, &ca_key);
            ca.basic_constraints = Some((true, length));
            let sub = Builder::ca("CN=Sub", &sub_key).issued_by(CA, &ca_key);
            vec![ca.issued_by(ROOT, &root_key), sub]
        };
        let root = |length: Option<u8>| {
            let mut root = Builder::ca(ROOT, &root_key);
            root.basic_constraints = Some((true, length));
            root.self_signed(&root_key)
        };
        assert_eq!(found(&root(None), presented(Some(0))), [ROOT, CA]);
        assert_eq!(found(&root(Some(1)), presented(None)), [ROOT, CA]);
        assert_eq!(found(&root(Some(0)), presented(None)), [ROOT]);
        assert_eq!(found(&root(Some(2)), presented(Some(1))), [ROOT, CA, "CN=Sub"]);
    }

    #[test]
    fn an_anchor_that_has_expired_proves_nobody() {
        let (root_key, ca_key) = (Key::p256(), Key::p256());
        let mut root = Builder::ca(ROOT, &root_key);
        root.not_after = NOW - 1;
        let ca = Builder::ca(CA, &ca_key).issued_by(ROOT, &root_key);
        assert_eq!(found(&root.self_signed(&root_key), vec![ca]), [""; 0]);
    }
}
