//! What paths can be made of.

use std::{collections::HashSet, sync::Arc};

use super::Budget;
use crate::{certificate::Certificate, chain::CertificateChain, community::TrustCommunity};

/// The place of the end entity in every pool.
pub(super) const END_ENTITY: usize = 0;

/// The certificates of one search, each once and known by its place.
#[derive(Debug)]
pub(super) struct Pool {
    end_entity: Arc<Certificate>,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    certificate: Arc<Certificate>,
    is_anchor: bool,
}

impl Pool {
    /// The end entity, the anchors, what else was presented, and what is configured, in this order.
    ///
    /// What is presented and also an anchor is an anchor; what is presented and also configured counts once.
    pub(super) fn new(community: &TrustCommunity, chain: &CertificateChain, budget: &Budget) -> Self {
        let end_entity = Arc::clone(chain.leaf());
        let anchors = community.anchors().iter().map(|anchor| (anchor.certificate(), true));
        let presented =
            chain.certificates().iter().take(budget.presented).skip(1).map(|certificate| (certificate, false));
        let configured = community.intermediates().iter().map(|certificate| (certificate, false));
        let mut seen = HashSet::from([end_entity.digest()]);
        let mut members = vec![Member { certificate: Arc::clone(&end_entity), is_anchor: false }];
        for (certificate, is_anchor) in anchors.chain(presented).chain(configured) {
            if seen.insert(certificate.digest()) {
                members.push(Member { certificate: Arc::clone(certificate), is_anchor });
            }
        }
        Self { end_entity, members }
    }

    /// The certificate at a place. Places come from this pool, which never shrinks; any other is the end entity's.
    pub(super) fn certificate(&self, place: usize) -> &Arc<Certificate> {
        self.members.get(place).map_or(&self.end_entity, |member| &member.certificate)
    }

    pub(super) fn is_anchor(&self, place: usize) -> bool {
        self.members.get(place).is_some_and(|member| member.is_anchor)
    }

    /// Who may have issued the certificate at a place, by name, the most promising last.
    ///
    /// Key identifiers order and do not exclude: a wrong one costs time but no verdict. Among equals, anchors end the
    /// search soonest.
    ///
    /// Source: RFC 4158 §3.5.12
    pub(super) fn issuers_of(&self, place: usize) -> Vec<usize> {
        let child = self.certificate(place);
        let wanted = child.extensions().authority_key_id.as_deref();
        let mut issuers: Vec<usize> = (0..self.members.len())
            .filter(|issuer| self.certificate(*issuer).subject_der() == child.issuer_der())
            .collect();
        issuers.sort_by_key(|issuer| {
            let offered = self.certificate(*issuer).extensions().subject_key_id.as_deref();
            let distance = match (wanted, offered) {
                (Some(wanted), Some(offered)) if wanted == offered => 0,
                (Some(_), Some(_)) => 2,
                _ => 1,
            };
            (distance, !self.is_anchor(*issuer), *issuer)
        });
        issuers.reverse();
        issuers
    }
}
