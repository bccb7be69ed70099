//! For each way to fail, what a person can do about it.

use crate::error::{NotSent, Phase, ServerRefusal};
use crate::ports::HttpError;
use std::borrow::Cow;

pub(crate) const ANSWER_INVALID: &str = "The server does not follow the guide here. Tell its operator what is written above; nothing on this side changes it.";
pub(crate) const SIGNING_FAILED: &str = "Look at the private key: the file, the token or the service that holds it.";

pub(crate) fn no_answer(error: &HttpError) -> &'static str {
    match error {
        HttpError::Refused(_) => {
            "The server's metadata lead to an address that is not public. If that is right (a test system), allow it in the profile by address and port."
        }
        HttpError::Unreachable(_) => {
            "Look at the spelling of the URL, the network, and whether the server's TLS certificate comes from a root that this machine (or the profile's extra roots) believes."
        }
        HttpError::TimedOut => "Try again later; the server or the way to it is slow.",
        HttpError::TooLarge(_) | HttpError::Protocol(_) => ANSWER_INVALID,
    }
}

pub(crate) fn not_sent(reason: &NotSent) -> &'static str {
    match reason {
        NotSent::NoMembership { .. } => {
            "Get a certificate for this client's URI from that community and add it to the profile."
        }
        NotSent::CertificateNotValid { .. } => {
            "Renew the certificate with the same URI; the registration stays valid. Look at this machine's clock too."
        }
        NotSent::NotSupported { .. } => {
            "Look at the server's metadata with `tessera discover`; this server cannot do what was asked."
        }
        NotSent::WildcardScope { .. } => {
            "Name the resource types one by one, each with its permissions, as the server's scopes_supported lists them."
        }
        NotSent::Invalid { .. } => "Correct the value named above.",
        NotSent::OtherRegistration => "Register at this server first.",
        NotSent::OutsideBase { url } if url.starts_with('/') && !url.starts_with("//") => {
            "Drop the slash at the beginning: what is read is named from the base on, such as Patient/1."
        }
        NotSent::OutsideBase { .. } => {
            "A token is good for one FHIR base. Ask for one at the base that this URL belongs to."
        }
    }
}

/// Too many requests come before all else, for then nothing was looked at; else the code decides, then the action, then
/// the status.
pub(crate) fn refused(refusal: &ServerRefusal) -> Cow<'static, str> {
    match (refusal.status, refusal.retry_after.as_deref()) {
        (429 | 503, Some(seconds)) if seconds.parse::<u32>().is_ok() => {
            format!("The server wants no more requests for now; try again in {seconds} s.").into()
        }
        (429 | 503, Some(date)) => format!("The server wants no more requests for now; try again after {date}.").into(),
        (429, None) => Cow::Borrowed("Too many requests; wait some minutes before the next."),
        _ => Cow::Borrowed(refused_for_a_reason(refusal)),
    }
}

fn refused_for_a_reason(refusal: &ServerRefusal) -> &'static str {
    match (refusal.code.as_deref(), refusal.phase) {
        (Some("invalid_software_statement"), _) => {
            "The server could not accept the software statement itself: compare the clocks (a statement lives five minutes), the certificate's URI with the client URI, and the registration endpoint with the signed metadata."
        }
        (Some("unapproved_software_statement"), _) => {
            "The server does not accept this certificate: wrong community, expired, revoked, incomplete chain, or a certification that it demands. Do not repeat with the same certificate; ask the community, or use one of another community that the server accepts."
        }
        (Some("invalid_client_metadata"), _) => {
            "A registered value is not acceptable: name, contacts (a mailto: is needed), scopes or grant types. Compare the scopes with scopes_supported."
        }
        (Some("invalid_redirect_uri"), _) => "Correct the redirect URIs: https, complete, none with a fragment.",
        (Some("invalid_client"), _) => {
            "The server does not know this client_id, or the certificate is not of the community and URI that registered, or the assertion was late or used before. Compare the clocks; if the registration was cancelled, register again."
        }
        (Some("invalid_grant"), Phase::Token) => {
            "The hl7-b2b object is missing something or is not allowed by the community's policy: look at organization_id, purpose_of_use and the subject members."
        }
        (Some("invalid_scope"), _) => {
            "None of the scopes can be granted. Compare them with scopes_supported and with what was registered."
        }
        (Some("unauthorized_client"), _) => {
            "The client is not registered for this grant type. Change the registration, or ask the operator whether it is blocked."
        }
        (Some("unsupported_grant_type"), _) => {
            "The server does not support this grant type; look at grant_types_supported."
        }
        (Some("invalid_request"), _) => {
            "The server misses or does not understand a parameter; its description says which."
        }
        (Some("server_error" | "temporarily_unavailable"), _) => "Try again later; the fault is on the server's side.",
        (_, Phase::Data) => data(refusal.status),
        _ => by_status(refusal.status),
    }
}

fn data(status: u16) -> &'static str {
    match status {
        400 => {
            "The server does not understand the request. Look at the spelling of what was asked for: a search parameter that it does not know is the usual cause."
        }
        401 => "The token is missing, expired, revoked or of another FHIR base. Ask for a new one.",
        403 => {
            "The token's scopes or its purpose do not cover this. Ask for a token with the scope that the request needs."
        }
        404 | 410 => "There is no such resource at this server, or none that this token may see.",
        _ => by_status(status),
    }
}

fn by_status(status: u16) -> &'static str {
    match status {
        300..=399 => {
            "The server wants to send the request elsewhere. Redirects are not followed; use the URL that the server publishes."
        }
        404 => "There is nothing at this address. Look at the spelling of the base URL and at the server's metadata.",
        413 => "The request is too long for the server; send fewer certifications or a shorter chain.",
        500..=599 => "Try again later; the fault is on the server's side.",
        _ => "Ask the server's operator; the status above is all that it says.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_guide_has_advice_of_its_own() {
        let advice = |code: &str| {
            refused(&ServerRefusal {
                phase: Phase::Token,
                status: 400,
                code: Some(code.to_owned()),
                description: None,
                correlation_id: None,
                retry_after: None,
            })
        };
        let codes = [
            "invalid_software_statement",
            "unapproved_software_statement",
            "invalid_client_metadata",
            "invalid_redirect_uri",
            "invalid_client",
            "invalid_grant",
            "invalid_scope",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_request",
            "server_error",
        ];
        let texts: std::collections::HashSet<_> = codes.iter().map(|code| advice(code)).collect();
        assert_eq!(texts.len(), codes.len());
        assert!(!texts.contains(&advice("something_else")));
    }

    #[test]
    fn who_is_asked_to_wait_hears_how_long() {
        let advice = |status, retry_after: Option<&str>| {
            let retry_after = retry_after.map(str::to_owned);
            let (code, description) = (Some("temporarily_unavailable".to_owned()), None);
            refused(&ServerRefusal {
                phase: Phase::Token,
                status,
                code,
                description,
                correlation_id: None,
                retry_after,
            })
        };
        assert!(advice(429, Some("17")).contains("in 17 s"));
        assert!(advice(503, Some("Sun, 06 Nov 1994 08:49:37 GMT")).contains("after Sun, 06 Nov 1994"));
        assert!(advice(429, None).contains("Too many requests"));
        assert!(advice(503, None).contains("later"));
    }
}
