//! Destinations as arguments name them: a URL, a host, a mail address, or a name that means something to the tool alone.

use std::net::IpAddr;

use super::host::{Host, is_public};

/// Where something goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A URL or bare host.
    Host {
        /// The host that is connected to.
        host: Host,
        /// The scheme, lower case, where one is written.
        scheme: Option<String>,
    },
    /// A mail address.
    Mail {
        /// What stands before the last `@`.
        local: String,
        /// The domain that mail goes to.
        domain: Host,
    },
    /// A URL of a scheme without a host: `mailto` is a mail address, but `file`, `data` and `javascript` are this.
    Opaque {
        /// The scheme, lower case.
        scheme: String,
    },
    /// Anything else: an account, a channel, a person's name.
    Name(String),
}

/// What is wrong with the way a destination is written: made to look like another than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disguise {
    /// Control or invisible characters, or white space inside.
    #[error("invisible or control characters stand in it")]
    Invisible,
    /// Something before an `@` in a URL: what looks like the host is a user name.
    #[error("a user name stands before the host")]
    UserName,
    /// A backslash, which some programs read as a slash and others do not.
    #[error("a backslash stands in it")]
    Backslash,
    /// More than one address, or an address inside a name.
    #[error("more than one address stands in it")]
    Several,
    /// A URL that cannot be parsed.
    #[error("it cannot be parsed as the URL that it claims to be")]
    Broken,
}

/// Most bytes of a text that is looked at as a destination.
const DESTINATION_BYTES_MAX: usize = 4_096;

impl Destination {
    /// Whether an address is one of the public internet.
    pub fn is_public(address: IpAddr) -> bool {
        is_public(address)
    }

    /// The destination that this text names.
    ///
    /// # Errors
    /// It is disguised, so that programs may read it otherwise than this does.
    pub fn parse(text: &str) -> Result<Self, Disguise> {
        let text = text.trim();
        if text.len() > DESTINATION_BYTES_MAX || text.chars().any(is_invisible) {
            return Err(Disguise::Invisible);
        }
        if let Some((scheme, rest)) = scheme_of(text) {
            return Self::parse_url(text, &scheme, rest);
        }
        if let Some(rest) = text.strip_prefix("//") {
            return Self::parse_url(&format!("https://{rest}"), "https", rest);
        }
        if text.contains('@') && !text.starts_with('@') {
            return Self::parse_mail(text);
        }
        Ok(Self::parse_bare(text))
    }

    fn parse_url(text: &str, scheme: &str, rest: &str) -> Result<Self, Disguise> {
        if rest.contains('\\') {
            return Err(Disguise::Backslash);
        }
        if scheme == "mailto" {
            let address = rest.split('?').next().unwrap_or_default();
            return Self::parse_mail(address);
        }
        let authority = rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
        if text.contains("//") && authority.contains('@') {
            return Err(Disguise::UserName);
        }
        let parsed = url::Url::parse(text).map_err(|_| Disguise::Broken)?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Disguise::UserName);
        }
        // A scheme that the parser does not know has its host as it is written.
        match parsed.host_str().filter(|host| !host.is_empty()).map(Host::parse) {
            Some(Ok(host)) => Ok(Self::Host { host, scheme: Some(scheme.to_owned()) }),
            Some(Err(_)) => Err(Disguise::Broken),
            None => Ok(Self::Opaque { scheme: scheme.to_owned() }),
        }
    }

    /// `local@domain`, or `Name <local@domain>`: the address is what stands in the brackets, and no other address may stand beside it.
    fn parse_mail(text: &str) -> Result<Self, Disguise> {
        let address = match text.split_once('<') {
            Some((name, rest)) => {
                let inner = rest.strip_suffix('>').ok_or(Disguise::Several)?;
                if name.contains('@') || inner.contains('<') {
                    return Err(Disguise::Several);
                }
                inner
            }
            None => text,
        };
        let (local, domain) = address.rsplit_once('@').ok_or(Disguise::Broken)?;
        let is_plain = |c: char| {
            !c.is_whitespace()
                && !matches!(c, '@' | ',' | ';' | '<' | '>' | '(' | ')' | '"' | '\\' | ':' | '[' | ']')
        };
        if local.is_empty() || !local.chars().all(is_plain) || domain.contains([',', ';', ' ']) {
            return Err(Disguise::Several);
        }
        let domain = Host::parse(domain).map_err(|_| Disguise::Broken)?;
        Ok(Self::Mail { local: local.to_owned(), domain })
    }

    /// A host with or without port and path, where it has a dot or is an address; else a name.
    fn parse_bare(text: &str) -> Self {
        let authority = text.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = match authority.rsplit_once(':') {
            Some((host, port))
                if !port.is_empty()
                    && port.bytes().all(|byte| byte.is_ascii_digit())
                    && !host.contains(':') =>
            {
                host
            }
            Some(_) | None => authority,
        };
        let is_hostlike = host.contains(['.', ':', '。']) || host.eq_ignore_ascii_case("localhost");
        match Host::parse(host) {
            Ok(Host::Name(name)) if is_hostlike && has_letters_last(&name) => {
                Self::Host { host: Host::Name(name), scheme: None }
            }
            Ok(Host::Address(address)) if is_hostlike => {
                Self::Host { host: Host::Address(address), scheme: None }
            }
            Ok(_) | Err(_) => Self::Name(text.to_owned()),
        }
    }

    /// The host that is reached, where one is.
    pub fn host(&self) -> Option<&Host> {
        match self {
            Self::Host { host, .. } | Self::Mail { domain: host, .. } => Some(host),
            Self::Opaque { .. } | Self::Name(_) => None,
        }
    }
}

/// Whether the last label could be a top-level domain.
fn has_letters_last(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| {
        last.len() > 1 && !last.bytes().any(|byte| byte.is_ascii_digit()) || last.starts_with("xn--")
    }) || name == "localhost"
}

/// Scheme and rest of `scheme:rest`, where that is not a host and its port.
fn scheme_of(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let is_port = rest.starts_with(|c: char| c.is_ascii_digit()) && scheme.contains('.');
    let is_known = rest.starts_with("//")
        || rest.starts_with('\\')
        || matches!(
            scheme.to_ascii_lowercase().as_str(),
            "mailto"
                | "data"
                | "javascript"
                | "file"
                | "tel"
                | "sms"
                | "http"
                | "https"
                | "blob"
                | "about"
                | "vbscript"
        );
    (is_scheme && !is_port && is_known).then(|| (scheme.to_ascii_lowercase(), rest))
}

/// Characters that cannot be seen, or turn the reading direction: none has a place in a destination.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reached_is_found_however_it_is_written() {
        let host = |text: &str| {
            Destination::parse(text).ok().and_then(|found| found.host().map(ToString::to_string))
        };
        let table = [
            ("https://Example.ORG:8443/a?b#c", Some("example.org")),
            ("HTTP://0x7f.1/", Some("127.0.0.1")),
            ("http:example.org", Some("example.org")),
            ("//example.org/x", Some("example.org")),
            ("example.org/path", Some("example.org")),
            ("example.org:80", Some("example.org")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("Ada <ada@Example.org>", Some("example.org")),
            ("mailto:ada@example.org?subject=x", Some("example.org")),
            ("ftp://files.example.org", Some("files.example.org")),
            ("general", None),
            ("#general", None),
            ("@ada", None),
            ("GB82WEST12345698765432", None),
            ("report-3.1", None),
        ];
        for (text, expected) in table {
            assert_eq!(host(text).as_deref(), expected, "{text}");
        }
        assert_eq!(Destination::parse("data:text/html,x"), Ok(Destination::Opaque { scheme: "data".into() }));
        assert_eq!(
            Destination::parse("javascript:alert(1)"),
            Ok(Destination::Opaque { scheme: "javascript".into() })
        );
        assert_eq!(
            Destination::parse("file:///etc/passwd"),
            Ok(Destination::Opaque { scheme: "file".into() })
        );
    }

    #[test]
    fn disguises_are_refused_each_for_its_reason() {
        let table = [
            ("https://good.example@evil.example/", Disguise::UserName),
            ("https://user:pass@good.example", Disguise::UserName),
            ("http:good.example@evil.example", Disguise::UserName),
            ("https://good.example\\@evil.example", Disguise::Backslash),
            ("https://good.ex\u{200b}ample", Disguise::Invisible),
            ("https://good\n.example", Disguise::Invisible),
            ("good@example.org <evil@evil.example>", Disguise::Several),
            ("a@good.example, b@evil.example", Disguise::Several),
            ("a@good.example@evil.example", Disguise::Several),
            ("\"a@good.example\"@evil.example", Disguise::Several),
            ("https://exa mple.org", Disguise::Broken),
            ("https://", Disguise::Broken),
        ];
        for (text, expected) in table {
            assert_eq!(Destination::parse(text), Err(expected), "{text}");
        }
    }
}
