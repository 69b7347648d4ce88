//! What an agent did, as the recorder takes it: an observed run, sealed, the same bytes each time.

use std::path::Path;
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::{Content, Id, IdFault, RecordRef, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::output::OutputProduced;
use rederive_evidence::kinds::prompt::{Part, PromptAnswered, PromptGiven, PromptSent, StopReason};
use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
use rederive_evidence::kinds::tool::{FailureClass, ToolFailed, ToolProposed, ToolReturned};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Layer, Mode, ModelEntry, Origin, Place, Role};
use rederive_recorder::{Durability, ManualClock, Options, RecordError, Recorder, SeededEntropy, opening};

use super::{Act, Call, Seen};
use crate::parts::PartsFault;

/// Time of every record: what is generated has no other.
const TIME: RecordedTime = RecordedTime(1_700_000_000_000_000);

/// Why what an agent did makes no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// A tool's name is no identifier.
    #[error("a tool's name is no identifier: {0}")]
    Tool(#[from] IdFault),
    /// The recorder does not take it.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The sealed trace cannot be read.
    #[error(transparent)]
    Read(#[from] PartsFault),
    /// The sealed trace is not where it was written.
    #[error("the trace was not written")]
    NoTrace,
}

/// A run as it is recorded.
struct Recording {
    recorder: Recorder<FaultyStorage>,
    agent: Id,
    /// What the next prompt is made of: records and their texts.
    known: Vec<(u64, String)>,
}

/// The trace of an agent that saw and did this.
pub(super) fn trace(seen: &[Seen], acts: &[Act]) -> Result<Vec<u8>, RecordFault> {
    let (storage, path) = (FaultyStorage::new(), Path::new("played.rdt"));
    let mut sights = seen.iter();
    let task = match sights.next() {
        Some(Seen::Task(task)) => task.as_str(),
        Some(Seen::Result { .. } | Seen::Failed { .. }) | None => "",
    };
    let mut recording = Recording::open(&storage, path, task)?;
    for (turn, act) in (0..).zip(acts) {
        let answered = recording.answer(turn, act)?;
        match (act, sights.next()) {
            (Act::Call(call), Some(Seen::Result { text, .. })) => {
                let proposed = recording.propose(turn, answered, call)?;
                recording.ended(turn, proposed, returned(), Some(text))?;
            }
            (Act::Call(call), Some(Seen::Failed { error, .. })) => {
                let proposed = recording.propose(turn, answered, call)?;
                recording.ended(turn, proposed, failed(error.is_some()), error.as_deref())?;
            }
            (Act::Call(_), Some(Seen::Task(_)) | None) => {}
            (Act::Say(text), _) => recording.say(answered, text)?,
        }
    }
    recording.close()?;
    storage.bytes_of(path).ok_or(RecordFault::NoTrace)
}

impl Recording {
    fn open(storage: &FaultyStorage, path: &Path, task: &str) -> Result<Self, RecordFault> {
        let name = |text: &str| Id::new(text);
        let [user, agent, code] = [name("user")?, name("agent")?, name("recorder")?];
        let actors = [user.clone(), agent.clone(), code.clone()];
        let body = opening(Mode::Observed, name("test")?, name("session")?, actors);
        let model = ModelEntry { id: name("agent-under-test")?, clearance: Given::Absent };
        let body = RunOpened {
            goal: Given::Known(Content(0)),
            models: vec![model],
            layers: vec![Layer::Run, Layer::Prompt],
            ..body
        };
        let options = Options {
            durability: Durability::OnSeal,
            clock: Arc::new(ManualClock::new(TIME)),
            entropy: Box::new(SeededEntropy::new(b"agent under test", b"played")),
            ..Options::default()
        };
        let first = with(Draft::new(code, Origin::Code, Box::new(body)), task);
        let recorder = Recorder::create(storage.clone(), path, first, options)?;
        let mut recording = Self { recorder, agent, known: Vec::new() };
        let body = PromptGiven { role: Role::User, message: Content(0) };
        let mut given = with(Draft::new(user, Origin::Human, body), task);
        given.causes = Causes::of([0]);
        let given = recording.append(given)?;
        recording.known.push((given, task.to_owned()));
        Ok(recording)
    }

    fn append(&self, draft: Draft) -> Result<u64, RecordFault> {
        Ok(self.recorder.append(draft)?.sequence)
    }

    fn by_agent(&self, body: impl Into<Body>, turn: u32, causes: impl IntoIterator<Item = u64>) -> Draft {
        let mut draft = Draft::new(self.agent.clone(), Origin::Model, body);
        draft.place = Some(Place { agent: self.agent.clone(), turn, index: 0, attempt: 0 });
        draft.causes = Causes::of(causes);
        draft
    }

    /// The prompt of a turn, of all that is known, and the answer to it.
    fn answer(&mut self, turn: u32, act: &Act) -> Result<u64, RecordFault> {
        let role = |at: usize| if at == 0 { Role::User } else { Role::Tool };
        let parts = self.known.iter().enumerate().map(|(at, (record, _))| Part {
            role: role(at),
            content: Content(u16::try_from(at).unwrap_or(u16::MAX)),
            from: Some(RecordRef(*record)),
        });
        let body = PromptSent {
            model: Id::new("agent-under-test")?,
            extends: None,
            kept: Vec::new(),
            parts: parts.collect(),
            tools: Vec::new(),
            parameters: None,
        };
        let causes: Vec<u64> = self.known.iter().map(|(record, _)| *record).collect();
        let mut sent = self.by_agent(body, turn, causes);
        sent.origin = Origin::Code;
        for (_, text) in &self.known {
            sent = with(sent, text);
        }
        let prompt = self.append(sent)?;
        let (raw, calls) = match act {
            Act::Call(call) => (format!("{}({})", call.tool, call.arguments), 1),
            Act::Say(text) => (text.clone(), 0),
        };
        let body = PromptAnswered {
            prompt: Some(RecordRef(prompt)),
            raw: Given::Known(Content(0)),
            reasoning: None,
            model: Given::Known(Id::new("agent-under-test")?),
            version: Given::Absent,
            parameters: None,
            tokens_in: Given::Absent,
            tokens_out: Given::Absent,
            spend_micros: None,
            stop: Given::Known(if calls > 0 { StopReason::Calls } else { StopReason::End }),
            calls,
        };
        self.append(with(self.by_agent(body, turn, [prompt]), &raw))
    }

    fn propose(&self, turn: u32, answered: u64, call: &Call) -> Result<u64, RecordFault> {
        let body = ToolProposed {
            tool: Id::new(&call.tool)?,
            arguments: Given::Known(Content(0)),
            call_id: None,
            expected_effect: None,
            retry_of: None,
        };
        self.append(with(self.by_agent(body, turn, [answered]), &call.arguments))
    }

    /// How a call ended, and what the next prompt says of it.
    fn ended(
        &mut self,
        turn: u32,
        proposed: u64,
        body: impl Into<Body>,
        said: Option<&str>,
    ) -> Result<(), RecordFault> {
        let mut ended = self.by_agent(body, turn, [proposed]);
        ended.origin = Origin::Tool;
        if let Some(said) = said {
            ended = with(ended, said);
        }
        let ended = self.append(ended)?;
        self.known.push((ended, said.unwrap_or("no answer came in time").to_owned()));
        Ok(())
    }

    fn say(&self, answered: u64, text: &str) -> Result<(), RecordFault> {
        let mut said = Draft::new(self.agent.clone(), Origin::Model, OutputProduced { output: Content(0) });
        said.causes = Causes::of([answered]);
        self.append(with(said, text)).map(|_| ())
    }

    fn close(self) -> Result<(), RecordFault> {
        let body = RunClosed { end: RunEnd::Completed, reason: None };
        let _ = self.append(Draft::new(Id::new("recorder")?, Origin::Code, body))?;
        let _ = self.recorder.seal()?;
        Ok(())
    }
}

fn returned() -> ToolReturned {
    ToolReturned { result: Content(0), duration_us: None, spend_micros: None, label: None, call_id: None }
}

fn failed(says_why: bool) -> ToolFailed {
    ToolFailed {
        class: if says_why { FailureClass::Tool } else { FailureClass::TimeOut },
        error: says_why.then_some(Content(0)),
        result: None,
        duration_us: None,
        call_id: None,
    }
}

/// The draft with one more content, the last.
fn with(mut draft: Draft, text: &str) -> Draft {
    draft.contents.push(DraftContent { media: MediaType::Text, bytes: text.as_bytes().to_vec() });
    draft
}
