//! Extracted parts, computed again from the content that the trace still has.

use std::sync::Arc;

use rederive_archive::{Content, ContentReader, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Extracted, Record};
use rederive_evidence::schema::Given;
use rederive_extract::{Contents, Extraction, Extractor, ExtractorVersion, SchemaBytes, Side, Sources, said};
use rederive_machine::Machine;

use crate::derive::Again;
use crate::records::{Records, RecordsFault};
use crate::threads::{Mutex, PoisonError};

/// What a whole run's records said: gathered once, when the first record asks, and shared by all stretches that begin inside the run, so that they
/// see what came before them.
#[derive(Debug, Default)]
pub(crate) struct RunSources(Mutex<Option<Arc<Sources>>>);

impl RunSources {
    fn get<F: ReadAt>(&self, reader: &TraceReader<F>) -> Result<Arc<Sources>, ReadFault> {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sources) = gathered.as_ref() {
            return Ok(Arc::clone(sources));
        }
        let sources = Arc::new(gather(reader)?);
        *gathered = Some(Arc::clone(&sources));
        Ok(sources)
    }
}

/// What the records of a trace said. Where one cannot be read nothing is told of those after it, and what is damaged is named by the stretch that
/// verifies it.
fn gather<F: ReadAt>(reader: &TraceReader<F>) -> Result<Sources, ReadFault> {
    let mut sources = Sources::new();
    let mut contents = reader.content_reader();
    for (next, frame) in (0..).zip(Records::from_segment(reader, 0)) {
        let record = match frame {
            Ok(frame) => frame.record().ok(),
            Err(RecordsFault::Read(fault @ ReadFault::Store(_))) => return Err(fault),
            Err(RecordsFault::Read(_) | RecordsFault::Frame { .. } | RecordsFault::Overfull { .. }) => None,
        };
        let Some(record) = record else {
            sources.add_content(next, Side::Brought, None);
            break;
        };
        for (side, commitment) in said_by(&record) {
            sources.add_content(next, side, read(&mut contents, &commitment)?.as_deref());
        }
    }
    Ok(sources)
}

/// Commitments of the contents with which a record says something.
fn said_by(record: &Record) -> impl Iterator<Item = (Side, Digest)> + '_ {
    let entry = |content: u16| record.input.contents.get(usize::from(content));
    said(&record.input.body)
        .into_iter()
        .filter_map(move |(side, content)| Some((side, entry(content)?.commitment)))
}

/// Reads the contents that an extraction needs and runs it.
pub(crate) struct ExtractedAgain<'a, F> {
    arguments: ContentReader<'a, F>,
    /// A reader of their own: schemas stand in other blocks than arguments, and each reader holds one block unpacked.
    schemas: ContentReader<'a, F>,
    extractor: Extractor,
}

/// What one extraction may look at: one content of the record, and one schema.
#[derive(Default)]
struct Needed {
    index: u16,
    content: Option<Vec<u8>>,
    schema: Option<(Digest, Option<Vec<u8>>)>,
}

impl Contents for Needed {
    fn content(&self, index: u16) -> Option<&[u8]> {
        if index == self.index { self.content.as_deref() } else { None }
    }

    fn schema(&self, _tool: &str) -> Option<(Digest, SchemaBytes<'_>)> {
        let (commitment, bytes) = self.schema.as_ref()?;
        Some((*commitment, bytes.as_deref().map_or(SchemaBytes::Redacted, SchemaBytes::Present)))
    }
}

impl<'a, F: ReadAt> ExtractedAgain<'a, F> {
    pub(crate) fn new(reader: &'a TraceReader<F>) -> Self {
        Self {
            arguments: reader.content_reader(),
            schemas: reader.content_reader(),
            extractor: Extractor::new(),
        }
    }

    /// The extracted part of a record, the next one of its stretch, by the version that it names, from its contents and what the run said before it.
    /// Spec: taken-as-recorded, extractor-version.
    ///
    /// # Errors
    /// The storage failed.
    pub(crate) fn of(
        &mut self,
        record: &Record,
        machine: &Machine,
        heard: &mut Heard<'a, F>,
    ) -> Result<Again, ReadFault> {
        let again = match version_of(record, machine) {
            None => Again::Redacted,
            Some(version)
                if matches!(record.input.body, Body::ToolProposed(_)) && version >= ExtractorVersion::Two =>
            {
                self.by(version, record, machine, heard.sources()?)?
            }
            Some(version) => self.by(version, record, machine, &Sources::new())?,
        };
        heard.add(record);
        Ok(again)
    }

    /// The extracted part of a record by this version, where `sources` has what the records before it said.
    ///
    /// # Errors
    /// The storage failed.
    pub(crate) fn by(
        &mut self,
        version: ExtractorVersion,
        record: &Record,
        machine: &Machine,
        sources: &Sources,
    ) -> Result<Again, ReadFault> {
        let body = &record.input.body;
        let needed = if let Body::ToolProposed(proposed) = body
            && let Given::Known(arguments) = proposed.arguments
        {
            self.call(record, arguments.0, &proposed.tool, machine)?
        } else if let Body::PromptGiven(given) = body
            && version >= ExtractorVersion::Two
        {
            Needed { index: given.message.0, content: self.content(record, given.message.0)?, schema: None }
        } else {
            Needed::default()
        };
        Ok(match self.extractor.extract(version, record.input.sequence, body, &needed, sources) {
            // An extracted part that is recorded all the same follows from nothing.
            Extraction::Nothing => Again::Computed(None),
            Extraction::Values(values) => Again::Computed(Some(values)),
            Extraction::WithoutSources(values) => Again::Partly(values),
            Extraction::Redacted => Again::Redacted,
        })
    }

    fn content(&mut self, record: &Record, index: u16) -> Result<Option<Vec<u8>>, ReadFault> {
        match record.input.contents.get(usize::from(index)) {
            Some(entry) => read(&mut self.arguments, &entry.commitment),
            None => Ok(None),
        }
    }

    fn call(
        &mut self,
        record: &Record,
        index: u16,
        tool: &Id,
        machine: &Machine,
    ) -> Result<Needed, ReadFault> {
        let content = self.content(record, index)?;
        let schema = match machine.state().tool(tool).and_then(|tool| tool.schema) {
            Some(commitment) => Some((commitment, read(&mut self.schemas, &commitment)?)),
            None => None,
        };
        Ok(Needed { index, content, schema })
    }
}

/// The version by which a record's extracted part must be computed: what it names, but none below that of the run's rule set. None: a later one
/// than is known here. Spec: extractor-version.
fn version_of(record: &Record, machine: &Machine) -> Option<ExtractorVersion> {
    let rule_set = machine.state().config().map_or(1, |config| config.rule_set.number);
    let least = ExtractorVersion::of_rule_set(rule_set);
    match &record.extracted {
        Some(extracted) => {
            ExtractorVersion::from_number(extracted.extractor).map(|version| version.max(least))
        }
        None => Some(least),
    }
}

/// What was said before the records of a stretch.
pub(crate) enum Heard<'a, F> {
    /// It begins with the run: what its own records say.
    SoFar(Box<SaidSoFar<'a, F>>),
    /// It begins inside the run.
    Gathered { reader: &'a TraceReader<F>, run: &'a RunSources, sources: Option<Arc<Sources>> },
}

impl<'a, F: ReadAt> Heard<'a, F> {
    /// For a stretch that begins with this segment.
    pub(crate) fn from(segment: u32, reader: &'a TraceReader<F>, run: &'a RunSources) -> Self {
        match segment {
            0 => Self::SoFar(Box::new(SaidSoFar::new(reader))),
            _ => Self::Gathered { reader, run, sources: None },
        }
    }

    /// All that was said before the next record; what was said later is not looked at.
    fn sources(&mut self) -> Result<&Sources, ReadFault> {
        match self {
            Self::SoFar(said) => said.sources(),
            Self::Gathered { sources: Some(sources), .. } => Ok(sources),
            Self::Gathered { reader, run, sources } => Ok(sources.insert(run.get(reader)?)),
        }
    }

    /// Takes the next record.
    fn add(&mut self, record: &Record) {
        match self {
            Self::SoFar(said) => said.add(record),
            Self::Gathered { .. } => {}
        }
    }
}

/// What the records said so far, for a walk in their order that may have to look into contents itself: texts are read when a call asks.
pub(crate) struct SaidSoFar<'a, F> {
    contents: ContentReader<'a, F>,
    sources: Sources,
    unread: Vec<(u64, Side, Digest)>,
}

impl<'a, F: ReadAt> SaidSoFar<'a, F> {
    pub(crate) fn new(reader: &'a TraceReader<F>) -> Self {
        Self { contents: reader.content_reader(), sources: Sources::new(), unread: Vec::new() }
    }

    /// Takes the next record.
    pub(crate) fn add(&mut self, record: &Record) {
        let number = record.input.sequence;
        self.unread.extend(said_by(record).map(|(side, commitment)| (number, side, commitment)));
    }

    /// What the records taken so far said.
    ///
    /// # Errors
    /// The storage failed.
    pub(crate) fn sources(&mut self) -> Result<&Sources, ReadFault> {
        for (record, side, commitment) in std::mem::take(&mut self.unread) {
            let bytes = read(&mut self.contents, &commitment)?;
            self.sources.add_content(record, side, bytes.as_deref());
        }
        Ok(&self.sources)
    }
}

/// The extracted part of a record as the latest version has it: recorded by it, or computed now from what content is there.
///
/// # Errors
/// The storage failed.
pub(crate) fn latest<F: ReadAt>(
    again: &mut ExtractedAgain<'_, F>,
    said: &mut SaidSoFar<'_, F>,
    record: &Record,
    machine: &Machine,
) -> Result<Option<Extracted>, ReadFault> {
    let recorded = &record.extracted;
    let version = recorded.as_ref().and_then(|extracted| ExtractorVersion::from_number(extracted.extractor));
    let computed = if version == Some(ExtractorVersion::LATEST) {
        None
    } else if matches!(record.input.body, Body::ToolProposed(_)) {
        Some(again.by(ExtractorVersion::LATEST, record, machine, said.sources()?)?)
    } else {
        Some(again.by(ExtractorVersion::LATEST, record, machine, &said.sources)?)
    };
    said.add(record);
    Ok(match computed {
        Some(Again::Computed(values)) => values,
        Some(Again::Partly(values)) => Some(values),
        Some(Again::Redacted | Again::NotAsked) | None => recorded.clone(),
    })
}

/// The bytes of a content. One in a damaged block is named as damage when its own segment is verified.
pub(crate) fn read<F: ReadAt>(
    contents: &mut ContentReader<'_, F>,
    commitment: &Digest,
) -> Result<Option<Vec<u8>>, ReadFault> {
    match contents.read(commitment) {
        Ok(found) => Ok(found.filter(Content::is_genuine).map(|content| content.bytes.to_vec())),
        Err(ReadFault::Damaged(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}
