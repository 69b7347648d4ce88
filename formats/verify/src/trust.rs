//! Trust roots: the keys that a verifier was given, and for what. It trusts none that it finds in a trace.

use rederive_evidence::codes;
use rederive_evidence::ids::{Id, PublicKey, RunId};
use serde::Deserialize;

codes! {
    /// What a key may sign.
    pub enum KeyRole {
        /// Headers, heads and seals.
        Recorder = 0 "recorder",
        /// Receipts.
        Gate = 1 "gate",
        /// Approvals.
        Approver = 2 "approver",
    }
}

/// A key that is trusted for a role, and the runs it is trusted in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub role: KeyRole,
    /// The one tenant whose runs it may sign; absent: any.
    #[serde(default, deserialize_with = "stated")]
    pub tenant: Option<Id>,
    /// The lowest run number it is trusted in; absent: no lower end.
    #[serde(default, deserialize_with = "stated")]
    pub first_run: Option<RunId>,
    /// The highest; absent: no upper end.
    #[serde(default, deserialize_with = "stated")]
    pub last_run: Option<RunId>,
}

/// A bound that is stated. `null` is none: whoever wrote it may have meant nobody, and would get everybody.
fn stated<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// The trust-root file: JSON `{"rederive_trust": 1, "keys": [{"key", "role", "tenant", "first_run", "last_run"}]}`. Spec: trust-roots.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRoots {
    /// Version of the file's form; 1.
    rederive_trust: u8,
    keys: Vec<TrustedKey>,
}

/// Why a trust-root file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFault {
    /// Not JSON of that form; line and column stand in the message.
    #[error("not a trust-root file: {0}")]
    Form(#[from] serde_json::Error),
    /// A version that this program does not know.
    #[error("version {0} of the trust-root file is not known; this program reads version 1")]
    Version(u8),
    /// A file that trusts nobody cannot be meant.
    #[error("the trust-root file names no key")]
    Empty,
}

impl TrustRoots {
    /// Reads a trust-root file.
    ///
    /// # Errors
    /// Why it cannot be used; a file that cannot be read whole trusts nobody.
    pub fn parse(text: &[u8]) -> Result<Self, TrustFault> {
        let roots: Self = serde_json::from_slice(text)?;
        match roots {
            Self { rederive_trust: 1, ref keys } if keys.is_empty() => Err(TrustFault::Empty),
            Self { rederive_trust: 1, .. } => Ok(roots),
            Self { rederive_trust: version, .. } => Err(TrustFault::Version(version)),
        }
    }

    /// Trust in one key for one role, in every run.
    pub fn of(key: PublicKey, role: KeyRole) -> Self {
        Self {
            rederive_trust: 1,
            keys: vec![TrustedKey { key, role, tenant: None, first_run: None, last_run: None }],
        }
    }

    /// The same trust, and trust in one more key for one role, in every run.
    pub fn and(mut self, key: PublicKey, role: KeyRole) -> Self {
        self.keys.push(TrustedKey { key, role, tenant: None, first_run: None, last_run: None });
        self
    }

    /// Whether `key` is trusted for `role` in this run of this tenant. Spec: no-trust-in-trace.
    pub fn allows(&self, key: &PublicKey, role: KeyRole, tenant: &Id, run: &RunId) -> bool {
        self.keys.iter().any(|trusted| {
            trusted.key == *key
                && trusted.role == role
                && trusted.tenant.as_ref().is_none_or(|only| only == tenant)
                && trusted.first_run.is_none_or(|first| first <= *run)
                && trusted.last_run.is_none_or(|last| *run <= last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PublicKey = PublicKey([7; 32]);

    fn roots(members: &str) -> TrustRoots {
        let text = format!(r#"{{"rederive_trust":1,"keys":[{{"key":"{KEY}","role":"recorder"{members}}}]}}"#);
        TrustRoots::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_trusted_in_its_role_tenant_and_runs_alone() {
        let (acme, other) = (Id::new("acme").unwrap(), Id::new("other").unwrap());
        let run = |n| RunId([n; 16]);
        let bound = roots(&format!(r#","tenant":"acme","first_run":"{}","last_run":"{}""#, run(2), run(4)));
        for n in 2..=4 {
            assert!(bound.allows(&KEY, KeyRole::Recorder, &acme, &run(n)));
        }
        assert!(!bound.allows(&KEY, KeyRole::Recorder, &acme, &run(1)));
        assert!(!bound.allows(&KEY, KeyRole::Recorder, &acme, &run(5)));
        assert!(!bound.allows(&KEY, KeyRole::Recorder, &other, &run(3)));
        assert!(!bound.allows(&KEY, KeyRole::Gate, &acme, &run(3)));
        assert!(!bound.allows(&PublicKey([8; 32]), KeyRole::Recorder, &acme, &run(3)));
        assert!(roots("").allows(&KEY, KeyRole::Recorder, &other, &run(200)));
    }

    /// Spec: trust-roots.
    #[test]
    fn a_file_that_cannot_be_read_whole_trusts_nobody() {
        let key = format!(r#"{{"key":"{KEY}","role":"recorder"}}"#);
        let refused = [
            String::new(),
            r#"{"rederive_trust":1,"keys":[]}"#.to_owned(),
            format!(r#"{{"rederive_trust":2,"keys":[{key}]}}"#),
            format!(r#"{{"rederive_trust":1,"keys":[{key}],"also":[]}}"#),
            format!(r#"{{"rederive_trust":1,"keys":[{key}]}} more"#),
            r#"{"rederive_trust":1,"keys":[{"key":"07","role":"recorder"}]}"#.to_owned(),
            format!(r#"{{"rederive_trust":1,"keys":[{{"key":"{KEY}","role":"admin"}}]}}"#),
            format!(r#"{{"rederive_trust":1,"keys":[{{"key":"{KEY}","role":"gate","tenant":null}}]}}"#),
            format!(r#"{{"rederive_trust":1,"keys":[{{"key":"{KEY}","role":"gate","first_run":null}}]}}"#),
            format!(r#"{{"rederive_trust":1,"keys":[{{"key":"{KEY}","role":"gate","last_run":null}}]}}"#),
        ];
        for text in refused {
            assert!(TrustRoots::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
