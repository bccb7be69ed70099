//! Reading a data holder's UDAP metadata, and believing it only after its signed part has proven itself.
//!
//! Nothing of the document is used and nothing else is sent before the signature, the chain to one of the client's
//! communities, and the signed claims hold. What the document says outside its signed part is read afterwards, and where
//! the two differ the signed part prevails.
//!
//! Source: FAST Security STU2 §2; UDAP Server Metadata §1, §3

mod capabilities;
mod document;
mod signed;
mod steps;

#[cfg(test)]
mod tests;

use crate::Client;
use crate::check::{Check, Report, Step};
use crate::error::{ClientError, Phase};
use std::borrow::Cow;
use tessera_trust::{CommunityId, TrustRefusal, UnixTime};
use tessera_udap::edition::{Edition, UnknownCommunity};
use tessera_udap::foreign_text;
use tessera_udap::ids::{BaseUrl, EndpointUrl};
use tessera_udap::metadata::UdapMetadata;
use tessera_udap::signed_metadata::Endpoints;

/// What discovery found out: each step, and the data holder, or why there is none to talk to.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The steps in their order; the last is the failed one, if one failed.
    pub checks: Vec<Check>,
    /// The data holder, proven.
    pub result: Result<DataHolder, DiscoveryError>,
}

/// A data holder's FHIR base whose metadata have been validated in full.
///
/// Only [`Client::discover`] makes one, so that nothing is sent to an endpoint that was not proven:
///
/// ```compile_fail,E0451
/// fn forge(other: &tessera_client::discovery::DataHolder) -> tessera_client::discovery::DataHolder {
///     tessera_client::discovery::DataHolder { edition: other.edition(), ..other.clone() }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct DataHolder {
    base: BaseUrl,
    community: CommunityId,
    edition: Edition,
    endpoints: Endpoints,
    metadata: UdapMetadata,
    holds_until: UnixTime,
}

impl DataHolder {
    /// The FHIR base.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The community under which the metadata were proven.
    #[must_use]
    pub fn community(&self) -> &CommunityId {
        &self.community
    }

    /// The guide's edition in that community.
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// The signed token endpoint.
    #[must_use]
    pub fn token_endpoint(&self) -> &EndpointUrl {
        &self.endpoints.token
    }

    /// The signed registration endpoint.
    #[must_use]
    pub fn registration_endpoint(&self) -> &EndpointUrl {
        &self.endpoints.registration
    }

    /// The signed authorization endpoint, where there is one.
    #[must_use]
    pub fn authorization_endpoint(&self) -> Option<&EndpointUrl> {
        self.endpoints.authorization.as_ref()
    }

    /// The whole document. Its plain endpoints are not to be used; those above are.
    #[must_use]
    pub fn metadata(&self) -> &UdapMetadata {
        &self.metadata
    }

    /// When the metadata are to be read anew: the signed part's own end.
    #[must_use]
    pub fn holds_until(&self) -> UnixTime {
        self.holds_until
    }
}

/// Why discovery stopped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// 404: the server has no UDAP support at this base (DISC-6). What a 404 says where a community of the guide's first
    /// edition was asked for, is [`DiscoveryError::NoMetadataForCommunity`].
    #[error("the server has no UDAP support at this base")]
    NoUdap,
    /// 204, or 404 in the guide's first edition: the server has no certificate of the community that was asked for
    /// (COMM-6).
    #[error("the server has no metadata for the community {community}")]
    NoMetadataForCommunity {
        /// The community that was asked for.
        community: String,
        /// Which of the two it was. After a 404 a request for no community tells whether there is UDAP support at all.
        answered: UnknownCommunity,
    },
    /// The metadata are signed in no community that this client trusts (COMM-7).
    #[error(
        "the metadata are signed by '{signer}' (issued by '{issuer}'), which belongs to none of the trusted communities {communities}"
    )]
    NotTrusted {
        /// The subject of the signing certificate.
        signer: String,
        /// Its issuer.
        issuer: String,
        /// The communities that were tried.
        communities: String,
        /// Every reason.
        #[source]
        refusal: Box<TrustRefusal>,
    },
    /// What the server answered is no UDAP metadata at all: no JSON object, or elements of the wrong type (DISC-3).
    #[error("{check}: {detail}")]
    NotMetadata {
        /// The check.
        check: &'static str,
        /// What was found.
        detail: String,
    },
    /// The metadata say that the server does not do what every client of the guide needs (DISC-7).
    #[error("{check}: {detail}")]
    NotSupported {
        /// The check.
        check: &'static str,
        /// What is not there.
        detail: String,
    },
    /// The metadata are proven, but for another base than the one that was asked (SMD-2).
    #[error("the server proves that it is {proven}, and {asked} was asked for")]
    OtherBase {
        /// The base that the signed part and the certificate name.
        proven: String,
        /// The base that was asked.
        asked: String,
    },
    /// A check of the signed part, or of what it stands beside, failed.
    #[error("{check}: {detail}")]
    Invalid {
        /// The check.
        check: &'static str,
        /// What was found.
        detail: String,
    },
    /// No usable answer.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl DiscoveryError {
    /// A stable name of the case, in kebab-case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NoUdap => "no-udap",
            Self::NoMetadataForCommunity { .. } => "no-metadata-for-community",
            Self::NotTrusted { .. } => "not-trusted",
            Self::NotMetadata { .. } => "not-metadata",
            Self::NotSupported { .. } => "not-supported",
            Self::OtherBase { .. } => "other-base",
            Self::Invalid { .. } => "metadata-invalid",
            Self::Client(error) => error.code(),
        }
    }

    /// What the person in front of it can do.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::NoUdap => {
                "Look at the spelling of the base URL: it is the FHIR base, under which /.well-known/udap is found. If it is right, this server does not take part."
            }
            Self::NoMetadataForCommunity { .. } => "Ask for another community that both sides know, or for none.",
            Self::NotTrusted { .. } => {
                "Nothing was sent to this server. If it should be trusted, add its community's anchor to the profile; else ask the server's operator which community it belongs to."
            }
            Self::NotMetadata { .. } => {
                "Look at the spelling of the base URL: a web page may answer there. If it is right, tell the server's operator what is written above."
            }
            Self::NotSupported { .. } => {
                "Nothing was sent to this server. It cannot do what was asked for; its operator can say whether that is meant."
            }
            Self::OtherBase { proven, .. } => {
                return format!(
                    "Bases are compared letter by letter: a slash at the end or 127.0.0.1 for localhost makes another one. Type {proven}, if that is the server that you mean."
                )
                .into();
            }
            Self::Invalid { .. } => {
                "Nothing was sent to this server. Tell its operator which check failed; if it speaks of a time, compare the clocks."
            }
            Self::Client(error) => return error.advice(),
        };
        Cow::Borrowed(advice)
    }
}

impl Client {
    /// Reads and validates the metadata of a FHIR base, for one community or the server's default.
    ///
    /// A server may answer with metadata signed in another community than asked for; that is accepted, and noted, when
    /// it is one of this client's own communities.
    ///
    /// Source: FAST Security STU2 §2.1 to §2.4; COMM-1, COMM-7
    pub async fn discover(&self, base: &BaseUrl, community: Option<&CommunityId>, now: UnixTime) -> Discovery {
        let mut report = Report::default();
        let result = self.discover_step_by_step(base, community, now, &mut report).await;
        Discovery { checks: report.into_checks(), result }
    }

    async fn discover_step_by_step(
        &self,
        base: &BaseUrl,
        asked: Option<&CommunityId>,
        now: UnixTime,
        report: &mut Report,
    ) -> Result<DataHolder, DiscoveryError> {
        let document = self.fetch_metadata(base, asked, report).await?;
        let document = document::read(&document, report)?;
        let proven = self.verify_signed_metadata(&document, base, asked, now, report).await?;
        let metadata = capabilities::read(&document, proven.edition, report)?;
        let endpoints = self.endpoints(&proven, base, &metadata, report)?;
        Ok(DataHolder {
            base: base.clone(),
            community: proven.community,
            edition: proven.edition,
            endpoints,
            metadata,
            holds_until: proven.holds_until,
        })
    }
}

/// Records that the signed part does not hold and makes the error of it.
fn fail(report: &mut Report, step: Step, detail: impl Into<String>) -> DiscoveryError {
    let (check, detail) = failed(report, step, detail);
    DiscoveryError::Invalid { check, detail }
}

/// The same for an answer that is none.
fn fail_as_no_metadata(report: &mut Report, step: Step, detail: impl Into<String>) -> DiscoveryError {
    let (check, detail) = failed(report, step, detail);
    DiscoveryError::NotMetadata { check, detail }
}

/// The same for something that the server says it does not do.
fn fail_as_not_supported(report: &mut Report, step: Step, detail: impl Into<String>) -> DiscoveryError {
    let (check, detail) = failed(report, step, detail);
    DiscoveryError::NotSupported { check, detail }
}

fn failed(report: &mut Report, step: Step, detail: impl Into<String>) -> (&'static str, String) {
    let detail = foreign_text(&detail.into());
    report.failed(step, detail.clone());
    (step.name, detail)
}

/// The phase of everything here.
const PHASE: Phase = Phase::Discovery;
