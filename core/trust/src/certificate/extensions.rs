//! The extensions of a certificate that this project understands.

use const_oid::{ObjectIdentifier, db::rfc5280, db::rfc5912};

use super::{CertificateError, in_field};
use crate::asn1::{
    self, BIT_STRING, BOOLEAN, Element, INTEGER, NotDer, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context,
    context_constructed,
};

/// The most extensions that a certificate or revocation list may have.
///
/// Provenance: real certificates have about ten; the bound keeps the search for doubles short.
const EXTENSIONS_LIMIT: usize = 64;

/// `BasicConstraints`
///
/// Source: RFC 5280 §4.2.1.9
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    pub(crate) path_len: Option<u32>,
}

/// `KeyUsage`, bit *n* being the bit *n* of the extension.
///
/// Source: RFC 5280 §4.2.1.3
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUsage(u16);

impl KeyUsage {
    pub(crate) fn digital_signature(self) -> bool {
        self.0 & 1 != 0
    }

    pub(crate) fn key_cert_sign(self) -> bool {
        self.0 & 1 << 5 != 0
    }

    pub(crate) fn crl_sign(self) -> bool {
        self.0 & 1 << 6 != 0
    }
}

/// What the extensions of one certificate say. An absent extension is `None` or empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<Vec<ObjectIdentifier>>,
    pub(crate) uri_names: Vec<String>,
    pub(crate) crl_urls: Vec<String>,
    pub(crate) ocsp_urls: Vec<String>,
    pub(crate) ca_issuer_urls: Vec<String>,
    pub(crate) subject_key_id: Option<Box<[u8]>>,
    pub(crate) authority_key_id: Option<Box<[u8]>>,
    pub(crate) has_name_constraints: bool,
    /// Critical extensions that are not understood; a path through them is refused (RFC 5280 §4.2).
    pub(crate) unknown_critical: Vec<ObjectIdentifier>,
}

/// One `Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue OCTET STRING }`.
pub(crate) struct Extension<'a> {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

/// The extensions inside an explicit tag, each at most once.
pub(crate) fn read_list<'a>(explicit: &Element<'a>) -> Result<Vec<Extension<'a>>, NotDer> {
    let list = asn1::only(explicit.value, SEQUENCE)?;
    read_sequence(&list)
}

/// `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`, each at most once.
pub(crate) fn read_sequence<'a>(list: &Element<'a>) -> Result<Vec<Extension<'a>>, NotDer> {
    let mut entries = list.children()?;
    let mut extensions: Vec<Extension<'a>> = Vec::new();
    if entries.is_empty() {
        return Err(NotDer("the list is empty"));
    }
    while !entries.is_empty() {
        let mut fields = entries.expect(SEQUENCE)?.children()?;
        let oid = asn1::oid(&fields.expect(OBJECT_IDENTIFIER)?)?;
        let critical = asn1::boolean_default_false(fields.optional(BOOLEAN)?)?;
        let value = fields.expect(OCTET_STRING)?.value;
        fields.finish()?;
        if extensions.iter().any(|earlier| earlier.oid == oid) {
            return Err(NotDer("an extension occurs twice"));
        }
        if extensions.len() == EXTENSIONS_LIMIT {
            return Err(NotDer("there are too many"));
        }
        extensions.push(Extension { oid, critical, value });
    }
    Ok(extensions)
}

impl Extensions {
    /// Reads what stands under a certificate's `[3]`.
    pub(super) fn read(explicit: &Element<'_>) -> Result<Self, CertificateError> {
        let mut extensions = Self::default();
        for extension in read_list(explicit).map_err(in_field("extensions"))? {
            extensions.take(&extension)?;
        }
        Ok(extensions)
    }

    /// The memory behind the lists, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        let texts = [&self.uri_names, &self.crl_urls, &self.ocsp_urls, &self.ca_issuer_urls];
        let texts = texts.into_iter().flatten().map(|text| size_of::<String>() + text.capacity());
        let oids = self.extended_key_usage.iter().flatten().count() + self.unknown_critical.len();
        let identifiers = [&self.subject_key_id, &self.authority_key_id].into_iter().flatten().map(|id| id.len());
        texts.chain(identifiers).sum::<usize>() + oids * size_of::<ObjectIdentifier>()
    }

    fn take(&mut self, extension: &Extension<'_>) -> Result<(), CertificateError> {
        let value = extension.value;
        match extension.oid {
            rfc5280::ID_CE_BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(basic_constraints(value).map_err(in_field("basicConstraints"))?);
            }
            rfc5280::ID_CE_KEY_USAGE => {
                self.key_usage = Some(key_usage(value).map_err(in_field("keyUsage"))?);
            }
            rfc5280::ID_CE_EXT_KEY_USAGE => {
                self.extended_key_usage = Some(extended_key_usage(value).map_err(in_field("extKeyUsage"))?);
            }
            rfc5280::ID_CE_SUBJECT_ALT_NAME => {
                self.uri_names = subject_uri_names(value).map_err(in_field("subjectAltName"))?;
            }
            rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS => {
                self.crl_urls = crl_urls(value).map_err(in_field("cRLDistributionPoints"))?;
            }
            rfc5280::ID_PE_AUTHORITY_INFO_ACCESS => {
                self.take_authority_access(value).map_err(in_field("authorityInfoAccess"))?;
            }
            rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER => {
                let identifier = asn1::only(value, OCTET_STRING).map_err(in_field("subjectKeyIdentifier"))?;
                self.subject_key_id = Some(identifier.value.into());
            }
            rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_id = authority_key_id(value).map_err(in_field("authorityKeyIdentifier"))?;
            }
            rfc5280::ID_CE_NAME_CONSTRAINTS => self.has_name_constraints = true,
            other if extension.critical => self.unknown_critical.push(other),
            _ => {}
        }
        Ok(())
    }

    /// `AuthorityInfoAccessSyntax ::= SEQUENCE OF SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }`
    fn take_authority_access(&mut self, value: &[u8]) -> Result<(), NotDer> {
        let mut descriptions = asn1::only(value, SEQUENCE)?.children()?;
        while !descriptions.is_empty() {
            let mut fields = descriptions.expect(SEQUENCE)?.children()?;
            let method = asn1::oid(&fields.next()?)?;
            let location = fields.next()?;
            fields.finish()?;
            let urls = match method {
                rfc5912::ID_AD_OCSP => &mut self.ocsp_urls,
                rfc5912::ID_AD_CA_ISSUERS => &mut self.ca_issuer_urls,
                _ => continue,
            };
            if let Some(url) = general_name_uri(&location)?.filter(|uri| is_http(uri)) {
                urls.push(url.to_owned());
            }
        }
        Ok(())
    }
}

/// `SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }`
fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, NotDer> {
    let mut fields = asn1::only(value, SEQUENCE)?.children()?;
    let ca = asn1::boolean_default_false(fields.optional(BOOLEAN)?)?;
    let path_len = fields.optional(INTEGER)?.map(|number| asn1::small_unsigned(&number)).transpose()?;
    fields.finish()?;
    Ok(BasicConstraints { ca, path_len })
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, NotDer> {
    match asn1::named_bits(asn1::only(value, BIT_STRING)?.value)? {
        0 => Err(NotDer("no usage is allowed")),
        bits => Ok(KeyUsage(bits)),
    }
}

/// `SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER`
fn extended_key_usage(value: &[u8]) -> Result<Vec<ObjectIdentifier>, NotDer> {
    let mut purposes = asn1::only(value, SEQUENCE)?.children()?;
    let mut oids = Vec::new();
    while !purposes.is_empty() {
        oids.push(asn1::oid(&purposes.next()?)?);
    }
    if oids.is_empty() { Err(NotDer("the list is empty")) } else { Ok(oids) }
}

/// `GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName`
fn subject_uri_names(value: &[u8]) -> Result<Vec<String>, NotDer> {
    uris(&asn1::only(value, SEQUENCE)?)
}

/// Every uniformResourceIdentifier among the general names that `names` contains.
fn uris(names: &Element<'_>) -> Result<Vec<String>, NotDer> {
    let mut names = names.children()?;
    let mut uris = Vec::new();
    if names.is_empty() {
        return Err(NotDer("the list is empty"));
    }
    while !names.is_empty() {
        if let Some(uri) = general_name_uri(&names.next()?)? {
            uris.push(uri.to_owned());
        }
    }
    Ok(uris)
}

/// The URI of a `GeneralName`, or `None` for the other eight kinds.
fn general_name_uri<'a>(name: &Element<'a>) -> Result<Option<&'a str>, NotDer> {
    const URI: u8 = context(6);
    match name.tag {
        URI => asn1::ia5(name).map(Some),
        // otherName, x400Address, directoryName, ediPartyName are constructed; rfc822Name, dNSName, iPAddress,
        // registeredID are primitive.
        0xa0 | 0xa3 | 0xa4 | 0xa5 | 0x81 | 0x82 | 0x87 | 0x88 => Ok(None),
        _ => Err(NotDer("a general name is of no known kind")),
    }
}

/// `http` and `https` URLs of the points that name neither reasons nor another issuer: such points cover only part of
/// what must be known, or belong to indirect lists, which are not understood yet.
///
/// ```text
/// DistributionPoint ::= SEQUENCE {
///     distributionPoint [0] DistributionPointName OPTIONAL,
///     reasons           [1] ReasonFlags OPTIONAL,
///     cRLIssuer         [2] GeneralNames OPTIONAL }
/// ```
fn crl_urls(value: &[u8]) -> Result<Vec<String>, NotDer> {
    let mut points = asn1::only(value, SEQUENCE)?.children()?;
    let mut urls = Vec::new();
    if points.is_empty() {
        return Err(NotDer("the list is empty"));
    }
    while !points.is_empty() {
        let mut fields = points.expect(SEQUENCE)?.children()?;
        let name = fields.optional(context_constructed(0))?;
        let reasons = fields.optional(context(1))?;
        let other_issuer = fields.optional(context_constructed(2))?;
        fields.finish()?;
        if let (Some(name), None, None) = (name, reasons, other_issuer) {
            urls.extend(https_urls(&name)?);
        }
    }
    Ok(urls)
}

/// The `http` and `https` URLs of `DistributionPointName ::= CHOICE { fullName [0], nameRelativeToCRLIssuer [1] }`,
/// which stands inside the explicit tag `name`.
pub(crate) fn https_urls(name: &Element<'_>) -> Result<Vec<String>, NotDer> {
    let mut choice = name.children()?;
    let chosen = choice.next()?;
    choice.finish()?;
    if chosen.tag != context_constructed(0) {
        return Ok(Vec::new());
    }
    let mut urls = uris(&chosen)?;
    urls.retain(|uri| is_http(uri));
    Ok(urls)
}

/// `AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, issuer [1] OPTIONAL, serial [2] OPTIONAL }`
fn authority_key_id(value: &[u8]) -> Result<Option<Box<[u8]>>, NotDer> {
    let mut fields = asn1::only(value, SEQUENCE)?.children()?;
    let identifier = fields.optional(context(0))?;
    fields.optional(context_constructed(1))?;
    fields.optional(context(2))?;
    fields.finish()?;
    Ok(identifier.map(|identifier| identifier.value.into()))
}

fn is_http(uri: &str) -> bool {
    let has_scheme = |scheme: &str| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    has_scheme("http://") || has_scheme("https://")
}
