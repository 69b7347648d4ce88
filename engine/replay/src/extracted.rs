//! Extracted parts, computed again from the content that the trace still has.

use rederive_archive::{ContentReader, TraceReader, storage::ReadAt};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::Record;
use rederive_evidence::schema::Given;
use rederive_extract::{Contents, Extraction, Extractor, SchemaBytes};
use rederive_machine::Machine;

use crate::derive::Again;

/// Reads the contents that an extraction needs and runs it.
pub(crate) struct ExtractedAgain<'a, F> {
    contents: ContentReader<'a, F>,
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
        Self { contents: reader.content_reader(), extractor: Extractor::new() }
    }

    /// The extracted part of a record again, or that it is taken as recorded and why: `true` where content is redacted.
    pub(crate) fn of(&mut self, record: &Record, machine: &Machine) -> (Again, bool) {
        let Body::ToolProposed(proposed) = &record.input.body else {
            // No other kind has an extracted part: one that is recorded all the same follows from nothing.
            return (Again::Computed(None), false);
        };
        let needed = match proposed.arguments {
            Given::Known(content) => self.needed(record, content.0, &proposed.tool, machine),
            Given::Absent => Needed::default(),
        };
        match self.extractor.extract(&record.input.body, &needed) {
            Extraction::Nothing => (Again::Computed(None), false),
            Extraction::Values(values) => (Again::Computed(Some(values)), false),
            Extraction::Redacted => (Again::AsRecorded, true),
        }
    }

    fn needed(&mut self, record: &Record, index: u16, tool: &Id, machine: &Machine) -> Needed {
        let content = record.input.contents.get(usize::from(index));
        let content = content.and_then(|entry| self.read(&entry.commitment));
        let schema = machine
            .state()
            .tool(tool)
            .and_then(|tool| tool.schema)
            .map(|commitment| (commitment, self.read(&commitment)));
        Needed { index, content, schema }
    }

    /// The bytes of a content. One that cannot be read was named as damage when its segment was verified.
    fn read(&mut self, commitment: &Digest) -> Option<Vec<u8>> {
        let content = self.contents.read(commitment).ok().flatten()?;
        content.is_genuine().then(|| content.bytes.to_vec())
    }
}
