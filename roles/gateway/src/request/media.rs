//! Media types: FHIR JSON is the one form that is spoken here.

/// FHIR in JSON.
///
/// Source: FHIR R4 "RESTful API" §3.1.0.1.10
pub(crate) const FHIR_JSON: &str = "application/fhir+json";
/// A search's form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a `Content-Type` is FHIR JSON in UTF-8.
pub(crate) fn is_fhir_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    [FHIR_JSON, "application/json", "application/json+fhir"].iter().any(|name| essence.eq_ignore_ascii_case(name))
        && parameters(content_type).all(|(name, value)| match name.to_ascii_lowercase().as_str() {
            "charset" => value.eq_ignore_ascii_case("utf-8"),
            "fhirversion" => is_r4(value),
            _ => true,
        })
}

/// Whether a `Content-Type` is a form in UTF-8.
pub(crate) fn is_form(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(FORM)
        && parameters(content_type)
            .all(|(name, value)| !name.eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8"))
}

/// Whether an `Accept` takes FHIR JSON of R4 in some of its ranges.
///
/// Source: RFC 9110 §12.5.1
pub(crate) fn accepts_fhir_json(accept: &str) -> bool {
    const TAKEN: [&str; 5] = ["*/*", "application/*", FHIR_JSON, "application/json", "application/json+fhir"];
    accept.split(',').any(|range| {
        let essence = essence(range);
        TAKEN.iter().any(|name| essence.eq_ignore_ascii_case(name))
            && parameters(range).all(|(name, value)| match name.to_ascii_lowercase().as_str() {
                "q" => !value.trim_end_matches(['0', '.']).is_empty(),
                "fhirversion" => is_r4(value),
                _ => true,
            })
    })
}

/// Whether a `_format` is JSON. An unescaped `+` has become a space on its way.
pub(crate) fn is_json_format(format: &str) -> bool {
    matches!(format, "json" | "application/json" | "application/fhir+json" | "application/fhir json" | "text/json")
}

fn is_r4(version: &str) -> bool {
    matches!(version, "4.0" | "4.0.1")
}

fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Parameters with their quotation marks off; none of those that mean something here has a `;` or `,` in its value.
fn parameters(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(';').skip(1).map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (name.trim(), value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_fhir_json() {
        for good in [
            "application/fhir+json",
            "Application/FHIR+JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/fhir+json; fhirVersion=4.0",
        ] {
            assert!(is_fhir_json(good), "{good}");
        }
        for bad in [
            "",
            "application/fhir+xml",
            "text/html",
            "application/fhir+json; charset=utf-16",
            "application/fhir+json; fhirVersion=5.0",
            "application/json-patch+json",
        ] {
            assert!(!is_fhir_json(bad), "{bad}");
        }
    }

    #[test]
    fn knows_forms() {
        assert!(is_form("application/x-www-form-urlencoded; charset=UTF-8"));
        assert!(!is_form("application/x-www-form-urlencoded; charset=latin1"));
        assert!(!is_form("multipart/form-data"));
    }

    #[test]
    fn knows_who_takes_json() {
        for good in [
            "*/*",
            "application/fhir+json",
            "text/html, application/xhtml+xml, */*;q=0.8",
            "application/fhir+xml;q=0.9, application/fhir+json;q=0.1",
            "application/fhir+json; fhirVersion=4.0",
        ] {
            assert!(accepts_fhir_json(good), "{good}");
        }
        for bad in [
            "application/fhir+xml",
            "text/html",
            "application/fhir+json;q=0",
            "*/*;q=0.000",
            "application/fhir+json; fhirVersion=3.0",
            "",
        ] {
            assert!(!accepts_fhir_json(bad), "{bad}");
        }
    }
}
