//! `record`: drafts on standard input become a durable, signed trace, one answer a line.

mod answer;
mod durability;
mod line;
mod lines;
mod reference;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rederive_archive::storage::OsStorage;
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::run::{RunClosed, RunEnd};
use rederive_evidence::values::{ActorType, Origin};
use rederive_recorder::{
    AppendError, Clock, Entropy, NoClock, OpenCalls, Options, OsEntropy, Packing, RecordError, Recorder,
    SealedRun, SeededEntropy, SystemClock,
};

use self::answer::{Answer, LineError};
use self::durability::DurabilityArgument;
use self::line::LineFault;
use self::lines::{Line, Lines};
use self::reference::Commitments;
use crate::args::Failed;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::{bytes, counted};
use crate::trace;
use crate::words::faults;

/// Record a run from drafts on standard input, one JSON object a line.
#[derive(Args)]
#[command(after_help = "\
A draft is the JSON view of a record without what the recorder adds: {\"kind\", \"actor\", \"origin\", \"causes\", \"body\", \"contents\", ..}; the first is \
`run.opened`, the last `run.closed`. In a body, \"@S.C\" stands for the commitment of content C of record S, \"@.C\" for that of the draft's own \
content C. Each line is answered on standard output by {\"sequence\", \"outcome\", \"breaches\", \"durable\"} or {\"error\": {\"line\", \"column\", \
\"reason\"}}; in an enforced run the caller must not act on a request whose outcome is `refused`. docs/record.md has the whole language.

Examples:
  agent | rederive record --out run.rdt --key recorder.key
  rederive record --out run.rdt --key recorder.key --recover --close aborted < /dev/null")]
pub(crate) struct Record {
    /// The trace to make. An existing one is never written over.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Key that signs the run. Without it the run draws one of its own: nobody answers for it, and after a crash it cannot be continued.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// When records survive a crash: `every` one when it is answered, each `group:N`, or all at the `seal`.
    #[arg(long, value_name = "WHEN", default_value = "every")]
    durability: DurabilityArgument,
    /// Go on with a run whose recorder was stopped.
    #[arg(long, requires = "key")]
    recover: bool,
    /// Close and seal the run where the input ends without `run.closed`.
    #[arg(long, value_name = "END")]
    close: Option<EndArgument>,
    /// Stop at the first line that is no draft.
    #[arg(long)]
    strict: bool,
    /// Draw all that is random from SEED and take no time from the clock, so that the same drafts give the same file.
    ///
    /// Who knows the seed can compute salts and drawn keys: for tests and fixtures.
    #[arg(long, value_name = "SEED", conflicts_with = "recover")]
    reproducible: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EndArgument {
    Completed,
    Aborted,
    Failed,
}

impl From<EndArgument> for RunEnd {
    fn from(end: EndArgument) -> Self {
        match end {
            EndArgument::Completed => Self::Completed,
            EndArgument::Aborted => Self::Aborted,
            EndArgument::Failed => Self::Failed,
        }
    }
}

impl Record {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        trace::is_file_name(&self.out)?;
        let signer = self.key.as_deref().map(trace::signing_key).transpose()?;
        let signer = signer.map(|key| Arc::new(key) as _);
        let mut recording = Recording { record: self, signer, run: None, known: Commitments::default() };
        if self.recover {
            recording.recover(terminal)?;
        } else if self.key.is_none() {
            let warning =
                Problem::warning("no --key: the run is signed by a key of its own, which is not kept");
            terminal.caution(
                &warning
                    .hint("after a crash it can be read, but not continued; `rederive keygen` makes a key"),
            );
        }
        let read = recording.read(terminal)?;
        match recording.end(terminal) {
            Ok(end) => Ok(read.and(end)),
            Err(failed) => Err(Failed { exit: failed.exit.and(read), ..failed }),
        }
    }
}

/// A run on its way into a trace.
struct Recording<'a> {
    record: &'a Record,
    signer: Option<Arc<dyn rederive_evidence::keys::Signer + Send + Sync>>,
    run: Option<Run>,
    known: Commitments,
}

/// A run that was opened.
struct Run {
    recorder: Recorder<OsStorage>,
    /// The actor that closes it where the drafts do not.
    closer: Option<Id>,
}

/// What became of a line.
enum Taken {
    Answered(Answer),
    Refused(LineError),
}

impl Recording<'_> {
    fn path(&self) -> &Path {
        &self.record.out
    }

    fn options(&self) -> Options {
        let (clock, entropy): (Arc<dyn Clock>, Box<dyn Entropy>) = match &self.record.reproducible {
            Some(seed) => {
                let label = self.path().file_name().unwrap_or_default().as_encoded_bytes().to_vec();
                (Arc::new(NoClock), Box::new(SeededEntropy::new(seed.as_bytes(), &label)))
            }
            None => (Arc::new(SystemClock), Box::new(OsEntropy)),
        };
        Options {
            durability: self.record.durability.0,
            packing: Packing::Hot,
            signer: self.signer.clone(),
            clock,
            entropy,
            open_calls: OpenCalls::End,
            extractor: None,
        }
    }

    /// Goes on with the run that the trace holds.
    fn recover(&mut self, terminal: &mut Terminal) -> Result<(), Failed> {
        let path = self.record.out.as_path();
        let before = trace::open(path)?;
        let mut closed_by = None;
        for record in trace::records(&before, path) {
            let record = record?;
            closed_by = closed_by.or_else(|| closer(&record.input.body, &record.input.actor));
            let commitments = record.input.contents.iter().map(|entry| entry.commitment).collect();
            self.known.keep(record.input.sequence, commitments);
        }
        drop(before);
        let recovered = Recorder::recover(OsStorage, path, self.options());
        let (recorder, report) = recovered.map_err(|error| faults::recording(path, &error))?;
        let records = recorder.records().map_err(|error| faults::recording(path, &error))?;
        let mut told = format!("recovered {} of run {}", counted(records, "record"), recorder.run());
        if report.unattested > 0 {
            told.push_str(&format!(", {} of them under no signature until now", report.unattested));
        }
        if let Some(torn) = report.torn_log.or(report.torn_trace) {
            told.push_str(&format!("; {} that were never acknowledged are cut off", bytes(torn.bytes)));
        }
        terminal.remark(&told);
        self.run = Some(Run { recorder, closer: closed_by });
        Ok(())
    }

    /// Takes every line; the worst that became of one.
    fn read(&mut self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let mut lines = Lines::of_stdin();
        let mut exit = Exit::AsAsked;
        while let Some(line) = lines.next()? {
            match self.take(&line)? {
                Taken::Answered(answer) => terminal.json(&answer),
                Taken::Refused(error) => {
                    terminal.json(&error);
                    terminal.complain(&error.problem());
                    exit = Exit::Usage;
                    if self.record.strict {
                        break;
                    }
                }
            }
            if !lines.has_more_at_hand() {
                terminal.flush();
            }
        }
        Ok(exit)
    }

    fn take(&mut self, line: &Line) -> Result<Taken, Failed> {
        let refused = |fault: LineFault| Ok(Taken::Refused(LineError::new(line.number, &fault)));
        let Some(text) = &line.text else { return refused(LineFault::TooLong) };
        let recorder = self.run.as_ref().map(|run| &run.recorder);
        let draft = match line::parse(text, &self.known, recorder) {
            Ok(draft) => draft,
            Err(fault) => return refused(fault),
        };
        match self.append(draft) {
            Ok(answer) => Ok(Taken::Answered(answer)),
            Err(RecordError::Append(error)) => refused(LineFault::Append(error)),
            Err(RecordError::NotAnOpening) => refused(LineFault::NotAnOpening),
            Err(RecordError::UnknownRuleSet { number }) => refused(LineFault::UnknownRuleSet { number }),
            Err(error) if self.run.is_none() => Err(faults::recording_unbegun(self.path(), &error)),
            Err(error) => Err(self.stopped(&error)),
        }
    }

    fn stopped(&self, error: &RecordError) -> Failed {
        if self.record.durability.commits() {
            faults::recording(self.path(), error)
        } else {
            faults::recording_unkept(self.path(), error)
        }
    }

    fn append(&mut self, draft: Draft) -> Result<Answer, RecordError> {
        if let Some(run) = &self.run {
            let commitments = commitments(&run.recorder, &draft.contents)?;
            let appended = run.recorder.append(draft)?;
            self.known.keep(appended.sequence, commitments);
            return Ok(Answer::from(appended));
        }
        let (closer, contents) = (closer(&draft.body, &draft.actor), draft.contents.clone());
        let recorder = Recorder::create(OsStorage, self.path(), draft, self.options())?;
        self.known.keep(0, commitments(&recorder, &contents)?);
        let opening = recorder.opening().cloned();
        self.run = Some(Run { recorder, closer });
        opening.map(Answer::from).ok_or(RecordError::NotAnOpening)
    }

    /// Closes the run where that was asked for, and seals it where it is closed.
    fn end(&mut self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let path = self.record.out.as_path();
        let Some(run) = self.run.take() else {
            let problem = Problem::error("no draft that opens a run came: no trace was made");
            return Err(Failed::usage(problem.hint("the first draft is of kind `run.opened`")));
        };
        let sealed = self.seal(run, terminal).map_err(|error| {
            if matches!(error, RecordError::NotClosed) {
                return faults::unclosed(path, self.record.durability.commits());
            }
            self.stopped(&error)
        })?;
        terminal.json(&answer::Sealed::of(&sealed));
        let all = [counted(sealed.records, "record"), bytes(sealed.bytes)].join(", ");
        terminal.remark(&format!("sealed run {} in {}: {all}", sealed.run, path.display()));
        Ok(Exit::AsAsked)
    }

    fn seal(&self, run: Run, terminal: &mut Terminal) -> Result<SealedRun, RecordError> {
        if let (Some(end), Some(closer)) = (self.record.close, run.closer) {
            let body = RunClosed { end: end.into(), reason: None };
            match run.recorder.append(Draft::new(closer, Origin::Code, body)) {
                Ok(appended) => terminal.json(&Answer::from(appended)),
                // The drafts closed it themselves.
                Err(RecordError::Append(AppendError::Closed)) => {}
                Err(error) => return Err(error),
            }
        }
        run.recorder.flush()?;
        run.recorder.seal()
    }
}

fn commitments(
    recorder: &Recorder<OsStorage>,
    contents: &[DraftContent],
) -> Result<Vec<Digest>, RecordError> {
    contents.iter().map(|content| recorder.commitment(&content.bytes)).collect()
}

/// Who closes a run that its drafts leave open: the actor that the opening registers as its recorder, else the one that made the opening.
fn closer(body: &Body, actor: &Id) -> Option<Id> {
    let Body::RunOpened(opening) = body else { return None };
    let own = opening.actors.iter().find(|actor| actor.actor_type == ActorType::Recorder);
    Some(own.map_or_else(|| actor.clone(), |own| own.id.clone()))
}
