//! From a profile's files to an app that can sign, and to communities that can judge.

use std::path::Path;
use std::sync::Arc;

use tessera_client::identity::{ClientIdentity, Membership};
use tessera_jose::jws::CompactJws;
use tessera_jose::key::SoftwareKey;
use tessera_outbound::dial::Connector;
use tessera_outbound::guard::AllowList;
use tessera_outbound::tls::{TlsRoots, client_config};
use tessera_trust::{
    Anchor, Budget, Certificate, CertificateChain, CertificateProfile, CommunityId, Evidence, PathSearch,
    RevocationPolicy, Step, TrustCommunity, UnixTime, certificates_from_pem,
};
use tessera_udap::edition::Edition;
use tessera_udap::ids::{ClientUri, judge_uri};

use super::folder::{ProfileFolder, read_bounded};
use super::settings::{CommunitySettings, ProfileSettings, Revocation};
use crate::failure::Failure;

/// All that a profile's settings and files say, judged.
#[derive(Debug)]
pub(crate) struct CheckedProfile {
    /// Who the app is.
    pub(crate) identity: ClientIdentity,
    /// Whom it believes, in the order of preference.
    pub(crate) communities: Vec<(TrustCommunity, Edition)>,
    /// What it may call in private ranges.
    pub(crate) allow: AllowList,
    /// What certifiers signed about the app, each a JWT.
    pub(crate) certifications: Vec<String>,
    /// What TLS believes beside the machine's own roots.
    pub(crate) tls_roots: Option<TlsRootFile>,
}

/// PEM text with TLS roots that was found to be good.
#[derive(Debug)]
pub(crate) struct TlsRootFile(Vec<u8>);

impl CheckedProfile {
    /// The way out, with TLS that believes the machine's roots and the profile's; the profile's alone where the machine has
    /// none.
    pub(crate) fn connector(&self) -> anyhow::Result<Connector> {
        let tls = match &self.tls_roots {
            None => client_config(TlsRoots::platform())?,
            Some(TlsRootFile(pem)) => TlsRoots::platform_and_pem(pem)
                .and_then(client_config)
                .or_else(|_| TlsRoots::only_pem(pem).and_then(client_config))?,
        };
        Ok(Connector::system(tls))
    }
}

/// Judges settings and reads what they point to.
///
/// # Errors
/// A failure of usage that names the key of the file and the problem.
pub(crate) fn check(settings: &ProfileSettings, folder: &ProfileFolder) -> Result<CheckedProfile, Failure> {
    let uri = ClientUri::parse(&settings.client_uri).map_err(|error| wrong("client_uri", error))?;
    if !settings.contacts.iter().any(|contact| contact.starts_with("mailto:")) {
        return Err(wrong("contacts", "one of them must begin with `mailto:` (DCR-13)"));
    }
    for contact in &settings.contacts {
        judge_uri(contact).map_err(|error| wrong("contacts", format_args!("{contact:?}: {error}")))?;
    }
    if let Some(organization) = &settings.context.organization_id {
        judge_uri(organization)
            .map_err(|error| wrong("context.organization_id", format_args!("{organization:?}: {error}")))?;
    }
    let allow = AllowList::parse(settings.allow.iter().map(String::as_str)).map_err(|error| wrong("allow", error))?;
    let mut communities = Vec::new();
    let mut memberships = Vec::new();
    for (index, raw) in settings.communities.iter().enumerate() {
        let files = Files { folder, key: format!("communities[{index}]") };
        let id = CommunityId::parse(&raw.uri).map_err(|error| files.wrong("uri", error))?;
        memberships.push(files.membership(id.clone(), raw)?);
        communities.push(files.community(id, raw)?);
    }
    let identity = ClientIdentity::new(uri, memberships).map_err(|error| wrong("communities", error))?;
    let tls_roots = settings.tls_roots.as_deref().map(|file| tls_roots(&folder.file(file))).transpose()?;
    let certifications = settings.certifications.iter().map(|file| certification(&folder.file(file)));
    let certifications = certifications.collect::<Result<_, _>>()?;
    Ok(CheckedProfile { identity, communities, allow, certifications, tls_roots })
}

/// Whether each of the app's chains leads to the anchors given for its community, as a server of it will see it.
///
/// A certificate that has expired is judged as of its last moment, for it still tells whether the files go together; and
/// nothing is fetched, so that whether it is revoked is not asked.
///
/// # Errors
/// A failure of usage that names the chain.
pub(crate) fn judge_chains(checked: &CheckedProfile, now: UnixTime) -> Result<(), Failure> {
    for (index, (community, _)) in checked.communities.iter().enumerate() {
        let Some(membership) = checked.identity.membership(community.id()) else { continue };
        judge_chain(community, membership.chain(), now).map_err(|problem| {
            wrong(&format!("communities[{index}].chain"), format_args!("it does not lead to the anchors given: {problem}"))
                .advise("Give the anchors of this community, and a chain file with every certificate between the app's and them, the app's first.")
        })?;
    }
    Ok(())
}

fn judge_chain(community: &TrustCommunity, chain: &CertificateChain, now: UnixTime) -> Result<(), String> {
    let without_lists = TrustCommunity::new(
        community.id().clone(),
        community.anchors().to_vec(),
        community.intermediates().to_vec(),
        community.profile().clone(),
        RevocationPolicy::SoftFail,
    )
    .map_err(|error| error.to_string())?;
    let leaf = chain.leaf();
    let at = now.max(leaf.not_before()).min(leaf.not_after());
    let mut search = PathSearch::new(&without_lists, chain, at, Budget::default());
    loop {
        match search.advance(&Evidence::new()) {
            Step::Accepted(_) => return Ok(()),
            Step::Refused(refusal) => return Err(format!("{} ({})", refusal, refusal.kind().code())),
            // What it asks for and does not get counts as not to be had.
            Step::Need(_) => {}
        }
    }
}

/// Whether it holds is for the servers to say; here it has to be a JWT that can be sent.
fn certification(file: &Path) -> Result<String, Failure> {
    let problem = |error: String| wrong("certifications", format_args!("{}: {error}", file.display()));
    let jwt = text(file).map_err(problem)?.trim().to_owned();
    CompactJws::read(&jwt).map_err(|error| problem(error.to_string()))?;
    Ok(jwt)
}

fn tls_roots(file: &Path) -> Result<TlsRootFile, Failure> {
    let pem = read_bounded(file).map_err(|error| wrong("tls_roots", format_args!("{}: {error}", file.display())))?;
    let roots = TlsRootFile(pem);
    TlsRoots::platform_and_pem(&roots.0).map_err(|error| wrong("tls_roots", error))?;
    Ok(roots)
}

/// The files of one community.
struct Files<'a> {
    folder: &'a ProfileFolder,
    key: String,
}

impl Files<'_> {
    fn membership(&self, id: CommunityId, raw: &CommunitySettings) -> Result<Membership, Failure> {
        let certificates = self.certificates("chain", &raw.chain)?;
        let ders: Vec<_> = certificates.iter().map(|certificate| certificate.der().to_vec()).collect();
        let chain = CertificateChain::from_ders(&ders).map_err(|error| self.wrong("chain", error))?;
        let key = Arc::new(self.private_key(&raw.key)?);
        Membership::new(id, chain, key).map_err(|error| self.wrong("key", error))
    }

    fn community(&self, id: CommunityId, raw: &CommunitySettings) -> Result<(TrustCommunity, Edition), Failure> {
        let edition = Edition::parse(&raw.edition)
            .ok_or_else(|| self.wrong("edition", format_args!("{:?} is not 1.0, 1.1 or 2.0", raw.edition)))?;
        let anchors = self
            .certificates("anchors", &raw.anchors)?
            .into_iter()
            .map(|certificate| Anchor::new(Arc::new(certificate)).map_err(|error| self.wrong("anchors", error)));
        let anchors = anchors.collect::<Result<Vec<_>, _>>()?;
        let intermediates = match &raw.intermediates {
            Some(file) => self.certificates("intermediates", file)?.into_iter().map(Arc::new).collect(),
            None => Vec::new(),
        };
        let revocation = match raw.revocation {
            Revocation::Require => RevocationPolicy::RequireStatus,
            Revocation::Soft => RevocationPolicy::SoftFail,
        };
        let community = TrustCommunity::new(id, anchors, intermediates, CertificateProfile::default(), revocation);
        Ok((community.map_err(|error| self.wrong("anchors", error))?, edition))
    }

    fn certificates(&self, member: &str, file: &Path) -> Result<Vec<Certificate>, Failure> {
        let path = self.folder.file(file);
        let problem = |error: String| self.wrong(member, format_args!("{}: {error}", path.display()));
        let pem = text(&path).map_err(problem)?;
        let certificates = certificates_from_pem(&pem).map_err(|error| problem(error.to_string()))?;
        if certificates.is_empty() {
            Err(problem("there is no certificate in it".to_owned()))
        } else {
            Ok(certificates)
        }
    }

    fn private_key(&self, file: &Path) -> Result<SoftwareKey, Failure> {
        let path = self.folder.file(file);
        let problem = |error: String| self.wrong("key", format_args!("{}: {error}", path.display()));
        let pem = text(&path).map_err(problem)?;
        judge_mode(&path).map_err(|error| problem(error).advise(format!("Run: chmod 600 {}", path.display())))?;
        SoftwareKey::from_pem(&pem).map_err(|error| problem(error.to_string()))
    }

    fn wrong(&self, member: &str, problem: impl std::fmt::Display) -> Failure {
        wrong(&format!("{}.{member}", self.key), problem)
    }
}

fn text(path: &Path) -> Result<String, String> {
    let bytes = read_bounded(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not a text file".to_owned())
}

/// A private key that others can read is not one any more.
///
/// Source: security invariant 48
#[cfg(unix)]
fn judge_mode(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(format!("others can read it (mode {:03o})", mode & 0o777)) }
}

#[cfg(not(unix))]
fn judge_mode(_: &Path) -> Result<(), String> {
    Ok(())
}

fn wrong(key: &str, problem: impl std::fmt::Display) -> Failure {
    Failure::usage("profile-invalid", format!("the profile does not hold: {key}")).because(problem.to_string())
}
