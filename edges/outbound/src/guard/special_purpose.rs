//! Which addresses belong to the public internet: the registries of special-purpose addresses, as code.
//!
//! The answer is a list of what is *not* public rather than the standard library's `is_global`, which is unstable and
//! follows other rules. For IPv6 the rule is turned around: only `2000::/3` is handed out as global unicast, so
//! everything else is special until the registry says otherwise.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates); RFC 4291 §2.4

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses that share their first `length` bits.
///
/// Written `address/length`; bits behind the length must be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressBlock {
    address: IpAddr,
    length: u8,
}

impl AddressBlock {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or a single address without a length.
    ///
    /// Nothing when the text is not an address, when the length is too great for its family, or when bits behind the
    /// length are set: `10.1.2.3/8` is more likely a slip than a wish for all of `10.0.0.0/8`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address.parse().ok()?, Some(parse_length(length)?)),
            None => (text.parse().ok()?, None),
        };
        let block = Self { address, length: length.unwrap_or(width(address)) };
        (block.length <= width(address) && block.has_clear_host_bits()).then_some(block)
    }

    /// Whether `address` lies in this block. An IPv4 block never holds an IPv6 address, mapped ones included.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(block), IpAddr::V4(address)) => {
                in_block(block.to_bits().into(), address.to_bits().into(), 32, self.length)
            }
            (IpAddr::V6(block), IpAddr::V6(address)) => in_block(block.to_bits(), address.to_bits(), 128, self.length),
            _ => false,
        }
    }

    fn has_clear_host_bits(&self) -> bool {
        let bits = match self.address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        bits.trailing_zeros() >= u32::from(width(self.address) - self.length) || bits == 0
    }
}

impl std::fmt::Display for AddressBlock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.address, self.length)
    }
}

fn parse_length(text: &str) -> Option<u8> {
    // `u8::from_str` takes a leading plus sign, which nobody means.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn in_block(block: u128, address: u128, width: u32, length: u8) -> bool {
    let host_bits = width - u32::from(length);
    // A shift by the whole width is no shift at all in Rust but an overflow, hence the checked form.
    block.checked_shr(host_bits).unwrap_or(0) == address.checked_shr(host_bits).unwrap_or(0)
}

/// What an address is for, as far as it matters to somebody who would dial it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Global unicast: what the rest of the internet can reach too.
    Public,
    /// Loopback, private use, shared or unique-local: an operator may have services there.
    Internal,
    /// Everything else: link-local (where clouds keep their metadata services), multicast, documentation, benchmarking,
    /// reserved, and IPv6 that carries IPv4 within it.
    Special,
}

/// Tells the kind of an address by the registries.
#[must_use]
pub fn kind_of(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    if INTERNAL_V4.iter().any(|block| block.holds(address)) {
        AddressKind::Internal
    } else if SPECIAL_V4.iter().any(|block| block.holds(address)) {
        AddressKind::Special
    } else {
        AddressKind::Public
    }
}

fn kind_of_v6(address: Ipv6Addr) -> AddressKind {
    if INTERNAL_V6.iter().any(|block| block.holds(address)) {
        AddressKind::Internal
    } else if !GLOBAL_UNICAST.holds(address)
        || SPECIAL_V6.iter().any(|block| block.holds(address))
        || embedded_v4(address).is_some()
    {
        AddressKind::Special
    } else {
        AddressKind::Public
    }
}

/// The IPv4 address that an IPv6 address would lead to, where the form is one that carries one.
///
/// IPv4-mapped and IPv4-compatible (RFC 4291 §2.5.5), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380 §4,
/// the client's address with its bits inverted) and ISATAP (RFC 5214 §6.1).
#[must_use]
pub fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let last = from_segments(s6, s7);
    match (s0, s1, s2, s3, s4, s5) {
        (0, 0, 0, 0, 0, 0xffff | 0) | (0, 0, 0, 0, 0xffff, 0) => Some(last),
        (0x64, 0xff9b, 0, 0, 0, 0) | (0x64, 0xff9b, 1, ..) => Some(last),
        (0x2002, high, low, ..) => Some(from_segments(high, low)),
        (0x2001, 0, ..) => Some(from_segments(!s6, !s7)),
        (.., 0 | 0x200, 0x5efe) => Some(last),
        _ => None,
    }
}

fn from_segments(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

struct V4(Ipv4Addr, u8);
struct V6(Ipv6Addr, u8);

impl V4 {
    fn holds(&self, address: Ipv4Addr) -> bool {
        in_block(self.0.to_bits().into(), address.to_bits().into(), 32, self.1)
    }
}

impl V6 {
    fn holds(&self, address: Ipv6Addr) -> bool {
        in_block(self.0.to_bits(), address.to_bits(), 128, self.1)
    }
}

const fn v4(a: u8, b: u8, c: u8, length: u8) -> V4 {
    V4(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(first: u16, second: u16, third: u16, length: u8) -> V6 {
    V6(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length)
}

/// Where an operator's own services can be.
const INTERNAL_V4: [V4; 5] = [
    v4(10, 0, 0, 8),     // private use, RFC 1918
    v4(100, 64, 0, 10),  // shared address space, RFC 6598
    v4(127, 0, 0, 8),    // loopback, RFC 1122
    v4(172, 16, 0, 12),  // private use
    v4(192, 168, 0, 16), // private use
];

/// The rest of the IPv4 registry, and multicast.
const SPECIAL_V4: [V4; 14] = [
    v4(0, 0, 0, 8),        // "this network", RFC 791
    v4(169, 254, 0, 16),   // link-local, RFC 3927
    v4(192, 0, 0, 24),     // IETF protocol assignments, RFC 6890
    v4(192, 0, 2, 24),     // documentation, RFC 5737
    v4(192, 31, 196, 24),  // AS112, RFC 7535
    v4(192, 52, 193, 24),  // AMT, RFC 7450
    v4(192, 88, 99, 24),   // 6to4 relay anycast, RFC 7526
    v4(192, 175, 48, 24),  // AS112, RFC 7534
    v4(198, 18, 0, 15),    // benchmarking, RFC 2544
    v4(198, 51, 100, 24),  // documentation
    v4(203, 0, 113, 24),   // documentation
    v4(224, 0, 0, 4),      // multicast, RFC 5771
    v4(240, 0, 0, 4),      // reserved, RFC 1112; the limited broadcast address is in it
    v4(255, 255, 255, 24), // the registry names 255.255.255.255/32; the block around it is reserved anyway
];

/// `::1` is told apart from the IPv4-compatible block `::/96` that it lies in.
const INTERNAL_V6: [V6; 2] = [
    V6(Ipv6Addr::LOCALHOST, 128),
    v6(0xfc00, 0, 0, 7), // unique local, RFC 4193
];

const GLOBAL_UNICAST: V6 = v6(0x2000, 0, 0, 3);

/// What the IPv6 registry takes out of global unicast; embedded IPv4 is told by [`embedded_v4`].
const SPECIAL_V6: [V6; 5] = [
    v6(0x2001, 0, 0, 23), // IETF protocol assignments, RFC 2928: Teredo, ORCHID, benchmarking and more
    v6(0x2001, 0xdb8, 0, 32), // documentation, RFC 3849
    v6(0x2002, 0, 0, 16), // 6to4
    v6(0x2620, 0x4f, 0x8000, 48), // AS112, RFC 7534
    v6(0x3fff, 0, 0, 20), // documentation, RFC 9637
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> AddressKind {
        kind_of(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "2a00:1450:4001::1",
            "3ffe::1",
        ] {
            assert_eq!(kind(text), AddressKind::Public, "{text}");
        }
    }

    #[test]
    fn the_operators_own_ranges_are_internal() {
        for text in [
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "::1",
            "fc00::1",
            "fdff::1",
        ] {
            assert_eq!(kind(text), AddressKind::Internal, "{text}");
        }
    }

    #[test]
    fn every_other_special_purpose_range_is_special() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "192.0.0.8",
            "192.0.2.1",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.175.48.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "100::1",
            "2001:1::1",
            "2001:20::1",
            "2001:2::1",
            "2001:db8::1",
            "2620:4f:8000::1",
            "3fff::1",
            "5f00::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert_eq!(kind(text), AddressKind::Special, "{text}");
        }
    }

    #[test]
    fn ipv4_within_ipv6_is_special_and_is_found() {
        for (text, inner) in [
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("::ffff:8.8.8.8", "8.8.8.8"),
            ("::ffff:0:10.0.0.1", "10.0.0.1"),
            ("::10.0.0.1", "10.0.0.1"),
            ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
            ("64:ff9b:1::7f00:1", "127.0.0.1"),
            ("2002:7f00:1::", "127.0.0.1"),
            ("2002:a00:1::1", "10.0.0.1"),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", "127.0.0.1"),
            ("2606:4700::5efe:10.0.0.1", "10.0.0.1"),
            ("2606:4700::200:5efe:10.0.0.1", "10.0.0.1"),
        ] {
            let address: Ipv6Addr = text.parse().unwrap();
            assert_eq!(embedded_v4(address), Some(inner.parse().unwrap()), "{text}");
            assert_eq!(kind(text), AddressKind::Special, "{text}");
        }
    }

    #[test]
    fn blocks_are_read_strictly_and_hold_what_they_say() {
        let block = AddressBlock::parse("10.0.0.0/8").unwrap();
        assert!(block.contains("10.255.0.1".parse().unwrap()));
        assert!(!block.contains("11.0.0.0".parse().unwrap()));
        assert!(!block.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(AddressBlock::parse("0.0.0.0/0").unwrap().contains("1.2.3.4".parse().unwrap()));
        assert!(AddressBlock::parse("::/0").unwrap().contains("2001::1".parse().unwrap()));
        assert!(AddressBlock::parse("fd00::/8").unwrap().contains("fd12::1".parse().unwrap()));
        for text in
            ["10.1.0.0/8", "10.0.0.0/33", "::1/129", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/+8", "10.0.0.0/", "/8", ""]
        {
            assert_eq!(AddressBlock::parse(text), None, "{text}");
        }
    }
}
