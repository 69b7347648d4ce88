//! `credential`: authority issued for one act. The secret itself is never in a trace (CRD-2).

use crate::ids::{Content, Id, RecordedTime};
use crate::schema::Given;
use crate::values::{Place, ScopeItem};
use crate::{codes, map};

codes! {
    /// What a credential is.
    pub enum CredentialType {
        /// A bearer token.
        Token = 0 "token",
        /// A key pair or certificate.
        Certificate = 1 "certificate",
        /// A key for an interface.
        ApiKey = 2 "api-key",
        /// A session.
        Session = 3 "session",
    }

    /// How its secret is handled.
    pub enum SecretHandling {
        /// Stays with the broker, which attaches it.
        BrokerHeld = 0 "broker-held",
        /// Handed to the tool process.
        Injected = 1 "injected",
        /// Handed to the agent.
        AgentHeld = 2 "agent-held",
    }

    /// Why a credential ended early.
    pub enum RevokeReason {
        /// Its use is over.
        Done = 0 "done",
        /// Somebody withdrew it.
        Withdrawn = 1 "withdrawn",
        /// An incident.
        Incident = 2 "incident",
        /// The run ends.
        RunEnd = 3 "run-end",
    }
}

map! {
    /// `credential issued` (CRD-1).
    pub struct CredentialIssued {
        /// Its name.
        0 req credential: Id,
        /// What it is.
        1 req credential_type: CredentialType,
        /// What it allows.
        2 req scope: Vec<ScopeItem>,
        /// Surfaces it opens.
        3 req surfaces: Vec<Id>,
        /// When it ends.
        4 req expires: Given<RecordedTime>,
        /// The call it is bound to.
        5 opt call: Place,
        /// The approval it is bound to.
        6 opt approval: Id,
        /// How the secret is handled.
        7 req handling: Given<SecretHandling>,
    }

    /// `credential used` (CRD-2).
    pub struct CredentialUsed {
        /// Its name.
        0 req credential: Id,
        /// The call that used it.
        1 req call: Place,
        /// The surface.
        2 req surface: Given<Id>,
    }

    /// `credential revoked`.
    pub struct CredentialRevoked {
        /// Its name.
        0 req credential: Id,
        /// Why.
        1 req reason: RevokeReason,
        /// In words.
        2 opt detail: Content,
    }

    /// `credential expired`.
    pub struct CredentialExpired {
        /// Its name.
        0 req credential: Id,
    }
}
