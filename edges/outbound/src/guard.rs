//! Judges where an outgoing request would go, before anything is dialled.
//!
//! Addresses learnt from peers (in certificates, metadata, requests) are the classic way to make a server talk to places
//! that only it can reach. So a URL is parsed only to be judged and refused where a lenient reader would repair it, a
//! literal address is judged as an address, a name is resolved by us and every address it resolves to is judged, and
//! what is dialled is the very address that was judged: [`JudgedAddress`] is made here only. The alternative, a
//! filtering DNS resolver inside an HTTP library, is not asked for literal addresses and cannot see ports.
//!
//! Source: security invariants 11, 18 to 19

mod allow_list;
mod special_purpose;

#[cfg(test)]
mod tests;

pub use allow_list::{AllowList, AllowListError};
pub use special_purpose::{AddressBlock, AddressKind, embedded_v4, kind_of};

use fluent_uri::Uri;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The longest URL that is looked at, in bytes.
pub const URL_LIMIT: usize = 2_048;

/// Ports at which public addresses may be dialled unless an allow-list names others.
pub const USUAL_PORTS: [u16; 2] = [80, 443];

/// The scheme of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Without TLS, which CRLs usually come by: they are signed themselves.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host of a destination: a name that must be resolved, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name of letters, digits and hyphens, in lower case.
    Name(String),
    /// A literal address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(out),
            Self::Address(IpAddr::V6(address)) => write!(out, "[{address}]"),
        }
    }
}

/// A URL taken apart without repair: scheme, host, port, and what goes on the request line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    scheme: Scheme,
    host: Host,
    port: u16,
    authority: String,
    path_and_query: String,
}

impl Destination {
    /// Takes an absolute `http` or `https` URL apart.
    ///
    /// # Errors
    /// [`GuardRefusal`] when the URL is too long, is not an RFC 3986 URI as it stands, has another scheme, user
    /// information or a fragment, or when its host is neither a plain name nor an address in its usual form. Decimal,
    /// octal, hexadecimal and shortened IPv4 forms are refused rather than understood.
    pub fn parse(url: &str) -> Result<Self, GuardRefusal> {
        if url.len() > URL_LIMIT {
            return Err(GuardRefusal::TooLong);
        }
        let uri = Uri::parse(url).map_err(|_| GuardRefusal::NotAUrl)?;
        let scheme = match uri.scheme().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(GuardRefusal::Scheme),
        };
        if uri.has_fragment() {
            return Err(GuardRefusal::NotAUrl);
        }
        let authority = uri.authority().ok_or(GuardRefusal::NotAUrl)?;
        if authority.has_userinfo() {
            return Err(GuardRefusal::UserInformation);
        }
        let port = match authority.port().map(|port| port.as_str()) {
            None => scheme.default_port(),
            // An empty port (`http://host:/`) is grammar, but nobody publishes it.
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(GuardRefusal::NotAUrl)?,
        };
        let path = match uri.path().as_str() {
            "" => "/",
            path => path,
        };
        let path_and_query = match uri.query() {
            Some(query) => format!("{path}?{}", query.as_str()),
            None => path.to_owned(),
        };
        Ok(Self {
            scheme,
            host: parse_host(authority.host())?,
            port,
            authority: authority.as_str().to_owned(),
            path_and_query,
        })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's own when the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as written in the URL, for the `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query as written, at least `/`: the request target.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Whether both lead to the same scheme, host and port.
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }
}

fn parse_host(text: &str) -> Result<Host, GuardRefusal> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse().map(|address| Host::Address(IpAddr::V6(address))).map_err(|_| GuardRefusal::Host);
    }
    // The standard library reads four decimal numbers without leading zeros and nothing else.
    if let Ok(address) = text.parse() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    let name = text.to_ascii_lowercase();
    is_host_name(&name).then_some(Host::Name(name)).ok_or(GuardRefusal::Host)
}

/// Letters, digits and hyphens in labels of 1 to 63, 253 bytes in all, and nothing that a resolver could take for a number.
///
/// Resolvers of the C library read `2130706433`, `0x7f.1` and `0177.0.0.1` as addresses; a name whose last label is a
/// number in any of these forms exists nowhere in the DNS.
fn is_host_name(name: &str) -> bool {
    let plain_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let looks_like_number = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_digit())
            || label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    name.len() <= 253 && name.split('.').all(plain_label) && !name.rsplit('.').next().is_none_or(looks_like_number)
}

/// An address that the guard has judged and that may be dialled.
///
/// Only [`Guard::judge_address`] and the operator's own destinations make one, so what is dialled is what was judged.
///
/// ```compile_fail,E0423
/// let forged = tessera_outbound::guard::JudgedAddress("127.0.0.1:80".parse().unwrap());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedAddress(SocketAddr);

impl JudgedAddress {
    /// The address and port to dial.
    #[must_use]
    pub fn socket_address(self) -> SocketAddr {
        self.0
    }

    /// An address of a host that the operator has written down as the place to go; it is not judged.
    pub(crate) fn chosen_by_operator(address: SocketAddr) -> Self {
        Self(address)
    }
}

/// The judge: usual ports and public addresses, and what the allow-list opens beyond them.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allow: AllowList,
}

impl Guard {
    /// A guard with the operator's exceptions.
    #[must_use]
    pub fn new(allow: AllowList) -> Self {
        Self { allow }
    }

    /// Judges scheme, host and port of a URL; a literal address is judged as an address, names are judged once resolved.
    ///
    /// # Errors
    /// [`GuardRefusal`] says which part does not pass.
    pub fn judge(&self, url: &str) -> Result<Destination, GuardRefusal> {
        let destination = Destination::parse(url)?;
        self.judge_port(&destination)?;
        if let Host::Address(address) = destination.host {
            self.judge_address(&destination, address)?;
        }
        Ok(destination)
    }

    /// Judges one address that the destination's host resolved to.
    ///
    /// # Errors
    /// [`GuardRefusal::Address`] when it is special and not on the allow-list. An IPv6 address that carries an IPv4
    /// address is refused, and an allow-list entry for it does not help when the IPv4 address within is not itself
    /// public or allowed.
    pub fn judge_address(&self, destination: &Destination, address: IpAddr) -> Result<JudgedAddress, GuardRefusal> {
        if self.allows(destination, address) && self.allows_embedded(destination, address) {
            Ok(JudgedAddress(SocketAddr::new(address, destination.port)))
        } else {
            Err(GuardRefusal::Address)
        }
    }

    /// The allow-list as text: two guards with equal text judge alike.
    pub(crate) fn fingerprint(&self) -> String {
        self.allow.to_string()
    }

    fn judge_port(&self, destination: &Destination) -> Result<(), GuardRefusal> {
        let (name, literal) = match &destination.host {
            Host::Name(name) => (name.as_str(), None),
            Host::Address(address) => ("", Some(*address)),
        };
        if USUAL_PORTS.contains(&destination.port) || self.allow.mentions(name, literal, destination.port) {
            Ok(())
        } else {
            Err(GuardRefusal::Port)
        }
    }

    fn allows(&self, destination: &Destination, address: IpAddr) -> bool {
        let kind = kind_of(address);
        let name = match &destination.host {
            Host::Name(name) => Some(name.as_str()),
            Host::Address(_) => None,
        };
        // A public address at an unusual port needs an entry too: the port was let through for somebody else's sake.
        (kind == AddressKind::Public && USUAL_PORTS.contains(&destination.port))
            || self.allow.permits(name, address, kind, destination.port)
    }

    fn allows_embedded(&self, destination: &Destination, address: IpAddr) -> bool {
        match address {
            IpAddr::V6(v6) if kind_of(address) == AddressKind::Special => {
                embedded_v4(v6).is_none_or(|inner| self.allows(destination, IpAddr::V4(inner)))
            }
            _ => true,
        }
    }
}

/// Why a destination was not dialled. Fit for logs; never shown to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardRefusal {
    /// Longer than [`URL_LIMIT`].
    #[error("the URL is longer than {URL_LIMIT} bytes")]
    TooLong,
    /// Not an absolute RFC 3986 URL without fragment, as it stands.
    #[error("not an absolute http or https URL as it stands")]
    NotAUrl,
    /// Neither `http` nor `https`.
    #[error("the scheme is neither http nor https")]
    Scheme,
    /// `user:password@` before the host.
    #[error("the URL carries user information")]
    UserInformation,
    /// A host that is neither a plain name nor an address in its usual form.
    #[error("the host is neither a plain name nor an address in its usual form")]
    Host,
    /// A port that is neither usual nor on the allow-list.
    #[error("the port is not allowed for outgoing requests")]
    Port,
    /// An address of a special-purpose range that is not on the allow-list.
    #[error("the address is not public and not on the allow-list")]
    Address,
    /// `https` is demanded here.
    #[error("the URL must be https")]
    NotHttps,
}
