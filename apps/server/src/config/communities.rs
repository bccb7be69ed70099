//! Trust communities: anchors, policy, revocation and what may be fetched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tessera_authorization_server::policy::{
    Admitted, AdmittedPrefixes, B2bRules, CommunityPolicy, ScopeGrants, SubjectName,
};
use tessera_jose::algorithm::{Algorithm, AlgorithmSet};
use tessera_outbound::guard::AllowList;
use tessera_trust::{
    Anchor, Certificate, CertificateProfile, CommunityId, Crl, RevocationPolicy, TrustCommunity, UnixTime,
};
use tessera_udap::edition::Edition;
use tessera_udap::ids::ClientUri;
use tessera_udap::scope::ScopeSet;

use super::files::Folder;
use super::raw::{RawB2b, RawCommunity, RawRevocation};
use super::report::Report;

/// A community ready to be used.
#[derive(Debug)]
pub struct CheckedCommunity {
    /// Whom to believe.
    pub trust: Arc<TrustCommunity>,
    /// What members may do.
    pub policy: CommunityPolicy,
    /// What may be fetched beyond public addresses.
    pub allow: AllowList,
    /// Between two fetches of a CRL.
    pub poll: Duration,
    /// CRLs read from files, by the URL that certificates name.
    pub preloaded: Vec<(String, Arc<Crl>)>,
}

/// Certificates that end sooner than this are worth a warning.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) fn check(
    raw: &[RawCommunity],
    folder: &Folder,
    now: UnixTime,
    report: &mut Report,
) -> Vec<CheckedCommunity> {
    if raw.is_empty() {
        report.error("communities", "there is none; nobody could be trusted");
    }
    let mut seen = Vec::new();
    let mut checked = Vec::new();
    for (index, community) in raw.iter().enumerate() {
        let key = format!("communities[{index}]");
        if seen.contains(&&community.uri) {
            report.error(format!("{key}.uri"), format_args!("{} is there twice", community.uri));
        }
        seen.push(&community.uri);
        checked.extend(check_one(community, &key, folder, now, report));
    }
    checked
}

fn check_one(
    raw: &RawCommunity,
    key: &str,
    folder: &Folder,
    now: UnixTime,
    report: &mut Report,
) -> Option<CheckedCommunity> {
    let id = report.take(&format!("{key}.uri"), CommunityId::parse(&raw.uri));
    let anchors = read_anchors(&raw.anchors, &format!("{key}.anchors"), folder, now, report);
    let intermediates = read_certificates(&raw.intermediates, &format!("{key}.intermediates"), folder, now, report);
    let revocation = revocation_policy(&raw.revocation, &format!("{key}.revocation"), report);
    let policy = check_policy(raw, key, report);
    let allow = AllowList::parse(raw.fetch.allow.iter().map(String::as_str));
    let allow = report.take(&format!("{key}.fetch.allow"), allow);
    let preloaded = read_crls(&raw.revocation, &format!("{key}.revocation.preloaded"), folder, now, report);
    let poll = Duration::from_secs(raw.revocation.poll_s);
    if !(1..=7 * 24 * 3600).contains(&raw.revocation.poll_s) {
        report.error(format!("{key}.revocation.poll_s"), "must be between 1 second and 7 days");
    }
    let trust = TrustCommunity::new(id?, anchors, intermediates, CertificateProfile::default(), revocation?);
    Some(CheckedCommunity {
        trust: Arc::new(report.take(&format!("{key}.anchors"), trust)?),
        policy: policy?,
        allow: allow?,
        poll,
        preloaded,
    })
}

fn read_certificates(
    files: &[PathBuf],
    key: &str,
    folder: &Folder,
    now: UnixTime,
    report: &mut Report,
) -> Vec<Arc<Certificate>> {
    let mut all = Vec::new();
    for file in files {
        for certificate in folder.certificates(file, key, report).into_iter().flatten() {
            judge_validity(key, &certificate, now, report);
            all.push(Arc::new(certificate));
        }
    }
    all
}

fn read_anchors(files: &[PathBuf], key: &str, folder: &Folder, now: UnixTime, report: &mut Report) -> Vec<Anchor> {
    read_certificates(files, key, folder, now, report)
        .into_iter()
        .filter_map(|certificate| report.take(key, Anchor::new(certificate)))
        .collect()
}

/// Expired is an error, soon to expire a warning.
pub(crate) fn judge_validity(key: &str, certificate: &Certificate, now: UnixTime, report: &mut Report) {
    let subject = certificate.subject();
    if now > certificate.not_after() {
        report.error(key, format_args!("the certificate of {subject} has expired"));
    } else if now < certificate.not_before() {
        report.error(key, format_args!("the certificate of {subject} is not valid yet"));
    } else if now.plus(SOON) > certificate.not_after() {
        let days = certificate.not_after().since(now).as_secs() / (24 * 3600);
        report.warning(key, format_args!("the certificate of {subject} expires in {days} days"));
    }
}

fn revocation_policy(raw: &RawRevocation, key: &str, report: &mut Report) -> Option<RevocationPolicy> {
    match raw.policy.as_str() {
        "require" => Some(RevocationPolicy::RequireStatus),
        "soft" => {
            report.warning(format!("{key}.policy"), "certificates of unknown status are accepted (and audited)");
            Some(RevocationPolicy::SoftFail)
        }
        other => {
            report.error(format!("{key}.policy"), format_args!("{other:?} is neither \"require\" nor \"soft\""));
            None
        }
    }
}

fn read_crls(
    raw: &RawRevocation,
    key: &str,
    folder: &Folder,
    now: UnixTime,
    report: &mut Report,
) -> Vec<(String, Arc<Crl>)> {
    let mut crls = Vec::new();
    for (url, file) in &raw.preloaded {
        let key = format!("{key}.{url}");
        let Some(bytes) = folder.bytes(file, &key, report) else {
            continue;
        };
        let Some(crl) = report.take(&key, Crl::from_der(&bytes)) else {
            continue;
        };
        if crl.next_update() < now {
            report.warning(&key, "this CRL is out of date; it will have to be fetched");
        }
        crls.push((url.clone(), Arc::new(crl)));
    }
    crls
}

fn check_policy(raw: &RawCommunity, key: &str, report: &mut Report) -> Option<CommunityPolicy> {
    let edition = Edition::parse(&raw.edition);
    if edition.is_none() {
        report.error(format!("{key}.edition"), format_args!("{:?} is not \"1.0\", \"1.1\" or \"2.0\"", raw.edition));
    }
    let algorithms = check_algorithms(&raw.algorithms, &format!("{key}.algorithms"), report);
    let scopes = check_scopes(&raw.scopes, &format!("{key}.scopes"), report);
    let default = match &raw.granted_scopes {
        None => None,
        Some(scopes) => Some(check_scopes(scopes, &format!("{key}.granted_scopes"), report)?),
    };
    let mut grants = ScopeGrants { default, ..ScopeGrants::default() };
    for (client, scopes) in &raw.granted_scopes_by_client {
        let key = format!("{key}.granted_scopes_by_client");
        let client = report.take(&key, ClientUri::parse(client));
        let scopes = check_scopes(scopes, &key, report);
        if let (Some(client), Some(scopes)) = (client, scopes) {
            grants.by_client.insert(client, scopes);
        }
    }
    Some(CommunityPolicy {
        edition: edition?,
        scopes_supported: scopes?,
        scope_grants: grants,
        algorithms: algorithms?,
        b2b: b2b_rules(&raw.b2b),
        access_token_lifetime: Duration::from_secs(raw.access_token_lifetime_s),
    })
}

pub(crate) fn check_scopes(raw: &[String], key: &str, report: &mut Report) -> Option<ScopeSet> {
    if raw.iter().any(|scope| scope.contains(' ')) {
        report.error(key, "one scope in each string");
        return None;
    }
    report.take(key, ScopeSet::parse(&raw.join(" ")))
}

fn check_algorithms(raw: &[String], key: &str, report: &mut Report) -> Option<AlgorithmSet> {
    let mut algorithms = Vec::new();
    for name in raw {
        match Algorithm::from_name(name) {
            Some(algorithm) => algorithms.push(algorithm),
            None => report.error(key, format_args!("{name:?} is not RS256, RS384, ES256 or ES384")),
        }
    }
    if !algorithms.contains(&Algorithm::Rs256) {
        report.error(key, "RS256 is missing; every server accepts it (STU2 §7.1.2)");
        return None;
    }
    Some(algorithms.into_iter().collect())
}

fn b2b_rules(raw: &RawB2b) -> B2bRules {
    let admitted = |list: &Option<Vec<String>>| match list {
        None => Admitted::Any,
        Some(values) => Admitted::Only(values.iter().cloned().collect()),
    };
    let prefixes = |list: &Option<Vec<String>>| match list {
        None => AdmittedPrefixes::Any,
        Some(values) => AdmittedPrefixes::Only(values.clone()),
    };
    B2bRules {
        purposes_of_use: admitted(&raw.purposes_of_use),
        organization_id_prefixes: prefixes(&raw.organization_id_prefixes),
        subject_roles: admitted(&raw.subject_roles),
        subject_id_prefixes: prefixes(&raw.subject_id_prefixes),
        subject_id_is_npi: raw.subject_id_is_npi,
        subject_name: if raw.subject_name_required { SubjectName::BesideIdOrRole } else { SubjectName::Optional },
        consent_policies: admitted(&raw.consent_policies),
    }
}
