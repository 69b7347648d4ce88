//! What a decision and an approver's word are checked against: receipt, pinned bundle and registry, keys. Spec: policy-level.

use std::sync::{Arc, OnceLock};

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::keys::{ReadyKey, SignatureFault};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::approval::{ApprovalRequested, ApproverWord};
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::receipt::{ApproverStatement, ApproverVerdict, Receipt};
use rederive_evidence::record::Input;
use rederive_evidence::signed::{Signed, UncheckedSigned, Version, verify_detached};
use rederive_evidence::values::ActorType;
use rederive_policy::Judgement;
use rederive_verify::{KeyRole, TrustRoots};

use crate::codes;
use crate::found::{Found, lowest, wrong};
use crate::inquiry::Question;
use crate::judge::{Judge, Pinned, answer};
use crate::trace::Options;
use crate::whatif::is_withheld;

/// The receipt of a decision, as far as it is there.
pub(crate) enum GivenReceipt {
    /// The record names none.
    None,
    /// The record names one, which the trace does not hold any more.
    Redacted,
    Held(Vec<u8>),
}

/// A decision, with all that it takes to check it.
pub(crate) struct Made {
    pub(crate) input: Input,
    pub(crate) checksum: Option<Digest>,
    pub(crate) receipt: GivenReceipt,
    /// None: nothing tells what it was asked for.
    pub(crate) question: Option<Question>,
    /// The registry in force, by its digest.
    pub(crate) registry: Option<Digest>,
}

/// What decisions and words are checked against.
pub(crate) struct Checks<'a> {
    opened: &'a RunOpened,
    trust: Option<&'a TrustRoots>,
    pinned: Option<&'a dyn Pinned>,
    /// The key that signed the first receipt.
    gate: OnceLock<ReadyKey>,
}

impl<'a> Checks<'a> {
    /// The checks of the run that `opened` opens.
    pub(crate) fn new(opened: &'a RunOpened, options: &Options<'a>) -> Self {
        Self { opened, trust: options.trust, pinned: options.pinned, gate: OnceLock::new() }
    }

    /// What is found of a decision.
    pub(crate) fn of(&self, made: &Made) -> Found {
        let mut found = Found { decisions: 1, ..Found::default() };
        let Body::DecisionMade(decision) = &made.input.body else {
            found.taken += 1;
            return found;
        };
        self.receipt(made, &mut found);
        let Some(question) = &made.question else {
            found.taken += 1;
            return found;
        };
        let record = made.input.sequence;
        let Some(judge) = self.bundle(record, decision, &mut found) else { return found };
        if !self.has_registry(record, made.registry, &mut found) {
            return found;
        }
        match answer(&*judge, question) {
            Some(judgement) => compare(record, decision, (&judgement, &*judge), &mut found),
            None => found.taken += 1,
        }
        found
    }

    /// The bundle that a decision pins.
    fn bundle(&self, record: u64, decision: &DecisionMade, found: &mut Found) -> Option<Arc<dyn Judge>> {
        let digest = decision.bundle.known();
        let bundle = digest.and_then(|digest| self.pinned?.bundle(digest));
        if bundle.is_none() {
            found.missing_bundles.extend(digest);
            found.undecided(record, codes::BUNDLE, "body.bundle", &hex(digest), "a bundle that is at hand");
        }
        bundle
    }

    /// Whether the registry that the decision rests on is at hand.
    fn has_registry(&self, record: u64, digest: Option<Digest>, found: &mut Found) -> bool {
        let registry = digest.and_then(|digest| self.pinned?.registry(Some(&digest)));
        if registry.is_none() {
            found.missing_registries.extend(digest);
            let recorded = hex(digest.as_ref());
            found.undecided(record, codes::REGISTRY, "registry", &recorded, "a registry that is at hand");
        }
        registry.is_some()
    }

    /// The receipt of a decision is signed by the gate, over this very decision. Spec: receipt.
    fn receipt(&self, made: &Made, found: &mut Found) {
        let bytes = match &made.receipt {
            GivenReceipt::None => {
                found.without_receipt += 1;
                return;
            }
            GivenReceipt::Redacted => {
                found.receipts_redacted += 1;
                return;
            }
            GivenReceipt::Held(bytes) => bytes,
        };
        let sequence = made.input.sequence;
        let receipt = match self.signed_receipt(bytes, &made.input.actor) {
            Ok(receipt) => receipt,
            Err(fault) => {
                let values = (fault, "a receipt signed by the gate".to_owned());
                lowest(&mut found.forged, wrong(sequence, codes::RECEIPT, "body.receipt", values));
                return;
            }
        };
        let (run, tenant) = (self.opened.run, self.opened.tenant.clone());
        // Without a checksum there is none that the receipt could rest on.
        let expected = made.checksum.and_then(|checksum| Receipt::of(run, tenant, checksum, &made.input));
        if expected.as_ref() != Some(receipt.payload()) {
            let values = (json(receipt.payload()), expected.as_ref().map(json).unwrap_or_default());
            lowest(&mut found.diverged, wrong(sequence, codes::RECEIPT_BODY, "body.receipt", values));
        }
    }

    /// A receipt that the gate has signed, or why it is none.
    fn signed_receipt(&self, bytes: &[u8], gate: &Id) -> Result<Signed<Receipt>, String> {
        let unchecked = UncheckedSigned::<Receipt>::parse(bytes).map_err(|fault| fault.to_string())?;
        let key = unchecked.named_key();
        let signed = self.ready(&key).and_then(|key| unchecked.verify_ready(&key));
        let signed = signed.map_err(|fault| fault.to_string())?;
        if self.is_of(&key, gate, ActorType::Gate, KeyRole::Gate) { Ok(signed) } else { Err(key.to_hex()) }
    }

    /// An approver's signature over what they were asked. Spec: approval-statement.
    pub(crate) fn word(
        &self,
        input: &Input,
        requested: &ApprovalRequested,
        (word, verdict): (&ApproverWord, ApproverVerdict),
        found: &mut Found,
    ) {
        let key =
            self.opened.actors.iter().find(|actor| actor.id == word.approver).and_then(|actor| actor.key);
        let (Some(signature), Some(key)) = (&word.signature, key) else {
            found.unsigned_words += 1;
            return;
        };
        let statement = ApproverStatement {
            version: Version::One,
            run: self.opened.run,
            tenant: self.opened.tenant.clone(),
            approval: requested.approval.clone(),
            covers: requested.covers,
            call: requested.call.clone(),
            expires: requested.expires.known().copied(),
            approver: word.approver.clone(),
            verdict,
            shown: word.shown.known().copied(),
        };
        let held = verify_detached(&statement, &key, signature).map_err(|fault| fault.to_string());
        let allowed = self.is_trusted(&key, KeyRole::Approver);
        let held = held.and_then(|()| if allowed { Ok(()) } else { Err(key.to_hex()) });
        if let Err(fault) = held {
            let values = (fault, "an approver's signature over this request".to_owned());
            let fault = wrong(input.sequence, codes::APPROVAL, "body.word.signature", values);
            lowest(&mut found.forged, fault);
        }
    }

    /// The key, ready: that of the run's first receipt is kept.
    fn ready(&self, key: &PublicKey) -> Result<ReadyKey, SignatureFault> {
        match self.gate.get().filter(|ready| ready.key() == *key) {
            Some(ready) => Ok(*ready),
            None => key.ready().inspect(|ready| _ = self.gate.set(*ready)),
        }
    }

    /// Whether a key is that of an actor of this type, and trusted for it.
    fn is_of(&self, key: &PublicKey, actor: &Id, actor_type: ActorType, role: KeyRole) -> bool {
        let mut of_type = self.opened.actors.iter().filter(|known| known.actor_type == actor_type);
        let known = of_type.find(|known| known.id == *actor).and_then(|known| known.key);
        known.is_none_or(|known| known == *key) && self.is_trusted(key, role)
    }

    /// Without trust roots the key that the trace names is taken, which is a gap of its own.
    fn is_trusted(&self, key: &PublicKey, role: KeyRole) -> bool {
        let (tenant, run): (&Id, RunId) = (&self.opened.tenant, self.opened.run);
        self.trust.is_none_or(|trust| trust.allows(key, role, tenant, &run))
    }
}

/// Spec: policy-compare.
fn compare(record: u64, decision: &DecisionMade, (now, judge): (&Judgement, &dyn Judge), found: &mut Found) {
    let differs = difference(decision, now);
    let (engine, version) = judge.engine();
    let pinned = (decision.engine.known(), decision.engine_version.known());
    let is_other = pinned != (Some(engine), Some(version));
    match differs {
        None if is_other => {
            found.under_other_engine += 1;
            found.under.get_or_insert_with(|| format!("{engine} {version}"));
        }
        None => {}
        Some(_) if is_withheld(decision) => found.withheld += 1,
        Some(_) if is_other => {
            let recorded = pinned.0.zip(pinned.1).map(|(engine, version)| format!("{engine} {version}"));
            let recorded = recorded.unwrap_or_else(|| "none".to_owned());
            let derived = format!("{engine} {version}");
            found.undecided(record, codes::ENGINE, "body.engine_version", &recorded, &derived);
        }
        Some((code, field, values)) => {
            lowest(&mut found.diverged, wrong(record, code, field, values));
        }
    }
}

/// The first field in which an answer differs from a decision: its code, its name, recorded and derived.
fn difference(
    then: &DecisionMade,
    now: &Judgement,
) -> Option<(&'static str, &'static str, (String, String))> {
    let differs = |code, field, then: &dyn ToString, now: &dyn ToString| {
        Some((code, field, (then.to_string(), now.to_string())))
    };
    let ids = |ids: &[Id]| ids.iter().map(Id::as_str).collect::<Vec<_>>().join(" ");
    if then.decision != now.decision {
        differs(codes::DECISION, "body.decision", &then.decision, &now.decision)
    } else if then.directive != now.directive {
        differs(codes::DIRECTIVE, "body.directive", &then.directive, &now.directive)
    } else if then.reason != now.reason {
        differs(codes::REASON, "body.reason", &then.reason, &now.reason)
    } else if then.rules != now.rules {
        differs(codes::RULES, "body.rules", &ids(&then.rules), &ids(&now.rules))
    } else if then.errors != now.errors {
        differs(codes::ERRORS, "body.errors", &ids(&then.errors), &ids(&now.errors))
    } else {
        None
    }
}

fn hex(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "none".to_owned(), Digest::to_hex)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
