//! What is seen on the sandbox's own network: where its programs tried to send, past the proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A packet that opens a connection or carries a datagram, and where it was for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    /// The address, or the name that a resolver asked for.
    pub(super) host: String,
    pub(super) port: u16,
}

const ETHERNET: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DNS: u16 = 53;

/// What a frame of the loopback interface opens, where that is a connection to somewhere else: answers, and what stays inside, are nothing.
pub(super) fn sent(frame: &[u8]) -> Option<Sent> {
    let ether_type = u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?);
    let packet = frame.get(ETHERNET..)?;
    let (to, protocol, payload) = match ether_type {
        0x0800 => {
            let header = usize::from(packet.first()? & 0x0f) * 4;
            let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            (IpAddr::V4(Ipv4Addr::from(to)), *packet.get(9)?, packet.get(header..)?)
        }
        // Extension headers are not followed: who sends them reaches nothing either.
        0x86dd => {
            let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            (IpAddr::V6(Ipv6Addr::from(to)), *packet.get(6)?, packet.get(40..)?)
        }
        _ => return None,
    };
    let port = u16::from_be_bytes(payload.get(2..4)?.try_into().ok()?);
    if to.to_canonical().is_loopback() || to.is_multicast() {
        return None;
    }
    match protocol {
        // SYN without ACK.
        TCP if payload.get(13)? & 0x12 == 0x02 => Some(Sent { host: to.to_string(), port }),
        UDP => {
            let name = (port == DNS).then(|| asked(payload.get(8..)?)).flatten();
            Some(Sent { host: name.unwrap_or_else(|| to.to_string()), port })
        }
        _ => None,
    }
}

/// The name that a DNS query asks for (RFC 1035, section 4.1.2): at most 255 bytes of letters, digits, hyphens and underscores.
fn asked(query: &[u8]) -> Option<String> {
    let mut labels = query.get(12..)?;
    let mut name = String::new();
    loop {
        let (length, rest) = labels.split_first()?;
        if *length == 0 {
            return (!name.is_empty()).then_some(name);
        }
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        let is_plain = label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_plain || name.len() + label.len() > 254 {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|byte| char::from(*byte)));
        labels = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(to: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00, 0x45]);
        frame.extend([0; 8]);
        frame.push(protocol);
        frame.extend([0; 6]);
        frame.extend(to);
        frame.extend(payload);
        frame
    }

    fn tcp(port: u16, flags: u8) -> Vec<u8> {
        let mut segment = vec![0x9c, 0x40];
        segment.extend(port.to_be_bytes());
        segment.extend([0; 9]);
        segment.extend([flags, 0, 0]);
        segment
    }

    #[test]
    fn openings_to_elsewhere_are_seen_and_answers_and_loopback_are_not() {
        let seen = |frame: Vec<u8>| sent(&frame).map(|sent| (sent.host, sent.port));
        assert_eq!(seen(v4([93, 184, 216, 34], TCP, &tcp(443, 0x02))), Some(("93.184.216.34".into(), 443)));
        assert_eq!(seen(v4([93, 184, 216, 34], TCP, &tcp(443, 0x12))), None);
        assert_eq!(seen(v4([127, 0, 0, 1], TCP, &tcp(3128, 0x02))), None);
        let query = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
        let datagram = [&[0x9c, 0x40, 0, 53, 0, 0, 0, 0], query.as_slice()].concat();
        assert_eq!(seen(v4([192, 0, 2, 53], UDP, &datagram)), Some(("example.org".into(), 53)));
        let mut v6 = vec![0; 12];
        v6.extend([0x86, 0xdd]);
        v6.extend([0, 0, 0, 0, 0, 0, TCP, 0]);
        v6.extend([0; 16]);
        v6.extend(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets());
        v6.extend(tcp(80, 0x02));
        assert_eq!(seen(v6), Some(("2001:db8::1".into(), 80)));
    }

    #[test]
    fn no_frame_however_cut_is_a_panic() {
        let whole = v4([93, 184, 216, 34], UDP, &[0, 1, 0, 53, 0, 0, 0, 0, 63, 63, 63]);
        for length in 0..whole.len() {
            let _ = sent(&whole[..length]);
            let mut changed = whole.clone();
            changed[length] = 0xff;
            let _ = sent(&changed);
        }
    }
}
