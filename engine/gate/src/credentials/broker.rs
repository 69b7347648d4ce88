//! The local credential broker: it signs tokens, and holds the secrets of surfaces that take none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::keys::Signer;
use rederive_evidence::kinds::credential::{CredentialType, SecretHandling};
use rederive_evidence::signed::{SignFault, Version, sign};
use zeroize::Zeroizing;

use super::token::CallToken;
use crate::ports::{CallFacts, CredentialAsk, CredentialBroker, Failure, IssuedCredential, Secret};

/// How a surface is opened.
enum Way {
    /// With a token for this audience.
    Token { audience: Id },
    /// With a secret that the surface knows, handed to the tool for the time of one call.
    Held { secret: Zeroizing<Vec<u8>>, credential_type: CredentialType },
}

/// Issues credentials for the calls of any number of runs, or of one. Nothing of it is shown: no form of a secret leaves it but to the tool.
pub struct LocalBroker {
    run: Option<RunId>,
    tenant: Option<Id>,
    signer: Box<dyn Signer + Send + Sync>,
    lifetime_ms_max: u64,
    ways: BTreeMap<Id, Way>,
    /// Credentials that no longer hold, by run and name.
    revoked: Mutex<BTreeSet<(RunId, Id)>>,
}

/// Why no credential was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerFault {
    /// The call is of another run than the one that it serves.
    #[error("this broker serves another run")]
    OtherRun,
    /// The call is of another tenant than the one that it serves.
    #[error("this broker serves another tenant")]
    OtherTenant,
    /// None of the surfaces asked for can be opened by it.
    #[error("no way to open {surface} is known")]
    Surface {
        /// The surface.
        surface: Id,
    },
    /// More surfaces than the call's own, or none.
    #[error("a credential opens the call's own surface and no other")]
    Surfaces,
    /// An item of the scope is not of the call's tool, class of effect or tenant, or there is none.
    #[error("a credential allows what the call does and nothing else")]
    Scope,
    /// It would end before it holds.
    #[error("the credential would have ended before it is issued")]
    Lifetime,
    /// It was revoked under this name.
    #[error("a credential of this name was revoked")]
    Revoked,
    /// The token was not signed.
    #[error(transparent)]
    Sign(#[from] SignFault),
}

impl LocalBroker {
    /// A broker that signs with this key, for credentials that live no longer than this.
    pub fn new(signer: impl Signer + Send + Sync + 'static, lifetime_ms_max: u64) -> Self {
        Self {
            run: None,
            tenant: None,
            signer: Box::new(signer),
            lifetime_ms_max,
            ways: BTreeMap::new(),
            revoked: Mutex::default(),
        }
    }

    /// Serves this run alone.
    #[must_use]
    pub fn of_run(mut self, run: RunId) -> Self {
        self.run = Some(run);
        self
    }

    /// Serves the runs of this tenant alone: what a secret opens does not say whose it is.
    #[must_use]
    pub fn of_tenant(mut self, tenant: Id) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Calls on this surface get a token for this audience.
    #[must_use]
    pub fn with_tokens(mut self, surface: Id, audience: Id) -> Self {
        let _ = self.ways.insert(surface, Way::Token { audience });
        self
    }

    /// Calls on this surface are handed this secret: for surfaces that know no tokens. It does not end with the call; who holds the surface renews it.
    /// Where gates of several tenants run in one process, each has a broker of its own, [`Self::of_tenant`].
    #[must_use]
    pub fn with_secret(mut self, surface: Id, credential_type: CredentialType, secret: Vec<u8>) -> Self {
        let _ = self.ways.insert(surface, Way::Held { secret: Zeroizing::new(secret), credential_type });
        self
    }

    /// The key that tool servers check tokens with.
    pub fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    /// Whether a credential was revoked; for tool servers in this process.
    pub fn is_revoked(&self, run: RunId, credential: &Id) -> bool {
        self.revoked().contains(&(run, credential.clone()))
    }

    fn revoked(&self) -> MutexGuard<'_, BTreeSet<(RunId, Id)>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issue_secret(&self, ask: &CredentialAsk) -> Result<IssuedCredential, BrokerFault> {
        let call = &ask.call;
        if self.run.is_some_and(|run| run != call.run) {
            return Err(BrokerFault::OtherRun);
        }
        if self.tenant.as_ref().is_some_and(|tenant| *tenant != call.tenant) {
            return Err(BrokerFault::OtherTenant);
        }
        if ask.surfaces.as_slice() != std::slice::from_ref(&call.surface) {
            return Err(BrokerFault::Surfaces);
        }
        let is_of_call = |item: &rederive_evidence::values::ScopeItem| {
            item.tool == call.tool && item.action == call.effects && item.tenant == call.tenant
        };
        if ask.scope.is_empty() || !ask.scope.iter().all(is_of_call) {
            return Err(BrokerFault::Scope);
        }
        let expires = ask.expires.min(ask.now.plus_ms(self.lifetime_ms_max));
        if expires <= ask.now {
            return Err(BrokerFault::Lifetime);
        }
        if self.is_revoked(call.run, &ask.credential) {
            return Err(BrokerFault::Revoked);
        }
        let way = self.ways.get(&call.surface);
        match way.ok_or_else(|| BrokerFault::Surface { surface: call.surface.clone() })? {
            Way::Held { secret, .. } => {
                Ok(IssuedCredential { expires, secret: Secret::new(secret.to_vec()) })
            }
            Way::Token { audience } => {
                let token = CallToken {
                    version: Version::One,
                    run: call.run,
                    tenant: call.tenant.clone(),
                    credential: ask.credential.clone(),
                    call: call.place.clone(),
                    tool: call.tool.clone(),
                    action: call.effects,
                    scope: ask.scope.clone(),
                    surfaces: ask.surfaces.clone(),
                    audience: audience.clone(),
                    arguments: CallToken::digest_of(call.arguments.bytes()),
                    from: ask.now,
                    expires,
                    approval: ask.approval.clone(),
                };
                let signed = sign(token, self.signer.as_ref())?;
                let text = BASE64URL_NOPAD.encode(signed.as_bytes());
                Ok(IssuedCredential { expires, secret: Secret::new(text.into_bytes()) })
            }
        }
    }
}

impl CredentialBroker for LocalBroker {
    fn opens(&self, surface: &Id) -> Option<bool> {
        Some(self.ways.contains_key(surface))
    }

    fn needs(&self, call: &CallFacts) -> bool {
        self.ways.contains_key(&call.surface)
    }

    fn kind(&self, call: &CallFacts) -> (CredentialType, SecretHandling) {
        let credential_type = match self.ways.get(&call.surface) {
            Some(Way::Held { credential_type, .. }) => *credential_type,
            Some(Way::Token { .. }) | None => CredentialType::Token,
        };
        // The tool is given it with the dispatch; the agent never is.
        (credential_type, SecretHandling::BrokerHeld)
    }

    fn issue(&self, ask: &CredentialAsk) -> Result<IssuedCredential, Failure> {
        self.issue_secret(ask).map_err(Failure::from)
    }

    fn revoke(&self, run: RunId, credential: &Id) -> Result<(), Failure> {
        let _ = self.revoked().insert((run, credential.clone()));
        Ok(())
    }
}

/// Shows the surfaces and no secret.
impl std::fmt::Debug for LocalBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalBroker")
            .field("surfaces", &self.ways.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rederive_evidence::ids::RecordedTime;
    use rederive_evidence::keys::SigningKey;
    use rederive_evidence::values::{ApprovalPolicy, EffectsClass, ScopeItem};

    use super::*;
    use crate::credentials::{Expected, TokenFault, verify_token};
    use crate::ports::testing;

    const NOW: RecordedTime = RecordedTime(1_000_000_000);

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn ask() -> CredentialAsk {
        let call = testing::call("send_mail", "mail", EffectsClass::Send, "{\"to\":\"x\"}");
        let scope = ScopeItem {
            tool: id("send_mail"),
            action: EffectsClass::Send,
            resource: None,
            tenant: id("acme"),
            approval: ApprovalPolicy::None,
        };
        CredentialAsk {
            credential: id("c"),
            call,
            scope: vec![scope],
            surfaces: vec![id("mail")],
            now: NOW,
            expires: NOW.plus_ms(60_000),
            approval: None,
        }
    }

    fn broker() -> LocalBroker {
        LocalBroker::new(SigningKey::from_seed(&[3; 32]), 30_000)
            .of_run(RunId([1; 16]))
            .with_tokens(id("mail"), id("mail-server"))
    }

    /// Whom the tokens of [`broker`] are for.
    struct Names([Id; 4]);

    impl Names {
        fn new() -> Self {
            Self([id("mail-server"), id("acme"), id("send_mail"), id("mail")])
        }

        fn expected<'a>(&'a self, ask: &'a CredentialAsk) -> Expected<'a> {
            let [audience, tenant, tool, surface] = &self.0;
            let arguments = ask.call.arguments.bytes();
            Expected { audience, tenant, tool, action: EffectsClass::Send, surface, arguments, now: NOW }
        }
    }

    #[test]
    fn a_token_holds_for_its_call_and_for_nothing_else() {
        let (broker, ask) = (broker(), ask());
        let issued = broker.issue_secret(&ask).unwrap();
        assert_eq!(issued.expires, NOW.plus_ms(30_000), "no longer than the broker's limit");
        let text = String::from_utf8(issued.secret.expose().to_vec()).unwrap();
        let (names, other) = (Names::new(), id("other"));
        let (expected, other) = (names.expected(&ask), &other);
        let Expected { audience, tenant, .. } = expected;
        let key = broker.public_key();
        let check = |expected: &Expected<'_>| {
            verify_token(&text, &key, expected, |token| broker.is_revoked(token.run, &token.credential))
                .map(|_| ())
        };
        assert_eq!(check(&expected), Ok(()));
        let table = [
            (
                Expected { audience: other, ..expected.clone() },
                TokenFault::Audience { found: audience.clone() },
            ),
            (Expected { tenant: other, ..expected.clone() }, TokenFault::Tenant { found: tenant.clone() }),
            (Expected { tool: other, ..expected.clone() }, TokenFault::Scope),
            (Expected { surface: other, ..expected.clone() }, TokenFault::Scope),
            (Expected { action: EffectsClass::Delete, ..expected.clone() }, TokenFault::Scope),
            (Expected { arguments: b"{\"to\":\"y\"}", ..expected.clone() }, TokenFault::Arguments),
            (Expected { now: RecordedTime(NOW.0 - 1), ..expected.clone() }, TokenFault::Early),
            (Expected { now: issued.expires, ..expected.clone() }, TokenFault::Expired),
        ];
        for (expected, fault) in table {
            assert_eq!(check(&expected), Err(fault));
        }
        let last = Expected { now: RecordedTime(issued.expires.0 - 1), ..expected.clone() };
        assert_eq!(check(&last), Ok(()));
        let stranger = SigningKey::from_seed(&[4; 32]).public_key();
        assert!(matches!(
            verify_token(&text, &stranger, &expected, |_| false),
            Err(TokenFault::Signature(_))
        ));
        broker.revoke(RunId([2; 16]), &id("c")).unwrap();
        assert_eq!(check(&expected), Ok(()), "one of the same name, of another run, is another");
        broker.revoke(ask.call.run, &id("c")).unwrap();
        assert_eq!(check(&expected), Err(TokenFault::Revoked));
        assert!(matches!(broker.issue_secret(&ask), Err(BrokerFault::Revoked)));
    }

    #[test]
    fn a_token_changed_in_any_byte_is_none() {
        let (broker, ask) = (broker(), ask());
        let issued = broker.issue_secret(&ask).unwrap();
        let names = Names::new();
        let expected = names.expected(&ask);
        for at in 0..issued.secret.expose().len() {
            let mut changed = issued.secret.expose().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify_token(&changed, &broker.public_key(), &expected, |_| false).is_err(), "byte {at}");
        }
    }

    #[test]
    fn nothing_broader_than_the_call_is_issued() {
        let refused = |change: &dyn Fn(&mut CredentialAsk)| {
            let mut ask = ask();
            change(&mut ask);
            broker().issue_secret(&ask).unwrap_err().to_string()
        };
        assert_eq!(refused(&|ask| ask.call.run = RunId([2; 16])), BrokerFault::OtherRun.to_string());
        assert_eq!(refused(&|ask| ask.surfaces.push(id("files"))), BrokerFault::Surfaces.to_string());
        assert_eq!(refused(&|ask| ask.surfaces.clear()), BrokerFault::Surfaces.to_string());
        assert_eq!(refused(&|ask| ask.scope.clear()), BrokerFault::Scope.to_string());
        assert_eq!(refused(&|ask| ask.scope[0].tenant = id("other")), BrokerFault::Scope.to_string());
        assert_eq!(
            refused(&|ask| ask.scope[0].action = EffectsClass::Delete),
            BrokerFault::Scope.to_string()
        );
        assert_eq!(refused(&|ask| ask.expires = ask.now), BrokerFault::Lifetime.to_string());
        let unknown = |ask: &mut CredentialAsk| {
            ask.call.surface = id("files");
            ask.surfaces = vec![id("files")];
        };
        assert_eq!(refused(&unknown), BrokerFault::Surface { surface: id("files") }.to_string());
    }

    #[test]
    fn what_a_tenant_holds_is_handed_to_no_call_of_another() {
        for tenant in ["acme", "globex"] {
            let held = b"planted-secret".to_vec();
            let broker = LocalBroker::new(SigningKey::from_seed(&[3; 32]), 30_000)
                .of_tenant(id("acme"))
                .with_secret(id("mail"), CredentialType::ApiKey, held);
            let mut ask = ask();
            ask.call.tenant = id(tenant);
            ask.scope[0].tenant = id(tenant);
            let issued = broker.issue_secret(&ask);
            match tenant {
                "acme" => assert_eq!(issued.unwrap().secret.expose(), b"planted-secret"),
                _ => assert!(matches!(issued, Err(BrokerFault::OtherTenant)), "{issued:?}"),
            }
        }
    }

    #[test]
    fn a_secret_is_shown_by_nothing() {
        let broker = broker().with_secret(id("crm"), CredentialType::ApiKey, b"planted-secret".to_vec());
        let mut ask = ask();
        ask.call.surface = id("crm");
        ask.surfaces = vec![id("crm")];
        let issued = broker.issue_secret(&ask).unwrap();
        assert_eq!(issued.secret.expose(), b"planted-secret");
        assert!(!format!("{broker:?} {issued:?} {ask:?}").contains("planted"));
    }
}
