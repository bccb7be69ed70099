//! The private places that an operator has written down as reachable.

use super::special_purpose::{AddressBlock, AddressKind};
use std::net::IpAddr;

/// What may be dialled beyond public addresses on the usual ports: address blocks or host names, each with a port.
///
/// Empty by default. An entry opens exactly what it names: `127.0.0.1/32:8445` that address on that port,
/// `[fd00::/8]:443` that block, `crl.hospital.internal:80` whatever *internal* address that name resolves to (loopback,
/// private use, unique local; never link-local, where clouds keep their metadata services; for these a block must be
/// written). Host names are compared in lower case.
///
/// Source: security invariants 18 to 19
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    place: Place,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Block(AddressBlock),
    Name(String),
}

/// An entry of an allow-list that says nothing clear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not an allow-list entry: expected ADDRESS/LENGTH:PORT, [IPV6/LENGTH]:PORT or HOST:PORT")]
pub struct AllowListError {
    entry: String,
}

impl AllowList {
    /// Reads entries such as `127.0.0.1/32:8445`, `[::1/128]:8445` or `localhost:8445`.
    ///
    /// # Errors
    /// [`AllowListError`] with the first entry that is none of the three forms. Ports are never left out.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, AllowListError> {
        let entries = entries
            .into_iter()
            .map(|entry| Entry::parse(entry).ok_or_else(|| AllowListError { entry: entry.chars().take(200).collect() }))
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the list could permit this port at this host at all, asked before a name is resolved.
    pub(super) fn mentions(&self, host: &str, literal: Option<IpAddr>, port: u16) -> bool {
        self.entries.iter().filter(|entry| entry.port == port).any(|entry| match (&entry.place, literal) {
            (Place::Block(block), Some(address)) => block.contains(address),
            (Place::Block(_), None) => true,
            (Place::Name(name), None) => *name == host,
            (Place::Name(_), Some(_)) => false,
        })
    }

    /// Whether the list permits this address, found under this host name (none for a literal address), on this port.
    pub(super) fn permits(&self, host: Option<&str>, address: IpAddr, kind: AddressKind, port: u16) -> bool {
        self.entries.iter().filter(|entry| entry.port == port).any(|entry| match &entry.place {
            Place::Block(block) => block.contains(address),
            Place::Name(name) => host == Some(name.as_str()) && kind != AddressKind::Special,
        })
    }
}

impl std::fmt::Display for AllowList {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            match &entry.place {
                Place::Block(block) => write!(out, "{separator}[{block}]:{}", entry.port)?,
                Place::Name(name) => write!(out, "{separator}{name}:{}", entry.port)?,
            }
        }
        Ok(())
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        let (place, port) = text.rsplit_once(':')?;
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let port = port.parse().ok().filter(|port| *port != 0)?;
        Some(Self { place: Place::parse(place)?, port })
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return AddressBlock::parse(inner).map(Self::Block);
        }
        // IPv6 without brackets is refused: `::1:80` would be anybody's guess.
        if text.contains(':') {
            return None;
        }
        if let Some(block) = AddressBlock::parse(text) {
            return Some(Self::Block(block));
        }
        let name = text.to_ascii_lowercase();
        super::is_host_name(&name).then_some(Self::Name(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms() {
        let list = AllowList::parse(["127.0.0.1/32:8445", "[fd00::/8]:443", "LocalHost:8445"]).unwrap();
        assert_eq!(list.to_string(), "[127.0.0.1/32]:8445 [fd00::/8]:443 localhost:8445");
    }

    #[test]
    fn refuses_what_is_not_clear() {
        for entry in [
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:0",
            "127.0.0.1:99999",
            "::1:80",
            "10.1.0.0/8:80",
            "127.1:80",
            "0x7f000001:80",
            "a b:80",
            "*:80",
            "*.example:80",
            ":80",
            "host:+80",
            "http://host:80",
            "host:80/path",
            "",
        ] {
            assert!(AllowList::parse([entry]).is_err(), "{entry}");
        }
    }

    #[test]
    fn a_name_opens_internal_addresses_only_and_only_its_own_port() {
        let list = AllowList::parse(["localhost:8445"]).unwrap();
        let loopback = "127.0.0.1".parse().unwrap();
        assert!(list.permits(Some("localhost"), loopback, AddressKind::Internal, 8445));
        assert!(!list.permits(Some("localhost"), loopback, AddressKind::Internal, 8446));
        assert!(!list.permits(Some("other"), loopback, AddressKind::Internal, 8445));
        assert!(!list.permits(None, loopback, AddressKind::Internal, 8445));
        assert!(!list.permits(Some("localhost"), "169.254.169.254".parse().unwrap(), AddressKind::Special, 8445));
    }
}
