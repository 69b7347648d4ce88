//! Extracted parts, computed again from the content that the trace still has.

use rederive_archive::{Content, ContentReader, ReadFault, TraceReader, storage::ReadAt};
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

    /// The extracted part of a record, from its contents. Spec: taken-as-recorded.
    ///
    /// # Errors
    /// The storage failed.
    pub(crate) fn of(&mut self, record: &Record, machine: &Machine) -> Result<Again, ReadFault> {
        let body = &record.input.body;
        let needed = if let Body::ToolProposed(proposed) = body
            && let Given::Known(arguments) = proposed.arguments
        {
            self.needed(record, arguments.0, &proposed.tool, machine)?
        } else {
            Needed::default()
        };
        Ok(match self.extractor.extract(body, &needed) {
            // An extracted part that is recorded all the same follows from nothing.
            Extraction::Nothing => Again::Computed(None),
            Extraction::Values(values) => Again::Computed(Some(values)),
            Extraction::Redacted => Again::Redacted,
        })
    }

    fn needed(
        &mut self,
        record: &Record,
        index: u16,
        tool: &Id,
        machine: &Machine,
    ) -> Result<Needed, ReadFault> {
        let content = match record.input.contents.get(usize::from(index)) {
            Some(entry) => read(&mut self.arguments, &entry.commitment)?,
            None => None,
        };
        let schema = match machine.state().tool(tool).and_then(|tool| tool.schema) {
            Some(commitment) => Some((commitment, read(&mut self.schemas, &commitment)?)),
            None => None,
        };
        Ok(Needed { index, content, schema })
    }
}

/// The bytes of a content. One in a damaged block is named as damage when its own segment is verified.
fn read<F: ReadAt>(
    contents: &mut ContentReader<'_, F>,
    commitment: &Digest,
) -> Result<Option<Vec<u8>>, ReadFault> {
    match contents.read(commitment) {
        Ok(found) => Ok(found.filter(Content::is_genuine).map(|content| content.bytes.to_vec())),
        Err(ReadFault::Damaged(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}
