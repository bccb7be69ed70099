//! What is demanded of a path: a verdict for every certificate but the anchor.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::crl::{Crl, CrlProblem, Status};
use crate::{
    certificate::Certificate,
    error::{Reason, RefusalKind},
    path::{Budget, Evidence, Need},
    time::UnixTime,
};

/// What happens when it cannot be learnt whether a certificate is revoked.
///
/// There is no way to switch the check off: what is known to be revoked is refused under either.
///
/// Source: security invariant 16
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RevocationPolicy {
    /// Refuse: every certificate but the anchor needs a verdict from an authentic and fresh list.
    #[default]
    RequireStatus,
    /// Accept for a few minutes and record it in [`crate::VerifiedChain::soft_failures`].
    SoftFail,
}

impl RevocationPolicy {
    /// The policy as configuration and logs name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequireStatus => "require-status",
            Self::SoftFail => "soft-fail",
        }
    }
}

/// How long a verdict holds in which revocation was let pass: then it is asked for again.
///
/// Such a verdict rests on no list whose nextUpdate could end it.
const SOFT_VERDICT: Duration = Duration::from_secs(300);

/// The verdict on a whole path.
pub(crate) enum PathStatus {
    Need(Vec<Need>),
    Good {
        /// The earliest end of what the verdict rests on; `None` for an end entity that is its own anchor's peer.
        holds_until: Option<UnixTime>,
        soft_failures: Vec<String>,
    },
    Bad {
        reasons: Vec<Reason>,
        /// Places in the path of certificates that are known to be revoked.
        revoked: Vec<usize>,
    },
}

/// Everything that a verdict on a path's revocation depends on.
pub(crate) struct RevocationCheck<'a> {
    /// End entity to anchor.
    pub(crate) path: &'a [Arc<Certificate>],
    pub(crate) policy: RevocationPolicy,
    pub(crate) now: UnixTime,
    pub(crate) budget: &'a Budget,
    pub(crate) evidence: &'a Evidence,
    /// URLs asked for earlier: what is still missing of them is not to be had.
    pub(crate) asked: &'a HashSet<String>,
}

/// The verdict on one certificate.
enum ElementStatus<'a> {
    Good {
        until: UnixTime,
    },
    Revoked(Reason),
    /// This URL must be asked before it can be told.
    Open {
        url: &'a str,
    },
    Unknown(Vec<String>),
}

impl RevocationCheck<'_> {
    /// Judges every certificate but the anchor; asks only when none is known to be revoked.
    pub(crate) fn judge(&self, signatures_left: &mut usize) -> PathStatus {
        let mut needs: Vec<Need> = Vec::new();
        let mut fetches_left = self.budget.fetches.saturating_sub(self.evidence.fetches());
        let mut revoked = Vec::new();
        let mut reasons = Vec::new();
        let mut unknown = Vec::new();
        let mut holds_until: Option<UnixTime> = None;
        // From the anchor down: what a CA publishes is asked for only when that CA is known to be good, or somebody with
        // the key of a revoked one could make us fetch and keep what they like.
        let mut may_ask = true;
        for (place, pair) in self.path.windows(2).enumerate().rev() {
            let [certificate, issuer] = pair else {
                continue;
            };
            match self.judge_element(certificate, issuer, signatures_left) {
                ElementStatus::Good { until } => {
                    holds_until = Some(holds_until.map_or(until, |earlier| earlier.min(until)));
                }
                ElementStatus::Revoked(reason) => {
                    may_ask = false;
                    revoked.push(place);
                    reasons.push(reason);
                }
                ElementStatus::Open { .. } if !may_ask => {}
                ElementStatus::Open { url } => {
                    if let Some(left) = fetches_left.checked_sub(1) {
                        may_ask = false;
                        fetches_left = left;
                        needs.push(Need::Crl { url: url.to_owned(), issuer: issuer.subject() });
                    } else {
                        let problem = format!("the {} fetches of a search are used up", self.budget.fetches);
                        unknown.push(unknown_status(certificate, &[problem]));
                    }
                }
                ElementStatus::Unknown(problems) => unknown.push(unknown_status(certificate, &problems)),
            }
        }
        if !reasons.is_empty() {
            reasons.extend(unknown);
            return PathStatus::Bad { reasons, revoked };
        }
        // Under RequireStatus one certificate without a verdict decides; nothing more need be fetched for this path.
        if !unknown.is_empty() && self.policy == RevocationPolicy::RequireStatus {
            return PathStatus::Bad { reasons: unknown, revoked };
        }
        if !needs.is_empty() {
            return PathStatus::Need(needs);
        }
        if !unknown.is_empty() {
            let soft_end = self.now.plus(SOFT_VERDICT);
            holds_until = Some(holds_until.map_or(soft_end, |until| until.min(soft_end)));
        }
        PathStatus::Good { holds_until, soft_failures: unknown.iter().map(ToString::to_string).collect() }
    }

    /// Tries the certificate's URLs in their order until one gives a verdict.
    fn judge_element<'c>(
        &self,
        certificate: &'c Certificate,
        issuer: &Certificate,
        signatures_left: &mut usize,
    ) -> ElementStatus<'c> {
        let mut problems = Vec::new();
        for url in certificate.crl_urls().iter().take(self.budget.urls_per_certificate) {
            let crl = match self.evidence.crl(url) {
                Some(Ok(crl)) => crl,
                Some(Err(problem)) => {
                    problems.push(format!("{}: {problem}", shown(url)));
                    continue;
                }
                None if self.asked.contains(url) => {
                    problems.push(format!("{}: could not be had", shown(url)));
                    continue;
                }
                None => return ElementStatus::Open { url },
            };
            match self.judge_by(crl, url, certificate, issuer, signatures_left) {
                Ok(Status::NotRevoked) => {
                    return ElementStatus::Good { until: crl.next_update() };
                }
                Ok(Status::Revoked { at, reason }) => {
                    let detail = format!("was revoked at {} ({reason})", at.to_utc_text());
                    return ElementStatus::Revoked(Reason::new(
                        RefusalKind::Revoked,
                        certificate,
                        detail,
                        "RFC 5280 §6.3.3 (j)",
                    ));
                }
                Err(problem) => problems.push(format!("{}: {problem}", shown(url))),
            }
        }
        if problems.is_empty() {
            problems.push("it names no CRL distribution point that can be used".to_owned());
        }
        ElementStatus::Unknown(problems)
    }

    /// What one list says about a certificate, if the list may be believed.
    fn judge_by(
        &self,
        crl: &Crl,
        url: &str,
        certificate: &Certificate,
        issuer: &Certificate,
        signatures_left: &mut usize,
    ) -> Result<Status, CrlProblem> {
        crl.check_scope(certificate, url)?;
        crl.check_fresh(self.now)?;
        if !crl.is_known_authentic(issuer) {
            *signatures_left = signatures_left.checked_sub(1).ok_or(CrlProblem::SignatureBudget)?;
        }
        crl.check_authentic(issuer)?;
        Ok(crl.status_of(certificate.serial_der()))
    }
}

fn unknown_status(certificate: &Certificate, problems: &[String]) -> Reason {
    let detail = format!("may be revoked, which could not be learnt: {}", problems.join("; "));
    Reason::new(RefusalKind::RevocationUnknown, certificate, detail, "RFC 5280 §6.3; UDAP DCR §4.2")
}

/// A URL from a certificate for logs.
fn shown(url: &str) -> String {
    crate::certificate::shown(url)
}
