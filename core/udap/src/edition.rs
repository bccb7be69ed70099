//! The editions of the guide, and what each lets a peer do otherwise.
//!
//! The server is as strict as STU2 wherever that harms no conformant 1.x client (jti, communities, signing). What an
//! edition switches is only what a 1.x peer may rightly do otherwise, and each such thing is one question here, so that
//! no other code compares editions.

use std::fmt;

/// An edition of the HL7 FAST Security (UDAP Security) guide, chosen for each trust community.
///
/// The 3.0.0 ballot has the content of STU2 for an international realm and is read as STU2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Edition {
    /// STU 1, version 1.0.0 (2022).
    Stu1,
    /// STU 1.1, version 1.1.0 (2023).
    Stu1_1,
    /// STU 2, version 2.0.0 (2025).
    #[default]
    Stu2,
}

/// How a server answers a metadata request for a `community` that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownCommunity {
    /// 204, STU1.1 and later.
    NoContent,
    /// 404, STU1.
    NotFound,
}

impl Edition {
    /// Every edition, oldest first.
    pub const ALL: [Self; 3] = [Self::Stu1, Self::Stu1_1, Self::Stu2];

    /// The edition of that version number (`1.0`, `1.1.0`, `2.0`) or name (`STU2`); `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1.0" | "1.0.0" | "STU1" => Some(Self::Stu1),
            "1.1" | "1.1.0" | "STU1.1" => Some(Self::Stu1_1),
            "2.0" | "2.0.0" | "STU2" | "3.0" | "3.0.0-ballot" => Some(Self::Stu2),
            _ => None,
        }
    }

    /// The version number, as configuration writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stu1 => "1.0",
            Self::Stu1_1 => "1.1",
            Self::Stu2 => "2.0",
        }
    }

    /// Whether a client credentials request without `scope` is refused; before, it means the registered scopes.
    ///
    /// Source: FAST Security STU2 §5.2.1; STU1 follows RFC 6749 §4.4.2, §3.3; TOKEN-2
    #[must_use]
    pub const fn scope_required_for_client_credentials(self) -> bool {
        matches!(self, Self::Stu2)
    }

    /// Whether an authorization request must have `state` and an S256 code challenge.
    ///
    /// Source: FAST Security STU2 §4.1; AUTHZ-3, AUTHZ-5, AUTHZ-8
    #[must_use]
    pub const fn state_and_pkce_required(self) -> bool {
        matches!(self, Self::Stu2)
    }

    /// Whether metadata must list `scopes_supported`.
    ///
    /// Source: FAST Security STU2 §2.2; META-12
    #[must_use]
    pub const fn scopes_supported_required(self) -> bool {
        matches!(self, Self::Stu2)
    }

    /// Whether metadata must list `registration_endpoint_jwt_signing_alg_values_supported`; before, it is recommended.
    ///
    /// Source: FAST Security STU2 §2.2; META-18
    #[must_use]
    pub const fn registration_algorithms_required(self) -> bool {
        matches!(self, Self::Stu2)
    }

    /// Whether each extension and certification that is listed as required must be listed as supported.
    ///
    /// Source: FAST Security STU2 §2.2; META-7, META-10
    #[must_use]
    pub const fn required_lists_within_supported(self) -> bool {
        matches!(self, Self::Stu2)
    }

    /// What an unknown community is answered with.
    ///
    /// Source: FAST Security STU1 §2.3, STU1.1 §2.3, STU2 §2.3
    #[must_use]
    pub const fn unknown_community(self) -> UnknownCommunity {
        match self {
            Self::Stu1 => UnknownCommunity::NotFound,
            Self::Stu1_1 | Self::Stu2 => UnknownCommunity::NoContent,
        }
    }

    /// Whether `signed_metadata` must be signed with RS256; STU1 leaves the algorithm open.
    ///
    /// Source: FAST Security STU1.1 §2.3, STU2 §2.3; SMD-1
    #[must_use]
    pub const fn signed_metadata_is_rs256(self) -> bool {
        !matches!(self, Self::Stu1)
    }

    /// Whether a signed endpoint that differs from the plain one is used; before, the difference is a refusal.
    ///
    /// Source: FAST Security STU2 §2.3; UDAP Server Metadata §3.4; SMD-8
    #[must_use]
    pub const fn signed_metadata_prevails(self) -> bool {
        matches!(self, Self::Stu2)
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_and_other_texts_are_no_edition() {
        for edition in Edition::ALL {
            assert_eq!(Edition::parse(edition.as_str()), Some(edition));
        }
        assert_eq!(Edition::parse("STU1.1"), Some(Edition::Stu1_1));
        for text in ["", "1", "2", "2.1", "stu2", " 2.0"] {
            assert_eq!(Edition::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_default_asks_for_everything_that_stu2_asks_for() {
        let edition = Edition::default();
        assert!(edition.scope_required_for_client_credentials() && edition.state_and_pkce_required());
        assert!(!Edition::Stu1_1.scope_required_for_client_credentials());
        assert!(Edition::Stu1_1.signed_metadata_is_rs256() && !Edition::Stu1.signed_metadata_is_rs256());
        assert_eq!(Edition::Stu1.unknown_community(), UnknownCommunity::NotFound);
    }
}
