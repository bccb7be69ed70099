//! The registration parameters, one function each, in the order of the guide's table.

use tessera_jose::json::Object;

use super::{
    AuthMethod, MAX_CLIENT_NAME_BYTES, MAX_CONTACTS, MAX_REDIRECT_URIS, PRIVATE_KEY_JWT, RequestedGrants,
    StatementError,
};
use crate::ids::{EndpointUrl, judge_uri};
use crate::scope::ScopeSet;

fn wrong(name: &'static str, rule: &'static str) -> StatementError {
    StatementError::Metadata { name, rule }
}

/// Source: DCR-9
pub(super) fn client_name(claims: &Object) -> Result<String, StatementError> {
    let name = claims.required_str("client_name")?;
    let usable = name.len() <= MAX_CLIENT_NAME_BYTES && !name.chars().any(char::is_control);
    if !usable || name.trim().is_empty() {
        let rule = "must be 1 to 256 bytes of text without control characters";
        return Err(wrong("client_name", rule));
    }
    Ok(name.to_owned())
}

/// Source: DCR-11
pub(super) fn contacts(claims: &Object) -> Result<Vec<String>, StatementError> {
    let contacts = claims.required_strings("contacts")?;
    if contacts.len() > MAX_CONTACTS {
        return Err(wrong("contacts", "must not have more than 20 elements"));
    }
    if contacts.iter().any(|contact| judge_uri(contact).is_err()) {
        return Err(wrong("contacts", "must be an array of absolute URIs"));
    }
    if !contacts.iter().any(|contact| is_mail_address(contact)) {
        let rule = "must have at least one mailto URI with an address";
        return Err(wrong("contacts", rule));
    }
    Ok(contacts.into_iter().map(str::to_owned).collect())
}

/// `mailto:local@domain`, with or without header fields; of several addresses each counts.
///
/// Source: RFC 6068 §2
fn is_mail_address(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let addresses = rest.split('?').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("mailto")
        && addresses.split(',').all(|address| {
            address
                .rsplit_once('@')
                .is_some_and(|(local, domain)| !local.is_empty() && !local.contains('@') && is_mail_domain(domain))
        })
}

/// A host name; international ones stand in their ASCII form, since a URI has no other characters.
fn is_mail_domain(domain: &str) -> bool {
    domain
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// The grant, with what must stand beside it and what must not.
///
/// Source: DCR-10, DCR-13, DCR-14; MOD-6 for the empty array
pub(super) fn grant_types(claims: &Object) -> Result<RequestedGrants, StatementError> {
    let names = claims.required_strings("grant_types")?;
    let count = |name: &str| names.iter().filter(|present| **present == name).count();
    let (code, machine, refresh) = (count("authorization_code"), count("client_credentials"), count("refresh_token"));
    // Unknown names and repeated ones both make the total larger than the names that count.
    let known = code.min(1) + machine.min(1) + refresh.min(1);
    if names.len() != known {
        let rule = "must hold authorization_code, client_credentials or refresh_token, each at most once";
        return Err(wrong("grant_types", rule));
    }
    match (code, machine, refresh) {
        (0, 0, 0) => {
            refuse_code_parameters(claims)?;
            Ok(RequestedGrants::Cancel)
        }
        (0, 1, 0) => {
            refuse_code_parameters(claims)?;
            Ok(RequestedGrants::ClientCredentials)
        }
        (1, 0, _) => {
            let redirect_uris = redirect_uris(claims)?;
            response_types(claims)?;
            Ok(RequestedGrants::AuthorizationCode { refresh: refresh == 1, redirect_uris })
        }
        _ => {
            let rule =
                "must hold one of authorization_code and client_credentials, and refresh_token only beside the former";
            Err(wrong("grant_types", rule))
        }
    }
}

fn refuse_code_parameters(claims: &Object) -> Result<(), StatementError> {
    for name in ["redirect_uris", "response_types"] {
        if claims.contains(name) {
            return Err(wrong(name, "is only allowed with authorization_code"));
        }
    }
    Ok(())
}

/// At least one URL, each https, exact: nothing in it is a pattern, and a fragment could not be told apart.
///
/// Source: DCR-10; RFC 6749 §3.1.2
fn redirect_uris(claims: &Object) -> Result<Vec<EndpointUrl>, StatementError> {
    let refuse = |rule| StatementError::RedirectUris { rule };
    let uris = claims
        .required_strings("redirect_uris")
        .map_err(|_| refuse("must be an array of strings, for authorization_code is asked for"))?;
    if uris.is_empty() || uris.len() > MAX_REDIRECT_URIS {
        return Err(refuse("must have 1 to 100 elements"));
    }
    let uris = uris.into_iter().map(|text| {
        EndpointUrl::parse(text)
            .ok()
            .filter(|url| url.is_https() && !text.contains('*'))
            .ok_or_else(|| refuse("must be https URLs of at most 2048 bytes, without fragment, user and wildcard"))
    });
    uris.collect()
}

/// Source: DCR-14
fn response_types(claims: &Object) -> Result<(), StatementError> {
    if claims.required_strings("response_types")? == ["code"] {
        Ok(())
    } else {
        Err(wrong("response_types", "must be [\"code\"]"))
    }
}

/// Source: DCR-15
pub(super) fn auth_method(claims: &Object) -> Result<AuthMethod, StatementError> {
    let name = "token_endpoint_auth_method";
    if claims.required_str(name)? == PRIVATE_KEY_JWT {
        Ok(AuthMethod::PrivateKeyJwt)
    } else {
        Err(wrong(name, "must be private_key_jwt"))
    }
}

/// Source: DCR-16
pub(super) fn scope(claims: &Object) -> Result<ScopeSet, StatementError> {
    ScopeSet::parse(claims.required_str("scope")?).map_err(|_| {
        let rule = "must be 1 to 200 scopes, separated by single spaces";
        wrong("scope", rule)
    })
}

/// Judged by its text alone: what it names is never fetched.
///
/// Source: DCR-12
pub(super) fn logo_uri(claims: &Object, grants: &RequestedGrants) -> Result<Option<String>, StatementError> {
    let logo = match grants {
        RequestedGrants::AuthorizationCode { .. } => Some(claims.required_str("logo_uri")?),
        RequestedGrants::ClientCredentials | RequestedGrants::Cancel => claims.optional_str("logo_uri")?,
    };
    match logo {
        Some(text) if !is_logo_url(text) => {
            let rule = "must be an https URL of a PNG, JPG or GIF";
            Err(wrong("logo_uri", rule))
        }
        _ => Ok(logo.map(str::to_owned)),
    }
}

fn is_logo_url(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let file = path.rsplit('/').next().unwrap_or_default();
    let is_image = file
        .rsplit_once('.')
        .is_some_and(|(stem, ending)| !stem.is_empty() && matches!(ending, "png" | "jpg" | "jpeg" | "gif"));
    // The authority has dots and slashes of its own: "https://logo.png" has no path.
    let has_path = path.splitn(4, '/').count() == 4;
    is_image && has_path && EndpointUrl::parse(text).is_ok_and(|url| url.is_https())
}
