//! Credentials: authority for one call, issued when it is permitted and revoked when it has ended (CRD).

use rederive_evidence::ids::{Id, RecordedTime, RunId};
use rederive_evidence::kinds::credential::{CredentialType, SecretHandling};
use rederive_evidence::values::ScopeItem;

use super::{CallFacts, Failure, Secret};

/// Issues credentials. Holds what they are made from; the gate, the agent and the trace never do.
pub trait CredentialBroker: Send + Sync {
    /// Whether what acts on this surface acts under a credential: what the registration of its tools says, so that no call of them goes without one
    /// (RSK-1). None: it depends on the call.
    fn opens(&self, _surface: &Id) -> Option<bool> {
        None
    }

    /// Whether this call needs one.
    fn needs(&self, call: &CallFacts) -> bool;

    /// What it would issue for a call: type and handling. Named before it is issued, so that the machine can be asked first.
    fn kind(&self, call: &CallFacts) -> (CredentialType, SecretHandling);

    /// Issues one, no broader than what is asked for: bound to this call, within this scope, ending at this time.
    ///
    /// # Errors
    /// None was issued: the call is blocked.
    fn issue(&self, ask: &CredentialAsk) -> Result<IssuedCredential, Failure>;

    /// Ends one of this run: credentials of different runs may have one name. Asked for whatever became of the call, and again after a restart: revoking what is revoked, or was never issued, is no failure.
    ///
    /// # Errors
    /// It may still be live. It ends at its time all the same.
    fn revoke(&self, run: RunId, credential: &Id) -> Result<(), Failure>;
}

/// What a credential is asked for.
#[derive(Clone, Debug)]
pub struct CredentialAsk {
    /// Its name in the run.
    pub credential: Id,
    /// The call it is bound to.
    pub call: CallFacts,
    /// What it may allow.
    pub scope: Vec<ScopeItem>,
    /// The surfaces it may open.
    pub surfaces: Vec<Id>,
    /// The time now.
    pub now: RecordedTime,
    /// When it ends at the latest.
    pub expires: RecordedTime,
    /// The approval it is bound to.
    pub approval: Option<Id>,
}

/// A credential that was issued.
#[derive(Debug)]
pub struct IssuedCredential {
    /// When it ends: no later than asked for.
    pub expires: RecordedTime,
    /// The secret.
    pub secret: Secret,
}
