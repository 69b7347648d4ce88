//! The guardrail that compares where a call goes with where it may go.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};

use super::destination::{Destination, Disguise};
use super::host::Host;
use super::names;
use crate::ports::{Failure, Finding, Guardrail, Payload, Stage, Subject};

/// Where calls may go: names and domains, mail domains, and other names as the tool knows them.
#[derive(Clone, Debug)]
pub struct Destinations {
    rule: Id,
    version: Id,
    allowed: Option<Vec<Entry>>,
    denied: Vec<Entry>,
    private: bool,
    known: Vec<Host>,
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// This host and all below it.
    Host(Host),
    /// This one mail address, its local part in lower case.
    Mail(String, Host),
    /// This name, as it is written.
    Name(String),
}

/// Why a destination is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is made to look like another.
    #[error("a destination is disguised: {0}")]
    Disguised(#[from] Disguise),
    /// A list names it as one where nothing may go.
    #[error("a destination is on the list of those denied")]
    Denied,
    /// It leads into this machine or its network.
    #[error("a destination leads into a private network")]
    Private,
    /// It looks like one that is allowed, or mixes scripts.
    #[error("a destination looks like another one")]
    LooksAlike,
    /// A scheme that reaches no host.
    #[error("a destination has a scheme that reaches no host")]
    Scheme,
    /// The list of those allowed does not have it.
    #[error("a destination is not on the list of those allowed")]
    NotAllowed,
}

impl Default for Destinations {
    fn default() -> Self {
        Self::new()
    }
}

impl Destinations {
    /// Everywhere public is allowed; nothing disguised, private or of a scheme without a host is.
    pub fn new() -> Self {
        Self {
            rule: names::DESTINATIONS.clone(),
            version: names::VERSION.clone(),
            allowed: None,
            denied: Vec::new(),
            private: false,
            known: Vec::new(),
        }
    }

    /// Only these are allowed, and what was allowed before: a domain and all below it, one mail address, or a name as the tool knows it.
    ///
    /// # Errors
    /// An entry is disguised.
    pub fn allow<'a>(mut self, entries: impl IntoIterator<Item = &'a str>) -> Result<Self, Disguise> {
        let entries = entries.into_iter().map(Entry::parse).collect::<Result<Vec<_>, _>>()?;
        self.known.extend(entries.iter().filter_map(|entry| entry.host().cloned()));
        self.allowed.get_or_insert_default().extend(entries);
        Ok(self)
    }

    /// Nothing goes to these, whatever is allowed.
    ///
    /// # Errors
    /// An entry is disguised.
    pub fn deny<'a>(mut self, entries: impl IntoIterator<Item = &'a str>) -> Result<Self, Disguise> {
        for entry in entries {
            self.denied.push(Entry::parse(entry)?);
        }
        Ok(self)
    }

    /// Private hosts are allowed where the list of those allowed has them, or there is none.
    #[must_use]
    pub fn with_private(mut self) -> Self {
        self.private = true;
        self
    }

    /// These hosts are what others must not be taken for, whether they are allowed or not.
    #[must_use]
    pub fn guarding(mut self, hosts: impl IntoIterator<Item = Host>) -> Self {
        self.known.extend(hosts);
        self
    }

    /// Whether something may go where this text says.
    ///
    /// # Errors
    /// Why not. Reasons are tried in the order of [`Refusal`]'s variants.
    pub fn check(&self, text: &str) -> Result<(), Refusal> {
        let destination = Destination::parse(text)?;
        if self.denied.iter().any(|entry| entry.has(&destination)) {
            return Err(Refusal::Denied);
        }
        let is_listed =
            self.allowed.as_ref().map(|allowed| allowed.iter().any(|entry| entry.has(&destination)));
        if let Some(host) = destination.host() {
            if host.is_private() && !(self.private || self.names_exactly(host)) {
                return Err(Refusal::Private);
            }
            if host.is_suspicious() || self.known.iter().any(|known| host.looks_like(known)) {
                return Err(Refusal::LooksAlike);
            }
        }
        if matches!(destination, Destination::Opaque { .. }) {
            return Err(Refusal::Scheme);
        }
        if is_listed == Some(false) { Err(Refusal::NotAllowed) } else { Ok(()) }
    }

    /// A private host that the list itself names is allowed: who wrote the list meant it.
    fn names_exactly(&self, host: &Host) -> bool {
        self.allowed.iter().flatten().any(|entry| entry.host() == Some(host))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, Disguise> {
        Ok(match Destination::parse(text)? {
            Destination::Host { host, .. } => Self::Host(host),
            Destination::Mail { local, domain } => Self::Mail(local.to_lowercase(), domain),
            Destination::Opaque { scheme } => Self::Name(scheme),
            Destination::Name(name) => Host::parse(name.trim_start_matches('@'))
                .ok()
                .filter(|_| name.starts_with('@'))
                .map_or(Self::Name(name), Self::Host),
        })
    }

    fn host(&self) -> Option<&Host> {
        match self {
            Self::Host(host) | Self::Mail(_, host) => Some(host),
            Self::Name(_) => None,
        }
    }

    fn has(&self, destination: &Destination) -> bool {
        match (self, destination) {
            (Self::Host(domain), Destination::Host { host, .. } | Destination::Mail { domain: host, .. }) => {
                host.is_within(domain)
            }
            (Self::Mail(local, domain), Destination::Mail { local: to, domain: at }) => {
                *local == to.to_lowercase() && domain == at
            }
            (Self::Name(name), Destination::Name(to)) => name == to,
            (
                Self::Name(_),
                Destination::Host { .. } | Destination::Mail { .. } | Destination::Opaque { .. },
            )
            | (
                Self::Mail(..),
                Destination::Host { .. } | Destination::Opaque { .. } | Destination::Name(_),
            )
            | (Self::Host(_), Destination::Opaque { .. } | Destination::Name(_)) => false,
        }
    }
}

impl Guardrail for Destinations {
    fn rule(&self) -> &Id {
        &self.rule
    }

    fn version(&self) -> Option<&Id> {
        Some(&self.version)
    }

    fn only_computes(&self) -> bool {
        true
    }

    fn inspects(&self, stage: Stage) -> bool {
        stage == Stage::Destination
    }

    fn inspect(&self, subject: &Subject<'_>) -> Result<Finding, Failure> {
        let Some(call) = subject.call else { return Ok(Finding::Clean) };
        for destination in &call.destinations {
            let text =
                std::str::from_utf8(destination.bytes()).map_err(|_| Refusal::Disguised(Disguise::Invisible));
            if let Err(refusal) = text.and_then(|text| self.check(text)) {
                return Ok(Finding::Blocked {
                    classes: vec![DetectedClass::Destination],
                    reason: BlockReason::Guardrail,
                    notice: Some(Payload::text(refusal.to_string())),
                });
            }
        }
        Ok(Finding::Clean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_compared_with_what_is_reached() {
        let listed = Destinations::new()
            .allow(["example.org", "ada@mail.example", "@partner.example", "general", "10.0.0.5"])
            .and_then(|list| list.deny(["bad.example.org", "eve@partner.example"]))
            .unwrap();
        let table = [
            ("https://example.org/x", Ok(())),
            ("https://sub.example.org", Ok(())),
            ("ada@mail.example", Ok(())),
            ("ADA@mail.example", Ok(())),
            ("eva@mail.example", Err(Refusal::NotAllowed)),
            ("anyone@partner.example", Ok(())),
            ("eve@partner.example", Err(Refusal::Denied)),
            ("https://bad.example.org/", Err(Refusal::Denied)),
            ("https://a.bad.example.org/", Err(Refusal::Denied)),
            ("https://other.example", Err(Refusal::NotAllowed)),
            ("https://example.org.other.net", Err(Refusal::NotAllowed)),
            ("https://example.org@other.net", Err(Refusal::Disguised(Disguise::UserName))),
            ("https://examp1e.org", Err(Refusal::LooksAlike)),
            ("https://еxample.org", Err(Refusal::LooksAlike)),
            ("general", Ok(())),
            ("random", Err(Refusal::NotAllowed)),
            ("http://10.0.0.5:8080/", Ok(())),
            ("http://0xa000005/", Ok(())),
            ("http://10.0.0.6/", Err(Refusal::Private)),
            ("http://169.254.169.254/latest/meta-data", Err(Refusal::Private)),
            ("data:text/plain,x", Err(Refusal::Scheme)),
        ];
        for (text, expected) in table {
            assert_eq!(listed.check(text), expected, "{text}");
        }
        let open = Destinations::new();
        assert_eq!(open.check("https://anywhere.net"), Ok(()));
        assert_eq!(open.check("http://localhost:3000"), Err(Refusal::Private));
        assert_eq!(open.clone().with_private().check("http://localhost:3000"), Ok(()));
        assert_eq!(open.check("somebody"), Ok(()));
    }
}
