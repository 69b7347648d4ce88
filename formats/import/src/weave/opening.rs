//! The records that open and close an imported run.

use std::borrow::Cow;

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, PublicKey, RecordedTime, RunId};
use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
use rederive_evidence::limits::CONTENT_BYTES_MAX;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, AgentBuild, Layer, Limits, Mode, ModelEntry, Origin, Persona, Principal, RuleSet,
    Session, Source,
};

use super::bag::Bag;
use super::{Moment, Origins, Weaver};
use crate::fault::{NoteKind, Path};
use crate::json::lists_of;
use crate::message::Piece;
use crate::names::{self, actors};
use crate::transcript::Transcript;

/// Name and version of the importer, as the opening record keeps it.
const IMPORTER: &str = concat!("rederive-import/", env!("CARGO_PKG_VERSION"));
/// The tenant of a run whose source knows none.
const TENANT: &str = "imported";

/// Layers whose records a message list or a trace of spans can give. No policy, registry, approval or identity stands in one.
const LAYERS: &[Layer] = &[Layer::Run, Layer::Prompt];

impl<'a> Weaver<'a, '_> {
    /// The whole run: the opening record, all others, the closing one.
    pub(super) fn finish(mut self, mut transcript: Transcript<'a>, origins: Origins<'_>) -> Vec<Draft> {
        let open: Vec<String> = self.calls.unanswered().map(|call| call.call.pointer.clone()).collect();
        open.iter().for_each(|pointer| self.notes.add(&Path::at(pointer), NoteKind::CallWithoutResult));
        self.close(transcript.failure.take(), transcript.ended);
        let opening = self.opening(&transcript, origins);
        let mut drafts = Vec::with_capacity(self.drafts.len().saturating_add(1));
        drafts.push(opening);
        drafts.append(&mut self.drafts);
        drafts
    }

    fn close(&mut self, failure: Option<Piece<'a>>, ended: Option<u64>) {
        // A span that outlasts the root does not make the run's end run backwards.
        let time = ended.map(RecordedTime).max(self.latest);
        let mut bag = Bag::default();
        let end = if failure.is_some() { RunEnd::Failed } else { RunEnd::Completed };
        let reason = failure.as_ref().map(|piece| bag.add(piece));
        let moment = Moment { time, trace: None };
        let mut draft =
            self.draft(names::own(actors::RECORDER), Origin::Code, &moment, RunClosed { end, reason });
        draft.causes = Causes::of([self.next().saturating_sub(1)]);
        draft.contents = bag.into_contents();
        self.push(draft);
    }

    fn opening(&mut self, transcript: &Transcript<'a>, origins: Origins<'_>) -> Draft {
        let mut bag = Bag::default();
        let source = source(transcript, origins, &mut bag);
        let build = self.known(transcript.build.as_ref());
        let session = self.known(transcript.session.as_ref());
        let persona = self.agents.first().map_or_else(|| names::own(actors::AGENT), |agent| agent.id.clone());
        let body = RunOpened {
            // The recorder writes its own number, rule set, key and name.
            run: RunId([0; 16]),
            rule_set: RuleSet { number: 0, digest: Digest::ZERO },
            recorder_key: PublicKey([0; 32]),
            recorder: names::own(names::UNKNOWN),
            mode: Mode::Observed,
            environment: Given::Absent,
            tenant: names::own(TENANT),
            session: Session { id: session, expires: Given::Absent },
            principal: Principal {
                id: names::own(actors::USER),
                authentication: Given::Absent,
                evidence: None,
            },
            persona: Persona {
                id: persona,
                version: Given::Absent,
                digest: Given::Absent,
                role: None,
                constraints: None,
                capabilities: Vec::new(),
            },
            build: AgentBuild { id: build, version: Given::Absent, digest: Given::Absent },
            owner: Given::Absent,
            goal: Given::Absent,
            scope: Given::Absent,
            bundle: Given::Absent,
            registry: Given::Absent,
            limits: Limits::default(),
            actors: self.actors(),
            models: self
                .models
                .iter()
                .map(|id| ModelEntry { id: id.clone(), clearance: Given::Absent })
                .collect(),
            sources: Vec::new(),
            grants: Vec::new(),
            layers: LAYERS.to_vec(),
            memory: None,
            parent: None,
            source: Some(source),
        };
        self.keep(&mut bag);
        let moment = Moment { time: transcript.started.map(RecordedTime), trace: transcript.trace.clone() };
        let mut draft = self.draft(names::own(actors::RECORDER), Origin::Code, &moment, Box::new(body));
        draft.contents = bag.into_contents();
        draft
    }

    /// The identifier of a name that the source may not give.
    fn known(&mut self, name: Option<&Cow<'a, [u8]>>) -> Id {
        let name = name.cloned().unwrap_or_default();
        self.name(names::of(&name), &name, "")
    }

    /// Keeps names whose identifier was derived, and what is left of spans that made no record.
    fn keep(&mut self, bag: &mut Bag) {
        if !self.derived.is_empty() {
            let names: Vec<(&str, Cow<'_, str>)> =
                self.derived.iter().map(|(name, id)| (id.as_str(), String::from_utf8_lossy(name))).collect();
            bag.beside(MediaType::Json, serde_json::to_vec(&names).unwrap_or_default().into());
        }
        for list in lists_of(&self.left, CONTENT_BYTES_MAX) {
            bag.put(MediaType::Json, list);
        }
    }

    fn actors(&self) -> Vec<Actor> {
        let actor =
            |id: Id, actor_type: ActorType| Actor { id, actor_type, key: None, owner: None, scope: None };
        let fixed = [
            (actors::RECORDER, ActorType::Recorder),
            (actors::OPERATOR, ActorType::Operator),
            (actors::USER, ActorType::Principal),
            (actors::TOOLS, ActorType::Downstream),
            (actors::SERVICE, ActorType::Service),
            (actors::WORKFLOW, ActorType::Workflow),
        ];
        let fixed = fixed.into_iter().map(|(id, actor_type)| actor(names::own(id), actor_type));
        let agents = self.agents.iter().map(|agent| actor(agent.id.clone(), ActorType::Agent));
        fixed.chain(agents).collect()
    }
}

/// Where the run was found, and what of its entry no other record holds.
fn source(transcript: &Transcript<'_>, origins: Origins<'_>, bag: &mut Bag) -> Source {
    let file = bag.put(MediaType::Text, origins.file.as_bytes().to_vec());
    let id: Option<Content> = transcript.id.as_ref().map(|id| bag.put(MediaType::Text, id.to_vec()));
    let mut pieces = transcript.rest.iter().map(|rest| bag.put(MediaType::Json, rest.to_vec()));
    let rest = pieces.next();
    pieces.for_each(drop);
    Source { file, entry: origins.entry, id, rest, importer: names::own(IMPORTER) }
}
