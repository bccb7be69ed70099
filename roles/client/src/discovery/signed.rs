//! The signed part of the metadata: signature, chain, claims, in this order, each its own step.
//!
//! Source: FAST Security STU2 §2.3; UDAP Server Metadata §3

use super::{DiscoveryError, fail, steps};
use crate::check::{CheckOutcome, Report, Step};
use crate::wire::origin;
use crate::{Client, EndpointMismatch};
use tessera_jose::algorithm::Algorithm;
use tessera_jose::json::Object;
use tessera_trust::{CertificateChain, CommunityId, UnixTime, VerifiedChain};
use tessera_udap::edition::Edition;
use tessera_udap::foreign_text;
use tessera_udap::ids::{BaseUrl, EndpointUrl};
use tessera_udap::metadata::UdapMetadata;
use tessera_udap::signed::{ClaimError, Expected, SignedError, Unverified, Verified};
use tessera_udap::signed_metadata::{EndpointRule, Endpoints, SignedMetadata};

/// What the signed part says, proven.
pub(super) struct Proven {
    pub(super) community: CommunityId,
    pub(super) edition: Edition,
    pub(super) metadata: SignedMetadata,
    pub(super) holds_until: UnixTime,
}

impl Client {
    pub(super) async fn verify_signed_metadata(
        &self,
        document: &Object,
        base: &BaseUrl,
        asked: Option<&CommunityId>,
        now: UnixTime,
        report: &mut Report,
    ) -> Result<Proven, DiscoveryError> {
        let jwt = document
            .required_str("signed_metadata")
            .map_err(|error| fail(report, steps::SIGNED_FORM, error.to_string()))?;
        let unverified = Unverified::<SignedMetadata>::read(jwt)
            .map_err(|error| fail(report, steps::SIGNED_FORM, error.to_string()))?;
        let algorithm = unverified.algorithm();
        let chain = unverified.chain().clone();
        let certificates = chain.certificates().len();
        report.passed(steps::SIGNED_FORM, format!("a JWS with {algorithm} and {certificates} certificates"));

        let signed = unverified
            .check_signature(&self.settings.algorithms)
            .map_err(|error| fail(report, steps::SIGNATURE, error.to_string()))?;
        report.passed(steps::SIGNATURE, format!("'{}'", foreign_text(&chain.leaf().subject())));

        let signer = self.verify_chain(&chain, asked, now, report).await?;
        let community = signer.community().clone();
        let edition = self.settings.edition_of(&community);
        judge_algorithm(algorithm, edition, report)?;

        let expected = Expected { audience: &[], bound_uri: None, skew: self.settings.skew };
        let verified = signed
            .verify(signer, &expected, now)
            .map_err(|error| fail(report, step_of(&error), format!("{error} ({})", error.reason_code())))?;
        let holds_until = verified.expires_at();
        judge_issuer(&verified, base, report)?;
        report.passed(steps::SUBJECT, verified.issuer());
        report.passed(steps::LIFETIME, format!("ends {}", holds_until.to_utc_text()));
        report.passed(steps::JWT_ID, foreign_text(verified.jti().as_str()));
        judge_schemes(verified.object(), base, report)?;
        note_community(asked, &community, report);

        Ok(Proven { community, edition, metadata: verified.into_object(), holds_until })
    }

    /// The community that was asked for comes first, then the others: metadata of another one are accepted if it is ours.
    async fn verify_chain(
        &self,
        chain: &CertificateChain,
        asked: Option<&CommunityId>,
        now: UnixTime,
        report: &mut Report,
    ) -> Result<VerifiedChain, DiscoveryError> {
        let trusted = self.settings.communities.iter().map(|(id, _)| id);
        let mut communities: Vec<_> = trusted.cloned().collect();
        communities.sort_by_key(|id| Some(id) != asked);
        match self.trust.verify_chain(chain, &communities, now).await {
            Ok(signer) => {
                let path: Vec<_> =
                    signer.path().iter().map(|certificate| foreign_text(&certificate.subject())).collect();
                report.passed(steps::CHAIN, format!("{}: {}", signer.community(), path.join(" < ")));
                for soft in signer.soft_failures() {
                    report.warned(steps::CHAIN, foreign_text(soft));
                }
                Ok(signer)
            }
            Err(refusal) => {
                report
                    .failed(steps::CHAIN, format!("{}: {}", refusal.kind().code(), foreign_text(&refusal.to_string())));
                let names: Vec<_> = communities.iter().map(CommunityId::as_str).collect();
                Err(DiscoveryError::NotTrusted {
                    signer: foreign_text(&chain.leaf().subject()),
                    issuer: foreign_text(&chain.leaf().issuer()),
                    communities: names.join(", "),
                    refusal: Box::new(refusal),
                })
            }
        }
    }

    /// Where to go: the signed endpoints, after a look at the plain ones.
    ///
    /// Source: FAST Security STU2 §2.3 (SMD-8); UDAP Server Metadata §3.4
    pub(super) fn endpoints(
        &self,
        proven: &Proven,
        base: &BaseUrl,
        plain: &UdapMetadata,
        report: &mut Report,
    ) -> Result<Endpoints, DiscoveryError> {
        let rule = match self.settings.mismatch {
            EndpointMismatch::ByEdition => EndpointRule::of(proven.edition),
            EndpointMismatch::Refuse => EndpointRule::MustAgree,
        };
        let endpoints = proven.metadata.endpoints_for(base, plain, rule);
        let endpoints = endpoints.map_err(|refusal| fail(report, steps::ENDPOINTS, refusal.to_string()))?;
        for finding in &endpoints.findings {
            report.finding(steps::ENDPOINTS, CheckOutcome::Warned, finding);
        }
        if endpoints.findings.is_empty() {
            report.passed(steps::ENDPOINTS, endpoints.token.as_str());
        }
        Ok(endpoints)
    }
}

/// The step that a refused claim belongs to.
fn step_of(error: &SignedError) -> Step {
    match error {
        SignedError::IssuerNotInSan => steps::ISSUER,
        SignedError::SubjectDiffers => steps::SUBJECT,
        SignedError::Expired
        | SignedError::NotYetValid
        | SignedError::ExpiresBeforeIssued
        | SignedError::LivesTooLong { .. } => steps::LIFETIME,
        SignedError::Claim(claim) => match claim_name(claim) {
            "iss" => steps::ISSUER,
            "sub" => steps::SUBJECT,
            "iat" | "exp" | "nbf" => steps::LIFETIME,
            "jti" => steps::JWT_ID,
            "token_endpoint" | "registration_endpoint" | "authorization_endpoint" => steps::SIGNED_ENDPOINTS,
            _ => steps::CLAIMS,
        },
        _ => steps::CLAIMS,
    }
}

fn claim_name(error: &ClaimError) -> &str {
    match error {
        ClaimError::Member(error) => error.name(),
        ClaimError::Rule { name, .. } => name,
        ClaimError::Statement(_) => "",
    }
}

fn judge_algorithm(algorithm: Algorithm, edition: Edition, report: &mut Report) -> Result<(), DiscoveryError> {
    if edition.signed_metadata_is_rs256() && algorithm != Algorithm::Rs256 {
        return Err(fail(report, steps::ALGORITHM, format!("signed with {algorithm}")));
    }
    report.passed(steps::ALGORITHM, algorithm.as_str());
    Ok(())
}

/// By bytes: another case, a trailing slash or a default port is another base.
fn judge_issuer(
    verified: &Verified<SignedMetadata>,
    base: &BaseUrl,
    report: &mut Report,
) -> Result<(), DiscoveryError> {
    let issuer = verified.issuer();
    if issuer != base.as_str() {
        let (proven, asked) = (foreign_text(issuer), base.to_string());
        report.failed(steps::ISSUER, format!("signed for {proven}, asked for {asked}"));
        return Err(DiscoveryError::OtherBase { proven, asked });
    }
    report.passed(steps::ISSUER, issuer);
    Ok(())
}

/// Assertions and tokens travel under TLS; without it only on the very origin that was asked without it, in a test.
fn judge_schemes(signed: &SignedMetadata, base: &BaseUrl, report: &mut Report) -> Result<(), DiscoveryError> {
    const STEP: Step = steps::SIGNED_ENDPOINTS;
    let endpoints = [
        ("token_endpoint", Some(&signed.token_endpoint)),
        ("registration_endpoint", Some(&signed.registration_endpoint)),
        ("authorization_endpoint", signed.authorization_endpoint.as_ref()),
    ];
    for (name, endpoint) in endpoints {
        let is_safe = |url: &EndpointUrl| url.is_https() || origin(url.as_str()) == origin(base.as_str());
        if let Some(url) = endpoint.filter(|url| !is_safe(url)) {
            return Err(fail(report, STEP, format!("{name} is not https: {url}")));
        }
    }
    report.passed(STEP, signed.token_endpoint.as_str());
    Ok(())
}

fn note_community(asked: Option<&CommunityId>, community: &CommunityId, report: &mut Report) {
    const STEP: Step = steps::COMMUNITY;
    match asked {
        None => {}
        Some(asked) if asked == community => report.passed(STEP, community.as_str()),
        Some(asked) => report.warned(STEP, format!("asked for {asked}, signed in {community}, which is trusted too")),
    }
}
