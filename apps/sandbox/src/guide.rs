//! What runs where, and the commands with which each step of the visit is repeated by hand.

use std::fmt;

use serde::Serialize;

use crate::apps::{App, CONTACT, NAME, ORGANIZATION, PURPOSE, SCOPE};
use crate::holder::CONFIGURATION;
use crate::running::Location;
use crate::surroundings::program;
use crate::tls;
use crate::world::{Fhir, World};

/// The folder of a running sandbox, its parties, and what can be typed.
#[derive(Debug, Clone, Serialize)]
pub struct Guide {
    /// The addresses and files.
    #[serde(flatten)]
    pub location: Location,
    /// Who is here.
    pub parties: Vec<Party>,
    /// The visit by hand, in its order.
    pub commands: Vec<Command>,
}

/// A party of the sandbox.
#[derive(Debug, Clone, Serialize)]
pub struct Party {
    /// What it is called.
    pub name: String,
    /// What it is here for, in a sentence.
    pub role: String,
    /// Its names, addresses and files.
    pub facts: Vec<Fact>,
}

/// One thing to know of a party.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// The name, address or file.
    pub value: String,
    /// Whether a browser can open it as it stands.
    pub is_link: bool,
}

/// Something to type into a shell.
#[derive(Debug, Clone, Serialize)]
pub struct Command {
    /// What it does.
    pub what: &'static str,
    /// What to type; a command may have several lines.
    pub line: String,
}

/// Where the files and addresses are.
pub(crate) fn location(world: &World) -> Location {
    let community = world.visitors_community();
    Location {
        port: world.ports.holder(),
        data: world.folder.root().to_owned(),
        tls_root: world.folder.path(tls::ROOT),
        base: world.base.as_str().to_owned(),
        start_page: world.start_page(),
        configuration: world.folder.path(CONFIGURATION),
        community: community.id().as_str().to_owned(),
        anchor: world.folder.path(&community.anchor_file()),
    }
}

/// Everything about a running sandbox.
pub(crate) fn guide(world: &World) -> Guide {
    Guide { location: location(world), parties: parties(world), commands: commands(world) }
}

fn fact(label: &'static str, value: impl Into<String>) -> Fact {
    let value = value.into();
    Fact { label, value, is_link: false }
}

fn link(label: &'static str, value: impl Into<String>) -> Fact {
    Fact { is_link: true, ..fact(label, value) }
}

fn file(world: &World, label: &'static str, name: &str) -> Fact {
    fact(label, world.folder.path(name).display().to_string())
}

fn parties(world: &World) -> Vec<Party> {
    let mut parties = vec![holder(world)];
    parties.extend(world.communities.iter().map(|community| Party {
        name: format!("{} trust community", community.title()),
        role: "A root CA and an issuing CA, whom its members believe.".to_owned(),
        facts: vec![
            fact("URI", community.id().as_str()),
            file(world, "Anchor", &community.anchor_file()),
            link("Revocation list of the issuing CA", community.url("issuing.crl")),
            link("Certificate of the issuing CA", community.url("issuing.cer")),
        ],
    }));
    let app = |name: &str, role: String, folder: &str, app: &App| Party {
        name: name.to_owned(),
        role,
        facts: vec![
            fact("URI", app.uri.as_str()),
            file(world, "Certificate and key", folder),
            fact("Certificate ends", app.credentials.leaf().not_after().to_utc_text()),
        ],
    };
    let community = world.visitors_community().title();
    let role = format!("A member of the {community} community whom the data holder has never met.");
    parties.push(app(NAME, role, "apps/visitor", &world.visitor));
    let role = "Its certificate comes from neither community; it must be refused.".to_owned();
    parties.push(app("Stranger", role, "apps/stranger", &world.stranger));
    parties
}

fn holder(world: &World) -> Party {
    let mut facts = vec![
        fact("FHIR base", world.base.as_str()),
        fact("UDAP metadata", world.base.below(".well-known/udap")),
        file(world, "Root of its web certificate", tls::ROOT),
        file(world, "Configuration", CONFIGURATION),
        match &world.fhir {
            Fhir::Sample => link("FHIR server behind the gateway", format!("{}/metadata", sample_fhir(world))),
            Fhir::Other(url) => fact("FHIR server behind the gateway", url),
        },
    ];
    if let Some(operator) = world.operator {
        facts.push(link("Metrics", format!("http://{operator}/metrics")));
    }
    Party {
        name: "Data holder".to_owned(),
        role: "Authorization server and gateway in front of a FHIR server; a member of both communities.".to_owned(),
        facts,
    }
}

/// The URL of the sample data, as the gateway is configured.
pub(crate) fn sample_fhir(world: &World) -> String {
    format!("http://127.0.0.1:{}/fhir", world.ports.fhir())
}

fn commands(world: &World) -> Vec<Command> {
    let tessera = program();
    let base = world.base.as_str();
    let path = |name: &str| world.folder.path(name).display().to_string();
    let community = world.visitors_community();
    let membership = format!(
        "{},{},{},{}",
        community.id().as_str(),
        path(&community.anchor_file()),
        path("apps/visitor/chain.pem"),
        path("apps/visitor/key.pem")
    );
    let profile = "--profile sandbox";
    let context = format!("--organization-id {ORGANIZATION} --purpose {}", quoted(PURPOSE));
    let port = match world.ports.holder() {
        8443 => String::new(),
        port => format!(" --port {port}"),
    };
    let root = quoted(&path(tls::ROOT));
    let configuration = quoted(&path(CONFIGURATION));
    vec![
        Command {
            what: "Say who the app is: its URI, its certificate, the community it trusts",
            line: lines(&[
                &format!("{tessera} profile set {profile}"),
                &format!("--client-uri {} --client-name {}", world.visitor.uri.as_str(), quoted(NAME)),
                &format!("--contact {CONTACT}"),
                &format!("--community {}", quoted(&membership)),
                &format!("--allow {} --tls-roots {root}", world.allowed()),
            ]),
        },
        Command {
            what: "Discover the data holder and see each check of its signed metadata",
            line: format!("{tessera} discover {base} {profile}"),
        },
        Command { what: "Register", line: format!("{tessera} register {base} {profile} --scope {}", quoted(SCOPE)) },
        Command {
            what: "Take an access token for a purpose",
            line: lines(&[&format!("{tessera} token {base} {profile}"), &context]),
        },
        Command {
            what: "Read patients through the gateway",
            line: lines(&[&format!("{tessera} get {base} {} {profile}", quoted("Patient?_count=5")), &context]),
        },
        Command {
            what: "The metadata with curl",
            line: lines(&[&format!("curl --cacert {root}"), &world.base.below(".well-known/udap")]),
        },
        Command {
            what: "The patients with curl",
            line: lines(&[
                &format!("curl --cacert {root}"),
                &format!("-H \"Authorization: Bearer $({tessera} token {base} {profile} {context} --print)\""),
                &quoted(&world.base.below("Patient?_count=5")),
            ]),
        },
        Command {
            what: "What the issuing CA has revoked",
            line: format!("curl -s {} | openssl crl -inform DER -noout -text", community.url("issuing.crl")),
        },
        Command {
            what: "A certificate of the visitor's community for an app of yours, and its revocation",
            line: format!(
                "{tessera} sandbox certificate https://my-app.example/app --out my-app{port}\n{tessera} sandbox revoke https://my-app.example/app{port}"
            ),
        },
        Command {
            what: "Who is registered at the data holder",
            line: format!("{tessera} clients list --config {configuration}"),
        },
    ]
}

/// One command on several lines.
fn lines(parts: &[&str]) -> String {
    parts.join(" \\\n  ")
}

/// A word for a POSIX shell, in quotes where it needs them.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl fmt::Display for Guide {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "Start page  {}", self.location.start_page)?;
        writeln!(out, "Folder      {}", self.location.data.display())?;
        for party in &self.parties {
            writeln!(out, "\n{}: {}", party.name, party.role)?;
            for fact in &party.facts {
                writeln!(out, "  {:<34}{}", fact.label, fact.value)?;
            }
        }
        writeln!(out, "\nThe visit by hand:")?;
        for command in &self.commands {
            writeln!(out, "\n# {}", command.what)?;
            writeln!(out, "{}", command.line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("/tmp/tessera-sandbox-x/root.pem"), "/tmp/tessera-sandbox-x/root.pem");
        assert_eq!(quoted("urn:oid:1#TREAT"), "'urn:oid:1#TREAT'");
        assert_eq!(quoted("Patient?_count=5"), "'Patient?_count=5'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
