//! A token for one call: what it allows, for whom, until when, under the broker's signature.

use data_encoding::BASE64URL_NOPAD;
use rederive_evidence::chain::PayloadFault;
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::{Id, PublicKey, RecordedTime, RunId};
use rederive_evidence::keys::SignatureFault;
use rederive_evidence::limits::SIGNED_BYTES_MAX;
use rederive_evidence::map;
use rederive_evidence::signed::{Payload, SignedFault, UncheckedSigned, Version};
use rederive_evidence::values::{EffectsClass, Place, ScopeItem};

map! {
    /// What a token says. It is signed as a COSE_Sign1 and sent as unpadded base64url, as bearer tokens are.
    pub struct CallToken {
        /// Version of the formats.
        0 req version: Version,
        /// The run.
        1 req run: RunId,
        /// Its tenant.
        2 req tenant: Id,
        /// The credential's name in the run.
        3 req credential: Id,
        /// The call that it is for, and no other.
        4 req call: Place,
        /// The tool.
        5 req tool: Id,
        /// The class of effect.
        6 req action: EffectsClass,
        /// What it allows.
        7 req scope: Vec<ScopeItem>,
        /// The surfaces that it opens.
        8 req surfaces: Vec<Id>,
        /// Who is to take it.
        9 req audience: Id,
        /// `content plain` digest of the arguments, byte for byte as they are sent.
        10 req arguments: Digest,
        /// From when it holds.
        11 req from: RecordedTime,
        /// When it ends.
        12 req expires: RecordedTime,
        /// The approval that it is bound to.
        13 opt approval: Id,
    }
}

impl Payload for CallToken {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.call-token+cbor";
    const BYTES_MAX: usize = SIGNED_BYTES_MAX;

    fn check(&self) -> Result<(), PayloadFault> {
        Ok(())
    }
}

/// What a tool server knows of the request that a token came with.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// Its own name, as audience.
    pub audience: &'a Id,
    /// The tenant whose data is asked for.
    pub tenant: &'a Id,
    /// The tool.
    pub tool: &'a Id,
    /// The class of effect of what is asked for.
    pub action: EffectsClass,
    /// The surface acted on.
    pub surface: &'a Id,
    /// The arguments as received.
    pub arguments: &'a [u8],
    /// The time now.
    pub now: RecordedTime,
}

/// Why a token is refused. Checked in the order of the variants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// Not base64url without padding.
    #[error("the token is not unpadded base64url")]
    Text,
    /// Not a signed token.
    #[error(transparent)]
    Form(#[from] SignedFault),
    /// Signed by another key, or by none.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// For somebody else.
    #[error("the token is for {found}")]
    Audience {
        /// Whom it is for.
        found: Id,
    },
    /// For another tenant.
    #[error("the token is of tenant {found}")]
    Tenant {
        /// Whose it is.
        found: Id,
    },
    /// For another tool, class of effect or surface, or its scope does not have them.
    #[error("the token does not allow this")]
    Scope,
    /// For another call of the tool: the arguments differ.
    #[error("the token is for a call with other arguments")]
    Arguments,
    /// Not yet.
    #[error("the token does not hold yet")]
    Early,
    /// No longer.
    #[error("the token has ended")]
    Expired,
    /// Withdrawn.
    #[error("the token was revoked")]
    Revoked,
}

/// A token that holds for the request that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken(CallToken);

impl VerifiedToken {
    /// What it says. A server that must not act twice remembers `run`, `call` and `credential` until `expires`.
    pub fn token(&self) -> &CallToken {
        &self.0
    }
}

impl CallToken {
    /// `content plain` digest of arguments.
    pub fn digest_of(arguments: &[u8]) -> Digest {
        digest(Purpose::ContentPlain, arguments)
    }

    fn allows(&self, expected: &Expected<'_>) -> bool {
        let is_in_scope = |item: &ScopeItem| {
            item.tool == *expected.tool && item.action == expected.action && item.tenant == *expected.tenant
        };
        self.tool == *expected.tool
            && self.action == expected.action
            && self.surfaces.contains(expected.surface)
            && self.scope.iter().any(is_in_scope)
    }
}

/// Checks a token against the request that it came with: for tool servers, which know the broker's public key and nothing else of the gate.
/// `is_revoked` says whether the broker has withdrawn a credential.
///
/// # Errors
/// The first reason why it does not hold.
pub fn verify_token(
    text: &str,
    broker: &PublicKey,
    expected: &Expected<'_>,
    is_revoked: impl FnOnce(&CallToken) -> bool,
) -> Result<VerifiedToken, TokenFault> {
    if text.len() > BASE64URL_NOPAD.encode_len(SIGNED_BYTES_MAX) {
        return Err(TokenFault::Text);
    }
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| TokenFault::Text)?;
    let signed = UncheckedSigned::<CallToken>::parse(&bytes)?.verify(broker)?;
    let token = signed.payload();
    if token.audience != *expected.audience {
        return Err(TokenFault::Audience { found: token.audience.clone() });
    }
    if token.tenant != *expected.tenant {
        return Err(TokenFault::Tenant { found: token.tenant.clone() });
    }
    if !token.allows(expected) {
        return Err(TokenFault::Scope);
    }
    if token.arguments != CallToken::digest_of(expected.arguments) {
        return Err(TokenFault::Arguments);
    }
    if expected.now < token.from {
        return Err(TokenFault::Early);
    }
    if expected.now >= token.expires {
        return Err(TokenFault::Expired);
    }
    if is_revoked(token) {
        return Err(TokenFault::Revoked);
    }
    Ok(VerifiedToken(token.clone()))
}
