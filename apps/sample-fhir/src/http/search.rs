//! Search of one type, by `GET` or by form.
//!
//! Source: FHIR R4 `http.html#search`, `#paging`; `bundle.html#searchset`

use axum::response::Response;
use http::StatusCode;
use http::header::HeaderMap;

use super::bundle::{Bundle, Entry, Found, Link, embedded};
use super::outcome::Refusal;
use super::parameters::{self, Parameters};
use super::{Service, prefer, respond};
use crate::resource_type::ResourceType;
use crate::search::query::Query;
use crate::store::Page;

impl Service {
    pub(super) fn search_type(
        &self,
        kind: ResourceType,
        parameters: Parameters,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let query = Query::read(kind, parameters.into_pairs(), prefer::handling(headers), &self.base)?;
        let page = self.stored().search(kind, &query);

        let entry = page.resources.iter().map(|(id, body)| {
            Ok(Entry {
                full_url: format!("{}/{}/{id}", self.base, kind.name()),
                resource: Some(embedded(body)?),
                search: Some(Found { mode: "match" }),
                request: None,
                response: None,
            })
        });
        let bundle = Bundle {
            resource_type: "Bundle",
            kind: "searchset",
            total: page.total,
            link: self.links(kind, &query, &page),
            entry: entry.collect::<Result<_, Refusal>>()?,
        };
        Ok(respond::resource(StatusCode::OK, bundle.to_bytes()?))
    }

    /// `self` tells which parameters were used; `next` goes on after the last id of this page.
    ///
    /// A cursor by id, other than an offset, skips and repeats nothing when resources come and go between two pages.
    fn links(&self, kind: ResourceType, query: &Query, page: &Page) -> Vec<Link> {
        let url = |after: Option<&str>| {
            let used = query.used.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let encoded = parameters::encode(used.chain(after.map(|id| ("_cursor", id))));
            let separator = if encoded.is_empty() { "" } else { "?" };
            format!("{}/{}{separator}{encoded}", self.base, kind.name())
        };
        let mut links = vec![Link { relation: "self", url: url(query.after.as_ref().map(|id| id.as_str())) }];
        if let Some((last, _)) = page.resources.last().filter(|_| page.has_next) {
            links.push(Link { relation: "next", url: url(Some(last.as_str())) });
        }
        links
    }
}
