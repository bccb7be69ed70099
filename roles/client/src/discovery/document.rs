//! The request for the metadata, its status, and the document as JSON.

use super::{DiscoveryError, PHASE, fail_as_no_metadata, fail_as_not_supported, steps};
use crate::Client;
use crate::check::Report;
use crate::error::ClientError;
use crate::ports::HttpRequest;
use crate::wire::refusal;
use tessera_jose::json::{Limits, Object, read_object};
use tessera_trust::CommunityId;
use tessera_udap::edition::UnknownCommunity;
use tessera_udap::form::write_form;
use tessera_udap::ids::BaseUrl;

/// The longest metadata document that is read, in bytes: a signed part with a full chain needs up to about 30 KiB.
///
/// Source: security invariant 20
const DOCUMENT_LIMIT: usize = 64 * 1024;

impl Client {
    /// Source: FAST Security STU2 §2.1 (status), §2.4 (community parameter); STU1 §2.3; DISC-6, COMM-6
    pub(super) async fn fetch_metadata(
        &self,
        base: &BaseUrl,
        asked: Option<&CommunityId>,
        report: &mut Report,
    ) -> Result<Vec<u8>, DiscoveryError> {
        let url = metadata_url(base, asked);
        let request = HttpRequest::get(&url, "application/json", DOCUMENT_LIMIT);
        let response = self.http.send(request).await.map_err(|error| {
            report.failed(steps::ANSWER, error.to_string());
            ClientError::http(PHASE)(error)
        })?;
        match response.status {
            200 => {
                report.passed(steps::ANSWER, url);
                Ok(response.body)
            }
            404 => match asked.filter(|community| self.may_answer_404(community)) {
                Some(community) => {
                    report
                        .failed(steps::ANSWER, format!("404 at {url}: nothing for this community, or no UDAP support"));
                    Err(nothing_for(community.to_string(), UnknownCommunity::NotFound))
                }
                None => {
                    report.failed(steps::ANSWER, format!("404 at {url}: no UDAP support"));
                    Err(DiscoveryError::NoUdap)
                }
            },
            204 => {
                report.failed(steps::ANSWER, format!("204 at {url}: nothing for this community"));
                let community = asked.map_or_else(|| "(none asked for)".to_owned(), ToString::to_string);
                Err(nothing_for(community, UnknownCommunity::NoContent))
            }
            status => {
                report.failed(steps::ANSWER, format!("status {status} at {url}"));
                Err(refusal(PHASE, &response).into())
            }
        }
    }

    /// In the guide's first edition a server says by 404, as by 204 later, that it does not know a community.
    fn may_answer_404(&self, community: &CommunityId) -> bool {
        self.settings.edition_of(community).unknown_community() == UnknownCommunity::NotFound
    }
}

fn nothing_for(community: String, answered: UnknownCommunity) -> DiscoveryError {
    DiscoveryError::NoMetadataForCommunity { community, answered }
}

/// `{base}/.well-known/udap`, with the community percent-encoded in the query (COMM-1, COMM-2).
fn metadata_url(base: &BaseUrl, asked: Option<&CommunityId>) -> String {
    let url = base.below(".well-known/udap");
    match asked {
        Some(community) => format!("{url}?{}", write_form(&[("community", community.as_str())])),
        None => url,
    }
}

/// Reads the document as one strict JSON object and looks at its version, by which everything else has a meaning.
pub(super) fn read(document: &[u8], report: &mut Report) -> Result<Object, DiscoveryError> {
    let object = read_object(document, &Limits::new(DOCUMENT_LIMIT))
        .map_err(|error| fail_as_no_metadata(report, steps::DOCUMENT, error.to_string()))?;
    report.passed(steps::DOCUMENT, format!("{} bytes, {} members", document.len(), object.len()));
    let versions = object
        .required_strings("udap_versions_supported")
        .map_err(|error| fail_as_no_metadata(report, steps::VERSION, error.to_string()))?;
    if !versions.contains(&"1") {
        return Err(fail_as_not_supported(report, steps::VERSION, format!("udap_versions_supported is {versions:?}")));
    }
    report.passed(steps::VERSION, "udap_versions_supported has \"1\"");
    Ok(object)
}
