//! `tessera profile …`: who this app is.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tessera_client::check::CheckOutcome;
use tessera_client::identity::Membership;
use tessera_trust::UnixTime;

use crate::arguments::{CommunityArgument, ContextArguments, ProfileAction, SetProfile};
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, dim, mark, safe};
use crate::profile::folder::{ProfileFolder, read_bounded};
use crate::profile::identity::{self, CheckedProfile};
use crate::profile::settings::{CommunitySettings, ContextSettings, ProfileSettings, Revocation};
use crate::profile::{Profile, SETTINGS};
use crate::surroundings::now;
use crate::time_text::{instant, instant_from};

pub(crate) fn run(action: ProfileAction, output: &Output) -> Result<Exit, Failure> {
    match action {
        ProfileAction::Set(typed) => {
            let SetProfile {
                name,
                client_uri,
                client_name,
                contacts,
                communities,
                allow,
                tls_roots,
                logo_uri,
                certifications,
                copy,
                context,
            } = *typed;
            let settings = ProfileSettings {
                client_uri,
                client_name,
                contacts,
                logo_uri,
                allow,
                tls_roots,
                certifications,
                context: usual_context(context),
                communities: communities.into_iter().map(community).collect(),
            };
            set(&name.profile, settings, copy, output)
        }
        ProfileAction::List => list(output),
        ProfileAction::Show { name } => show(&Profile::open(&name.profile)?, output),
    }
}

fn usual_context(typed: ContextArguments) -> ContextSettings {
    ContextSettings {
        organization_id: typed.organization_id,
        organization_name: typed.organization_name,
        purposes: typed.purposes,
        subject_name: typed.subject_name,
        subject_id: typed.subject_id,
        subject_role: typed.subject_role,
    }
}

fn community(typed: CommunityArgument) -> CommunitySettings {
    CommunitySettings {
        uri: typed.uri,
        edition: typed.edition.unwrap_or_else(|| "2.0".to_owned()),
        anchors: typed.anchors,
        intermediates: None,
        revocation: Revocation::Require,
        chain: typed.chain,
        key: typed.key,
    }
}

/// Judges everything first; a profile that does not hold replaces none.
fn set(name: &str, mut settings: ProfileSettings, copy: bool, output: &Output) -> Result<Exit, Failure> {
    let folder = ProfileFolder::named(name)?;
    for_each_file(&mut settings, |file, _| {
        *file = std::path::absolute(&*file)?;
        Ok(())
    })?;
    identity::judge_chains(&identity::check(&settings, &folder)?, now())?;
    folder.create()?;
    let lock = folder.lock()?;
    if copy {
        for_each_file(&mut settings, |file, name| {
            folder.write(&name, &read_bounded(file)?)?;
            *file = PathBuf::from(name);
            Ok(())
        })?;
    }
    folder.write(SETTINGS, settings.to_toml()?.as_bytes())?;
    drop(lock);
    show(&Profile::open(name)?, output)
}

/// Visits each file of the settings, with the name that it would have in the profile's folder.
fn for_each_file(
    settings: &mut ProfileSettings,
    mut visit: impl FnMut(&mut PathBuf, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(file) = &mut settings.tls_roots {
        visit(file, "tls-roots.pem".to_owned())?;
    }
    for (file, number) in settings.certifications.iter_mut().zip(1..) {
        visit(file, format!("certification-{number}.jwt"))?;
    }
    for (community, number) in settings.communities.iter_mut().zip(1..) {
        visit(&mut community.anchors, format!("community-{number}-anchors.pem"))?;
        visit(&mut community.chain, format!("community-{number}-chain.pem"))?;
        visit(&mut community.key, format!("community-{number}-key.pem"))?;
    }
    Ok(())
}

fn list(output: &Output) -> Result<Exit, Failure> {
    let folders = ProfileFolder::all()?;
    for folder in &folders {
        // A damaged one is listed too; `show` says what is wrong with it.
        let client_uri = Profile::open(folder.name()).ok().map(|profile| profile.settings.client_uri);
        output.object(&Listed { name: folder.name(), folder: folder.path(), client_uri: client_uri.as_deref() })?;
        output.line(format!("{}  {}", bold(folder.name()), safe(client_uri.as_deref().unwrap_or("(not readable)"))))?;
    }
    if folders.is_empty() {
        output.line("no profiles; `tessera profile set --help` tells how to make one")?;
    }
    Ok(Exit::Done)
}

/// A profile of the list, as programs read it.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    folder: &'a Path,
    client_uri: Option<&'a str>,
}

/// A profile as programs read it; never a key nor a token.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    folder: &'a Path,
    client_uri: &'a str,
    client_name: &'a str,
    contacts: &'a [String],
    allow: &'a [String],
    tls_roots: Option<&'a Path>,
    context: &'a ContextSettings,
    communities: Vec<Community<'a>>,
    registrations: Vec<Registered>,
    tokens: Vec<Token>,
}

#[derive(Serialize)]
struct Community<'a> {
    uri: &'a str,
    edition: &'a str,
    anchors: &'a Path,
    chain: &'a Path,
    key: &'a Path,
    certificate: Certificate,
}

#[derive(Serialize)]
struct Certificate {
    subject: String,
    issuer: String,
    uri_names: Vec<String>,
    not_before: String,
    not_after: String,
    sha256: String,
    algorithm: &'static str,
    valid: bool,
}

#[derive(Serialize)]
struct Registered {
    base: String,
    community: String,
    client_id: String,
    scope: String,
}

#[derive(Serialize)]
struct Token {
    base: String,
    scope: String,
    expires_at: String,
}

fn show(profile: &Profile, output: &Output) -> Result<Exit, Failure> {
    let now = now();
    let checked = identity::check(&profile.settings, &profile.folder)?;
    output.object(&shown(profile, &checked, now)?)?;
    show_for_people(profile, &checked, now, output)?;
    Ok(Exit::Done)
}

fn shown<'a>(profile: &'a Profile, checked: &CheckedProfile, now: UnixTime) -> Result<Shown<'a>, Failure> {
    let settings = &profile.settings;
    let communities = settings.communities.iter().zip(checked.identity.memberships());
    Ok(Shown {
        name: profile.folder.name(),
        folder: profile.folder.path(),
        client_uri: &settings.client_uri,
        client_name: &settings.client_name,
        contacts: &settings.contacts,
        allow: &settings.allow,
        tls_roots: settings.tls_roots.as_deref(),
        context: &settings.context,
        communities: communities.map(|(raw, membership)| Community::of(raw, membership, now)).collect(),
        registrations: profile.registrations()?.iter().map(Registered::of).collect(),
        tokens: profile
            .tokens()?
            .living(now)
            .map(|token| Token {
                base: token.base().to_owned(),
                scope: token.scope.clone(),
                expires_at: instant(token.expires_at()),
            })
            .collect(),
    })
}

impl<'a> Community<'a> {
    fn of(raw: &'a CommunitySettings, membership: &Membership, now: UnixTime) -> Self {
        let leaf = membership.chain().leaf();
        let certificate = Certificate {
            subject: leaf.subject(),
            issuer: leaf.issuer(),
            uri_names: leaf.uri_names().to_vec(),
            not_before: instant(leaf.not_before()),
            not_after: instant(leaf.not_after()),
            sha256: leaf.digest().to_string(),
            algorithm: membership.algorithm().as_str(),
            valid: membership.is_valid_at(now),
        };
        Self {
            uri: &raw.uri,
            edition: &raw.edition,
            anchors: &raw.anchors,
            chain: &raw.chain,
            key: &raw.key,
            certificate,
        }
    }
}

impl Registered {
    fn of(registration: &tessera_client::registration::ClientRegistration) -> Self {
        Self {
            base: registration.base().to_string(),
            community: registration.community().to_string(),
            client_id: registration.client_id().to_string(),
            scope: registration.scope().to_string(),
        }
    }
}

fn show_for_people(profile: &Profile, checked: &CheckedProfile, now: UnixTime, output: &Output) -> Result<(), Failure> {
    let settings = &profile.settings;
    output.line(format!("{} {}", bold(profile.folder.name()), dim(profile.folder.path().display().to_string())))?;
    output.field("client URI", &settings.client_uri)?;
    output.field("client name", safe(&settings.client_name))?;
    output.field("contacts", safe(&settings.contacts.join(" ")))?;
    for (raw, membership) in settings.communities.iter().zip(checked.identity.memberships()) {
        let leaf = membership.chain().leaf();
        let valid = membership.is_valid_at(now);
        let outcome = if valid { CheckOutcome::Passed } else { CheckOutcome::Failed };
        output.line(format!("{} {} {}", mark(outcome), bold(&raw.uri), dim(format!("edition {}", raw.edition))))?;
        output.field("certificate", safe(&leaf.subject()))?;
        output.field("issued by", safe(&leaf.issuer()))?;
        output.field("valid until", instant_from(leaf.not_after(), now))?;
        output.field("key", format!("{} {}", membership.algorithm(), dim(raw.key.display().to_string())))?;
    }
    for registration in profile.registrations()?.iter() {
        output.line(format!("registered at {}", bold(registration.base().as_str())))?;
        output.field("client_id", registration.client_id().as_str())?;
        output.field("scopes", registration.scope().to_string())?;
    }
    for token in profile.tokens()?.living(now) {
        output.line(format!("token for {}", bold(safe(token.base()))))?;
        output.field("scopes", safe(&token.scope))?;
        output.field("ends", instant_from(token.expires_at(), now))?;
    }
    output.next("tessera discover BASE_URL")?;
    Ok(())
}
