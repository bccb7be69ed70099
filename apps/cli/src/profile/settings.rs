//! `profile.toml`: what an app says of itself, whom it trusts, and what it may call. Unknown keys are refused.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The file. Relative paths are inside the profile's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileSettings {
    /// The app's URI, as its certificates name it.
    pub(crate) client_uri: String,
    /// What the app calls itself.
    pub(crate) client_name: String,
    /// How to reach its people; `mailto:` once at least.
    pub(crate) contacts: Vec<String>,
    /// An https URL of a PNG, JPG or GIF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) logo_uri: Option<String>,
    /// Address ranges or names with a port, in private ranges, that may be called although metadata or certificates named
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) allow: Vec<String>,
    /// PEM file with roots that TLS believes beside the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_roots: Option<PathBuf>,
    /// Files with a certification each: the JWT that a certifier signed about this app. Sent with every registration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) certifications: Vec<PathBuf>,
    /// For whom and what for data is asked, unless the command line says otherwise.
    #[serde(default, skip_serializing_if = "ContextSettings::is_empty")]
    pub(crate) context: ContextSettings,
    /// The trust communities, the preferred one first.
    pub(crate) communities: Vec<CommunitySettings>,
}

/// The usual B2B context of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextSettings {
    /// The organisation that asks: a URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization_name: Option<String>,
    /// What for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) purposes: Vec<String>,
    /// The person or system that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject_name: Option<String>,
    /// Its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject_id: Option<String>,
    /// Its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject_role: Option<String>,
}

impl ContextSettings {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One trust community and the app's certificate in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommunitySettings {
    /// The URI that names it.
    pub(crate) uri: String,
    /// The guide's edition that its servers follow: `1.0`, `1.1` or `2.0`.
    #[serde(default = "edition")]
    pub(crate) edition: String,
    /// PEM file with the trust anchors.
    pub(crate) anchors: PathBuf,
    /// PEM file with intermediate certificates that servers may leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intermediates: Option<PathBuf>,
    /// What happens when a server's revocation status cannot be learnt.
    #[serde(default)]
    pub(crate) revocation: Revocation,
    /// PEM file with the app's certificates, leaf first.
    pub(crate) chain: PathBuf,
    /// PEM file with the leaf's private key (PKCS#8).
    pub(crate) key: PathBuf,
}

/// What happens when it cannot be learnt whether a server's certificate is revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Revocation {
    /// The server is not trusted.
    #[default]
    Require,
    /// It is trusted for a few minutes.
    Soft,
}

fn edition() -> String {
    "2.0".to_owned()
}

impl ProfileSettings {
    /// Reads the file's content.
    pub(crate) fn read(content: &[u8], file: &Path) -> Result<Self, Failure> {
        let problem = |cause: String| {
            Failure::usage("profile-invalid", format!("{} is not a profile", file.display()))
                .because(cause)
                .advise("Correct the file, or write it anew with `tessera profile set`.")
        };
        let text = std::str::from_utf8(content).map_err(|error| problem(error.to_string()))?;
        toml::from_str(text).map_err(|error| problem(error.to_string()))
    }

    /// The file's content.
    pub(crate) fn to_toml(&self) -> Result<String, Failure> {
        toml::to_string_pretty(self).map_err(|error| Failure::from(anyhow::Error::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ProfileSettings {
        ProfileSettings {
            client_uri: "https://app.example/client".to_owned(),
            client_name: "App".to_owned(),
            contacts: vec!["mailto:app@example.com".to_owned()],
            logo_uri: None,
            allow: vec!["127.0.0.1/32:8445".to_owned()],
            tls_roots: Some(PathBuf::from("/tls.pem")),
            certifications: vec![PathBuf::from("certification-1.jwt")],
            context: ContextSettings { purposes: vec!["TREAT".to_owned()], ..ContextSettings::default() },
            communities: vec![CommunitySettings {
                uri: "https://community.example".to_owned(),
                edition: edition(),
                anchors: PathBuf::from("/anchors.pem"),
                intermediates: None,
                revocation: Revocation::Require,
                chain: PathBuf::from("chain-1.pem"),
                key: PathBuf::from("key-1.pem"),
            }],
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        let text = sample().to_toml().unwrap();
        assert_eq!(ProfileSettings::read(text.as_bytes(), Path::new("profile.toml")).unwrap(), sample());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = sample().to_toml().unwrap().replace("client_name", "client_nane");
        let failure = ProfileSettings::read(text.as_bytes(), Path::new("profile.toml")).unwrap_err();
        assert!(failure.causes()[0].contains("client_nane"));
    }
}
