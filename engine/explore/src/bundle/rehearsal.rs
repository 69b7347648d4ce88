//! A run told with changes, and what a bundle says of it then.
//!
//! The run is told anew under the explorer's key: changed contents have commitments of their own, which stand wherever the old ones stood; extracted
//! parts are computed again from the contents as they are now; and the machine answers every record again. Then it is judged as any recorded run is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, Directive};
use rederive_evidence::record::{ContentLength, Record};
use rederive_evidence::values::EffectsClass;
use rederive_extract::{Contents, Extraction, Extractor, ExtractorVersion, SchemaBytes, Sources};
use rederive_policy::Registry;
use rederive_replay::{Valid, WhatIf, WhatIfRun, whatif_bytes};
use serde::Serialize;

use super::change::{self, Change};
use super::{BundleFault, Question};
use crate::parts::Stored;
use crate::story::Story;
use crate::subject::Subject;
use crate::telling::{Answers, tell};

/// Salt of the contents that the explorer makes up: it has no secret to keep.
const SALT: [u8; 32] = [0xe1; 32];

/// What a bundle says to a question, as far as explorations compare it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Said {
    /// The decision.
    pub outcome: Decision,
    /// What is to be done about it.
    pub directive: Directive,
    /// The policies that determined it.
    pub rules: Vec<Id>,
}

impl Said {
    /// Whether the call may go ahead.
    pub fn permits(&self) -> bool {
        self.outcome == Decision::Permit
    }

    /// Whether a gate would do something else.
    pub fn differs(&self, other: &Self) -> bool {
        (self.outcome, self.directive) != (other.outcome, other.directive)
    }
}

/// A run that can be told with changes, and the bundle that judges it.
pub struct Rehearsal<'a> {
    subject: Subject,
    contents: BTreeMap<Digest, Vec<u8>>,
    ask: WhatIf<'a>,
}

/// A record's contents as they are now.
struct Now<'a> {
    record: &'a Record,
    contents: &'a BTreeMap<Digest, Vec<u8>>,
    schemas: &'a BTreeMap<String, Digest>,
}

impl Contents for Now<'_> {
    fn content(&self, index: u16) -> Option<&[u8]> {
        let entry = self.record.input.contents.get(usize::from(index))?;
        self.contents.get(&entry.commitment).map(Vec::as_slice)
    }

    fn schema(&self, tool: &str) -> Option<(Digest, SchemaBytes<'_>)> {
        let commitment = self.schemas.get(tool)?;
        let bytes = self.contents.get(commitment);
        Some((*commitment, bytes.map_or(SchemaBytes::Redacted, |bytes| SchemaBytes::Present(bytes))))
    }
}

impl<'a> Rehearsal<'a> {
    /// A rehearsal of this sealed run, which is verified first.
    ///
    /// # Errors
    /// It does not reproduce, or cannot be taken apart.
    pub fn of(trace: Vec<u8>, ask: WhatIf<'a>) -> Result<Self, BundleFault> {
        let valid = whatif_bytes(&trace, &ask)?.report.valid;
        if valid != Valid::Reproduced {
            return Err(BundleFault::Untold { valid });
        }
        // From here on the explorer's key signs, which nobody's roots name.
        let ask = WhatIf { trust: None, ..ask };
        let subject = Subject::of(trace)?;
        let stored = subject.parts().segments.iter().flat_map(|part| &part.contents);
        let contents = stored.map(|stored| (stored.commitment, stored.bytes.clone())).collect();
        Ok(Self { subject, contents, ask })
    }

    /// The records as they are.
    pub fn records(&self) -> &[Record] {
        self.subject.story().records()
    }

    /// What is known of tools, where it is at hand.
    pub(crate) fn registry(&self) -> Option<Arc<Registry>> {
        let pinned = self.subject.opened().and_then(|opened| opened.registry.known());
        self.ask.registries.registry(pinned)
    }

    /// What a tool does, as the registry says; where none is at hand, as the run itself has registered it last. None: nobody says.
    pub(crate) fn effects(&self, tool: &Id) -> Option<EffectsClass> {
        if let Some(registry) = self.registry() {
            return registry.facts(tool).map(|facts| facts.effects);
        }
        let registered = self.records().iter().rev().find_map(|record| {
            let Body::ToolRegistered(body) = &record.input.body else { return None };
            (body.tool == *tool).then_some(body)
        })?;
        registered.surface.known()?;
        registered.effects.known().copied()
    }

    /// The bytes of a content; none: it is redacted.
    pub fn content(&self, commitment: &Digest) -> Option<&[u8]> {
        self.contents.get(commitment).map(Vec::as_slice)
    }

    /// What the bundle says of the run with these changes.
    ///
    /// # Errors
    /// The changed run cannot be told, or does not reproduce.
    pub fn judged(&self, changes: &[Change]) -> Result<Judging, BundleFault> {
        let run = whatif_bytes(&self.told(changes)?, &self.ask)?;
        if run.report.valid != Valid::Reproduced {
            return Err(BundleFault::Untold { valid: run.report.valid });
        }
        let said = run.judged.iter().filter_map(|judged| judged.judged.as_ref().ok());
        let rules = said.flat_map(|said| said.rules.iter().cloned()).collect();
        Ok(Judging { calls: questions(&run), rules })
    }

    /// The trace of the run with these changes, sealed under the explorer's key.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn told(&self, changes: &[Change]) -> Result<Vec<u8>, BundleFault> {
        let (mut records, mut contents) = (self.records().to_vec(), self.contents.clone());
        let mut brought = BTreeMap::new();
        for change in changes {
            let at = usize::try_from(change.record()).unwrap_or(usize::MAX);
            if let (Some(label), Some(record)) = (change.label(), records.get_mut(at)) {
                change::relabel(record, label);
            }
            let old = records.get(at).and_then(change::content_of);
            let new = old.and_then(|old| Some((old, change.content(contents.get(&old)?)?)));
            if let Some((old, bytes)) = new {
                let stored = Stored::salted(bytes, SALT);
                for record in &mut records {
                    *record = replaced(record, &old, &stored)?;
                }
                let _ = contents.insert(stored.commitment, stored.bytes.clone());
                let _ = brought.insert(stored.commitment, stored);
            }
        }
        extract_again(&mut records, &contents);
        let mut story = Story::new(records);
        brought.into_values().for_each(|stored| story.bring(stored));
        Ok(tell(self.subject.parts(), &story, Answers::Admitted, self.subject.key())?.write()?)
    }
}

/// The record with another content in the place of one. A digest stands in a record's bytes as it is: all of them are replaced, whatever field they
/// are in, and the length where it is listed.
fn replaced(record: &Record, old: &Digest, new: &Stored) -> Result<Record, BundleFault> {
    let mut frame = record.append_frame(Vec::new()).map_err(crate::parts::PartsFault::from)?;
    let mut at = 0;
    while let Some(rest) = frame.get_mut(at..)
        && let Some(found) = rest.windows(old.0.len()).position(|window| window == old.0)
    {
        at += found + old.0.len();
        if let Some(place) = rest.get_mut(found..found + old.0.len()) {
            place.copy_from_slice(&new.commitment.0);
        }
    }
    if at == 0 {
        return Ok(record.clone());
    }
    let (mut record, _) = Record::decode_frame(&frame).map_err(crate::parts::PartsFault::from)?;
    for entry in record.input.contents.iter_mut().filter(|entry| entry.commitment == new.commitment) {
        entry.bytes = ContentLength(new.bytes.len() as u64);
    }
    Ok(record)
}

/// Computes every extracted part again, by the version that it names.
fn extract_again(records: &mut [Record], contents: &BTreeMap<Digest, Vec<u8>>) {
    let (mut extractor, mut sources, mut schemas) = (Extractor::new(), Sources::new(), BTreeMap::new());
    for (number, record) in (0_u64..).zip(records) {
        if let Body::ToolRegistered(body) = &record.input.body
            && let Some(schema) = body.schema.known()
            && let Some(entry) = record.input.contents.get(usize::from(schema.0))
        {
            let _ = schemas.insert(body.tool.as_str().to_owned(), entry.commitment);
        }
        let now = Now { record, contents, schemas: &schemas };
        let version = record.extracted.as_ref().map(|extracted| extracted.extractor);
        let again = version.and_then(ExtractorVersion::from_number).and_then(|version| {
            match extractor.extract(version, number, &record.input.body, &now, &sources) {
                Extraction::Values(values) | Extraction::WithoutSources(values) => Some(values),
                Extraction::Nothing | Extraction::Redacted => None,
            }
        });
        sources.add(number, &record.input.body, &now);
        if again.is_some() {
            record.extracted = again;
        }
    }
}

/// What a bundle says of a run.
#[derive(Clone, Debug)]
pub struct Judging {
    /// The last question about each call.
    pub calls: Vec<Question>,
    /// The policies that determined an answer, on memory writes too.
    pub rules: BTreeSet<Id>,
}

/// The last question about each call, in the order of the calls.
fn questions(run: &WhatIfRun) -> Vec<Question> {
    let calls = (0_u64..).zip(run.calls.iter().zip(run.by_call()));
    let question =
        |(call, (of, judged)): (u64, (&rederive_replay::RunCall, Option<&rederive_replay::Judged>))| {
            let said = judged?.judged.as_ref().ok()?;
            Some(Question {
                call,
                record: of.record,
                tool: of.tool.clone(),
                said: Said { outcome: said.decision, directive: said.directive, rules: said.rules.clone() },
            })
        };
    calls.filter_map(question).collect()
}
