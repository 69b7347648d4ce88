//! Hosts as programs that connect understand them, whatever way they are written.
//!
//! The `url` crate parses as browsers do (WHATWG URL): `0x7f.1`, `2130706433`, `0177.0.0.1`, full-width digits and `%31%32%37.0.0.1` are all
//! 127.0.0.1, and international names become their `xn--` form. So a list is compared with what is connected to, not with what is written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use unicode_security::GeneralSecurityProfile as _;
use unicode_security::MixedScript as _;

/// A host: a name in its ASCII form, lower case, without a dot at its end, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name.
    Name(String),
    /// An address, IPv4 in its own form.
    Address(IpAddr),
}

/// A text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host")]
pub struct NoHost;

/// Most bytes of a text that is looked at as a host.
const HOST_BYTES_MAX: usize = 1_024;

impl Host {
    /// The host that this text stands for; an IPv6 address with or without brackets.
    ///
    /// # Errors
    /// It stands for none.
    pub fn parse(text: &str) -> Result<Self, NoHost> {
        if text.is_empty() || text.len() > HOST_BYTES_MAX {
            return Err(NoHost);
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        let host = url::Host::parse(text).map_err(|_| NoHost)?;
        match host {
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                if name.is_empty() { Err(NoHost) } else { Ok(Self::Name(name.to_ascii_lowercase())) }
            }
            url::Host::Ipv4(address) => Ok(Self::Address(IpAddr::V4(address))),
            url::Host::Ipv6(address) => Ok(Self::Address(IpAddr::V6(address).to_canonical())),
        }
    }

    /// Whether it leads to where the public cannot see: this machine, its network, or names that only they have.
    pub fn is_private(&self) -> bool {
        const PRIVATE: &[&str] = &[
            "localhost",
            "local",
            "localdomain",
            "internal",
            "intranet",
            "lan",
            "home.arpa",
            "corp",
            "private",
            "test",
            "invalid",
            "onion",
        ];
        match self {
            Self::Address(address) => !is_public(*address),
            Self::Name(name) => !name.contains('.') || PRIVATE.iter().any(|domain| is_within(name, domain)),
        }
    }

    /// Whether it is this domain, or a host below it.
    pub fn is_within(&self, domain: &Self) -> bool {
        match (self, domain) {
            (Self::Name(name), Self::Name(domain)) => is_within(name, domain),
            (Self::Address(address), Self::Address(other)) => address == other,
            (Self::Name(_), Self::Address(_)) | (Self::Address(_), Self::Name(_)) => false,
        }
    }

    /// Whether a person could take it for this other host, which it is not: characters that look alike (UTS 39).
    pub fn looks_like(&self, other: &Self) -> bool {
        let (Self::Name(mine), Self::Name(other)) = (self, other) else { return false };
        let below = |name: &str, labels: usize| -> String {
            let all: Vec<&str> = name.rsplit('.').take(labels).collect();
            all.into_iter().rev().collect::<Vec<_>>().join(".")
        };
        let registered = below(mine, other.split('.').count());
        registered != *other && skeleton(&registered) == skeleton(other)
    }

    /// Whether a label of it mixes scripts, or has characters that identifiers should not have (UTS 39, sections 5.1 and 3.1).
    pub fn is_suspicious(&self) -> bool {
        let Self::Name(name) = self else { return false };
        if !name.contains("xn--") {
            return false;
        }
        let (shown, decoded) = url_unicode(name);
        !decoded
            || shown.split('.').any(|label| {
                !label.is_single_script() || label.chars().any(|c| !c.identifier_allowed() && c != '-')
            })
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// Characters that look alike made the same.
fn skeleton(name: &str) -> String {
    let shown = url_unicode(name).0;
    // The table of UTS 39 takes `1` and `l`, `0` and `O`, `rn` and `m` for alike, and knows capital forms only: names are lower case.
    let alike: String = unicode_security::skeleton(&shown).collect();
    alike
        .to_lowercase()
        .replace("rn", "m")
        .replace('0', "o")
        .replace(['1', 'i'], "l")
        .replace("vv", "w")
        .replace("cl", "d")
}

/// The name as it is shown, and whether all of it could be decoded.
fn url_unicode(name: &str) -> (String, bool) {
    let (shown, outcome) = idna::domain_to_unicode(name);
    (shown, outcome.is_ok())
}

fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// Whether an address is one of the public internet (IANA special-purpose registries).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        (0 | 10 | 127 | 224..=255, ..)
        | (100, 64..=127, _)
        | (169, 254, _)
        | (172, 16..=31, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (192, 168, _)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        (..) => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, .., seventh, eighth] = address.segments();
    let [high, low] = seventh.to_be_bytes();
    let [last_high, last_low] = eighth.to_be_bytes();
    let embedded = Ipv4Addr::new(high, low, last_high, last_low);
    match (first, second) {
        // NAT64 and 6to4 lead to the IPv4 address inside.
        (0x64, 0xff9b) => is_public_v4(embedded),
        (0x2002, _) => {
            let [_, one, two, ..] = address.segments();
            let ([a, b], [c, d]) = (one.to_be_bytes(), two.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments (Teredo among them) and documentation.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // Global unicast is 2000::/3; nothing else is.
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_itself_in_every_notation() {
        for text in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
            "0x7f000001",
            "017700000001",
            "127.0.1",
            "１２７.0.0.1",
            "%31%32%37.0.0.1",
            "127。0。0。1",
            "[::ffff:127.0.0.1]",
            "::ffff:7f00:1",
            "127.0.0.1.",
        ] {
            let host = Host::parse(text).unwrap();
            assert_eq!(host, Host::Address(Ipv4Addr::LOCALHOST.into()), "{text}");
            assert!(host.is_private(), "{text}");
        }
    }

    #[test]
    fn private_and_special_addresses_and_names_are_private() {
        for text in [
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "203.0.113.9",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[2001:db8::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "localhost",
            "printer",
            "db.internal",
            "x.localhost",
            "nas.local",
            "metadata.google.internal",
            "ff02::1",
        ] {
            assert!(Host::parse(text).unwrap().is_private(), "{text}");
        }
        for text in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "example.org", "[2606:4700::1111]", "[64:ff9b::808:808]"]
        {
            assert!(!Host::parse(text).unwrap().is_private(), "{text}");
        }
    }

    #[test]
    fn names_have_one_form_and_what_is_no_host_is_refused() {
        let name = |text: &str| Host::parse(text);
        assert_eq!(name("EXAMPLE.org."), name("example.ORG"));
        assert_eq!(name("bücher.example"), name("xn--bcher-kva.example"));
        for text in ["", "a b", "ex<ample", "a/b", "a@b", "[::1", "1.2.3.4.5", "256.1.1.1", "a\0b", "."] {
            assert_eq!(name(text), Err(NoHost), "{text}");
        }
        let within = |host: &str, domain: &str| name(host).unwrap().is_within(&name(domain).unwrap());
        assert!(within("a.example.org", "example.org") && within("example.org", "example.org"));
        assert!(!within("badexample.org", "example.org") && !within("example.org.evil.net", "example.org"));
        assert!(!within("example.org", "a.example.org"));
    }

    #[test]
    fn names_that_look_like_another_are_told_from_it() {
        let looks =
            |mine: &str, other: &str| Host::parse(mine).unwrap().looks_like(&Host::parse(other).unwrap());
        for mine in ["аpple.com", "app1e.com", "appIe.com", "login.аррle.com", "apple.сom"] {
            assert!(looks(mine, "apple.com"), "{mine}");
        }
        assert!(looks("rnicrosoft.com", "microsoft.com") && looks("g00gle.com", "google.com"));
        for (mine, other) in
            [("apple.com", "apple.com"), ("www.apple.com", "apple.com"), ("maple.com", "apple.com")]
        {
            assert!(!looks(mine, other), "{mine}");
        }
        assert!(Host::parse("pаypal.com").unwrap().is_suspicious(), "Cyrillic among Latin letters");
        assert!(!Host::parse("bücher.example").unwrap().is_suspicious());
        assert!(!Host::parse("пример.испытание").unwrap().is_suspicious());
    }
}
