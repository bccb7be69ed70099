//! A trust community of the sandbox: a root, an issuing CA below it, and the register of what it has issued.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tessera_pki::{Authority, CaKey as _, Issue, KeyKind, Profile, RevocationList, SoftwareCaKey, Subject, Validity};
use tessera_trust::{
    Anchor, Certificate, CertificateProfile, CommunityId, RevocationPolicy, TrustCommunity, certificates_from_pem,
};
use tessera_udap::ids::ClientUri;

use crate::certificates::{CA_LIFETIME, Credentials, LEAF_LIFETIME, pem, validity};
use crate::folder::Folder;
use crate::ports::Ports;
use crate::publication::{Kind, Publication};
use crate::register::{Issued, Register};
use crate::surroundings::{now, random};

/// How long a revocation list is good for; it is signed anew long before.
const CRL_LIFETIME: Duration = Duration::from_secs(3600);
/// How often lists are signed anew.
pub(crate) const CRL_INTERVAL: Duration = Duration::from_secs(20 * 60);

/// The two communities: name of the folder, and name for people.
pub(crate) const COMMUNITIES: [(&str, &str); 2] = [("elm", "Elm"), ("oak", "Oak")];

/// The URI that names a community.
pub(crate) fn community_uri(name: &str) -> String {
    format!("https://{name}.example/community")
}

/// A trust community with its CAs.
#[derive(Debug)]
pub(crate) struct Community {
    name: &'static str,
    title: &'static str,
    id: CommunityId,
    root: Authority,
    issuing: Authority,
    origin: String,
    folder: Arc<Folder>,
    publication: Arc<Publication>,
    register: Mutex<Register>,
}

/// Whom a member's certificate is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    /// The one URI name.
    pub(crate) uri: &'a str,
    /// The common name of the subject.
    pub(crate) name: &'a str,
    /// SubjectPublicKeyInfo in DER.
    pub(crate) public_key: &'a [u8],
    /// From when until when.
    pub(crate) validity: Validity,
}

impl Community {
    /// Takes the community up from its folder, or founds it there, and publishes its documents.
    ///
    /// # Errors
    /// When files are damaged or cannot be written.
    pub(crate) fn open(
        name: &'static str,
        title: &'static str,
        ports: Ports,
        folder: &Arc<Folder>,
        publication: &Arc<Publication>,
    ) -> Result<Self> {
        let origin = format!("http://127.0.0.1:{}", ports.publication());
        let (root, issuing, register) = match read_authorities(folder, name)? {
            Some((root, issuing)) => {
                let register = folder.read_json(&format!("communities/{name}/register.json"))?;
                (root, issuing, register.unwrap_or_default())
            }
            None => {
                let (root, issuing) = found(folder, name, title, &origin)?;
                (root, issuing, Register::default())
            }
        };
        let community = Self {
            name,
            title,
            id: CommunityId::parse(&community_uri(name))?,
            root,
            issuing,
            origin,
            folder: Arc::clone(folder),
            publication: Arc::clone(publication),
            register: Mutex::new(register),
        };
        community.publish_certificates();
        community.sign_lists()?;
        Ok(community)
    }

    /// Its short name, also that of its folder: `elm`.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Its name for people.
    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    /// Its URI.
    pub(crate) fn id(&self) -> &CommunityId {
        &self.id
    }

    /// Where a document of one of its CAs is: `root.crl`, `issuing.cer`.
    pub(crate) fn url(&self, document: &str) -> String {
        format!("{}/{}/{document}", self.origin, self.name)
    }

    /// The file of its anchor, below the sandbox's folder.
    pub(crate) fn anchor_file(&self) -> String {
        format!("communities/{}/root.pem", self.name)
    }

    /// The community as one who trusts it is configured.
    ///
    /// # Errors
    /// When its anchor cannot be one.
    pub(crate) fn trust(&self) -> Result<TrustCommunity> {
        let anchor = Anchor::new(Arc::new(Certificate::from_der(self.root.certificate())?))?;
        let community = TrustCommunity::new(
            self.id.clone(),
            vec![anchor],
            Vec::new(),
            CertificateProfile::default(),
            RevocationPolicy::RequireStatus,
        );
        Ok(community?)
    }

    /// Issues a member's certificate, registered before it is given out: the chain as DER, leaf first.
    ///
    /// # Errors
    /// When a name does not fit into a certificate, or the register is full or cannot be written.
    pub(crate) fn issue(&self, member: Member<'_>) -> Result<Vec<Vec<u8>>> {
        // A client URI is what the other side will take it for; anything else is of no use to anybody.
        ClientUri::parse(member.uri).context("the URI")?;
        let profile = Profile::Member { uris: vec![member.uri.to_owned()] };
        let subject = Subject::new(&format!("{} sandbox", self.title), member.name);
        let mut issue = Issue::new(subject, member.public_key, profile, member.validity, random());
        issue.crl_urls = vec![self.url("issuing.crl")];
        issue.ca_issuer_urls = vec![self.url("issuing.cer")];
        let leaf = self.issuing.issue(&issue)?;
        let certificate = Certificate::from_der(&leaf)?;
        let mut register = self.register();
        let mut next = register.clone();
        next.add(member.uri, &certificate)?;
        self.keep(&mut register, next)?;
        Ok(vec![leaf, self.issuing.certificate().to_vec()])
    }

    /// Makes a member with a new key, for a year.
    ///
    /// # Errors
    /// As [`Self::issue`]; when the key cannot be made.
    pub(crate) fn join(&self, uri: &str, name: &str, kind: tessera_jose::key::KeyKind) -> Result<Credentials> {
        Credentials::make(kind, |public_key| {
            self.issue(Member { uri, name, public_key, validity: validity(now(), LEAF_LIFETIME) })
        })
    }

    /// Revokes all certificates of a URI and publishes the list; how many that were.
    ///
    /// # Errors
    /// When nothing is revoked, for there is no such certificate; when the register cannot be written.
    pub(crate) fn revoke(&self, uri: &str) -> Result<usize> {
        let mut register = self.register();
        let mut next = register.clone();
        let revoked = next.revoke(uri, now());
        if revoked == 0 {
            bail!("the {} community has no valid certificate of {uri}", self.title);
        }
        self.keep(&mut register, next)?;
        drop(register);
        self.sign_lists()?;
        Ok(revoked)
    }

    /// Signs both CAs' lists with new numbers and publishes them.
    ///
    /// # Errors
    /// When signing fails or the register cannot be written.
    pub(crate) fn sign_lists(&self) -> Result<()> {
        let mut register = self.register();
        let from = now();
        let until = from.plus(CRL_LIFETIME);
        let mut of_root = RevocationList::default().with_number(register.root_crl);
        let root_crl = self.root.crl(&mut of_root, from, until)?;
        let mut of_issuing = register.revocation_list();
        let issuing_crl = self.issuing.crl(&mut of_issuing, from, until)?;
        let mut next = register.clone();
        next.root_crl = of_root.number();
        next.issuing_crl = of_issuing.number();
        // Kept first: a number that somebody has seen must never be given again.
        self.keep(&mut register, next)?;
        self.publish("root.crl", Kind::RevocationList, root_crl);
        self.publish("issuing.crl", Kind::RevocationList, issuing_crl);
        Ok(())
    }

    /// Whether a certificate was issued here and is not revoked.
    pub(crate) fn holds(&self, certificate: &Certificate) -> bool {
        self.register().holds(certificate)
    }

    /// What was issued, in its order.
    pub(crate) fn issued(&self) -> Vec<Issued> {
        self.register().issued().to_vec()
    }

    fn keep(&self, register: &mut Register, next: Register) -> Result<()> {
        let file = format!("communities/{}/register.json", self.name);
        self.folder.write_json(&file, &next)?;
        *register = next;
        Ok(())
    }

    fn publish_certificates(&self) {
        self.publish("root.cer", Kind::Certificate, self.root.certificate().to_vec());
        self.publish("issuing.cer", Kind::Certificate, self.issuing.certificate().to_vec());
    }

    fn publish(&self, document: &str, kind: Kind, der: Vec<u8>) {
        self.publication.publish(&format!("/{}/{document}", self.name), kind, der);
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        // It is replaced as a whole, so that a panic in between leaves the one before.
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Root and issuing CA from their files; none when the community has not been founded.
fn read_authorities(folder: &Folder, name: &str) -> Result<Option<(Authority, Authority)>> {
    let read = |ca: &str| -> Result<Option<Authority>> {
        let file = |part: &str| format!("communities/{name}/{ca}{part}.pem");
        let (Some(certificate), Some(key)) = (folder.read(&file(""))?, folder.read(&file("-key"))?) else {
            return Ok(None);
        };
        let damaged = || format!("the {ca} CA in {}", folder.path(&file("")).display());
        let certificates = certificates_from_pem(&certificate).with_context(damaged)?;
        let certificate = certificates.first().context("no certificate").with_context(damaged)?;
        ensure!(certificate.not_after() > now(), "the {ca} CA has expired; start with a new folder");
        let key = SoftwareCaKey::from_pkcs8_pem(&key).with_context(damaged)?;
        let authority = Authority::from_parts(certificate.der().to_vec(), Arc::new(key));
        authority.map(Some).with_context(damaged)
    };
    Ok(read("root")?.zip(read("issuing")?))
}

/// Makes root and issuing CA, and their files.
fn found(folder: &Folder, name: &str, title: &str, origin: &str) -> Result<(Authority, Authority)> {
    folder.make(&format!("communities/{name}"))?;
    let organization = format!("{title} sandbox");
    let subject = |what: &str| Subject::new(&organization, &format!("{title} {what}"));
    let validity = validity(now(), CA_LIFETIME);

    let root_key = Arc::new(SoftwareCaKey::generate(KeyKind::P256)?);
    let root = Authority::root(subject("root CA"), validity, random(), root_key.clone())?;

    let issuing_key = Arc::new(SoftwareCaKey::generate(KeyKind::P256)?);
    let mut issue = Issue::new(
        subject("issuing CA"),
        issuing_key.public_key(),
        Profile::Intermediate { path_length: 0 },
        validity,
        random(),
    );
    issue.crl_urls = vec![format!("{origin}/{name}/root.crl")];
    issue.ca_issuer_urls = vec![format!("{origin}/{name}/root.cer")];
    let issuing = root.issue_authority(&issue, issuing_key.clone())?;

    for (ca, authority, key) in [("root", &root, root_key), ("issuing", &issuing, issuing_key)] {
        folder.write(&format!("communities/{name}/{ca}-key.pem"), &key.to_pkcs8_pem()?)?;
        folder.write(&format!("communities/{name}/{ca}.pem"), &pem([authority.certificate()]))?;
    }
    Ok((root, issuing))
}

#[cfg(test)]
mod tests {
    use tessera_jose::key::KeyKind as JwtKeyKind;
    use tessera_trust::{Budget, Crl, Evidence, Need, PathSearch, Step};

    use super::*;

    fn open(folder: &Arc<Folder>, publication: &Arc<Publication>) -> Community {
        let ports = Ports::try_from(9_100).unwrap();
        Community::open("elm", "Elm", ports, folder, publication).unwrap()
    }

    /// Judges a chain with the published lists, as a data holder does.
    fn is_believed(community: &Community, publication: &Publication, member: &Credentials) -> bool {
        let trust = community.trust().unwrap();
        let mut search = PathSearch::new(&trust, &member.chain, now(), Budget::default());
        let mut evidence = Evidence::new();
        loop {
            match search.advance(&evidence) {
                Step::Accepted(_) => return true,
                Step::Refused(_) => return false,
                Step::Need(needs) => {
                    for need in needs {
                        let Need::Crl { url, .. } = need else { continue };
                        let path = url.strip_prefix("http://127.0.0.1:9102").unwrap();
                        let der = publication.read_for_test(path);
                        evidence.supply_crl(url.clone(), Ok(Arc::new(Crl::from_der(&der).unwrap())));
                    }
                }
            }
        }
    }

    #[test]
    fn a_member_is_believed_until_it_is_revoked_also_after_a_restart() {
        let folder = Arc::new(Folder::open(None).unwrap());
        let publication = Arc::new(Publication::default());
        let community = open(&folder, &publication);
        let member = community.join("https://a.example/app", "App", JwtKeyKind::P256).unwrap();
        let other = community.join("https://b.example/app", "App", JwtKeyKind::P256).unwrap();
        assert!(is_believed(&community, &publication, &member));
        let crl = |publication: &Publication| Crl::from_der(&publication.read_for_test("/elm/issuing.crl")).unwrap();
        let before = crl(&publication);
        assert_eq!(community.revoke("https://a.example/app").unwrap(), 1);
        assert!(community.revoke("https://a.example/app").is_err(), "nothing is left to revoke");
        drop(community);

        let publication = Arc::new(Publication::default());
        let again = open(&folder, &publication);
        assert!(!is_believed(&again, &publication, &member) && !again.holds(member.leaf()));
        assert!(is_believed(&again, &publication, &other) && again.holds(other.leaf()));
        assert!(crl(&publication).number() > before.number());
    }

    #[test]
    fn issues_to_client_uris_only() {
        let folder = Arc::new(Folder::open(None).unwrap());
        let community = open(&folder, &Arc::new(Publication::default()));
        for uri in ["", "app", "https://ünicode.example", "https://a.example/ b"] {
            assert!(community.join(uri, "App", JwtKeyKind::P256).is_err(), "{uri}");
        }
        assert!(community.issued().is_empty());
    }
}
