//! Which contents are to be removed.

use std::path::Path;

use rederive_archive::BlockBuffer;
use rederive_evidence::record::Record;

use super::{Commitments, Listed, Which};
use crate::args::Failed;
use crate::problem::Problem;
use crate::trace::{self, Trace};
use crate::words::faults;

/// What was chosen, and what the records say of it.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) leave_out: Commitments,
    pub(super) listed: Listed,
    /// Texts looked for that stand in record bodies, which cannot be redacted, and the records.
    pub(super) in_bodies: Vec<(String, Vec<u64>)>,
    /// Contents that the trace holds.
    held: Commitments,
}

impl Chosen {
    /// Whether none of it is in the trace.
    pub(super) fn is_nothing(&self) -> bool {
        self.leave_out.is_disjoint(&self.held)
    }
}

/// Looks through a trace for what is to be removed.
pub(super) struct Finding<'a> {
    pub(super) which: &'a Which,
    pub(super) path: &'a Path,
}

/// A text that is looked for, in the forms it may have.
struct Sought<'a> {
    text: &'a str,
    forms: Vec<Vec<u8>>,
}

impl<'a> Sought<'a> {
    /// As it is, and as JSON writes it.
    fn new(text: &'a str) -> Self {
        let mut forms = vec![text.as_bytes().to_vec()];
        let quoted = serde_json::to_string(text).unwrap_or_default();
        let escaped =
            quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().as_bytes().to_vec();
        let ascii = ascii_json(text).into_bytes();
        for form in [escaped, ascii] {
            if !form.is_empty() && !forms.contains(&form) {
                forms.push(form);
            }
        }
        Self { text, forms }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| contains(bytes, form))
    }
}

/// The text as JSON writers write it that keep to ASCII: what is beyond as `\uXXXX`.
fn ascii_json(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            ' '..='~' => escaped.push(char),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    !form.is_empty() && bytes.windows(form.len()).any(|window| window == form)
}

impl Finding<'_> {
    /// Chooses what to leave out.
    ///
    /// # Errors
    /// An empty text; a record that the trace does not have; what cannot be read.
    pub(super) fn choose(&self, trace: &Trace) -> Result<Chosen, Failed> {
        if self.which.find.iter().any(String::is_empty) {
            return Err(Failed::usage(
                Problem::error("--find needs a text").hint("--all removes every content"),
            ));
        }
        let sought: Vec<Sought<'_>> = self.which.find.iter().map(|text| Sought::new(text)).collect();
        let mut chosen =
            Chosen { leave_out: self.which.commitments.iter().copied().collect(), ..Chosen::default() };
        chosen.in_bodies = sought.iter().map(|sought| (sought.text.to_owned(), Vec::new())).collect();
        self.search_contents(trace, &sought, &mut chosen)?;
        let records = self.search_records(trace, &mut chosen)?;
        if let Some(number) = self.which.records.iter().find(|number| **number >= records) {
            let problem = Problem::error(format!("{} has no record {number}", self.path.display()));
            return Err(Failed::usage(
                problem.hint(format!("its records are 0 to {}", records.saturating_sub(1))),
            ));
        }
        chosen.in_bodies.retain(|(_, records)| !records.is_empty());
        Ok(chosen)
    }

    fn search_contents(
        &self,
        trace: &Trace,
        sought: &[Sought<'_>],
        chosen: &mut Chosen,
    ) -> Result<(), Failed> {
        let mut buffer = BlockBuffer::new();
        for segment in (0..trace.segments()).map_while(|number| trace.segment(number)) {
            for block in segment.content_blocks() {
                let contents =
                    block.contents(&mut buffer).map_err(|fault| faults::reading(self.path, &fault))?;
                for content in contents {
                    let content = content.map_err(|fault| faults::reading(self.path, &fault.into()))?;
                    chosen.held.insert(content.commitment);
                    if self.which.all || sought.iter().any(|sought| sought.is_in(content.bytes)) {
                        chosen.leave_out.insert(content.commitment);
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes what the records list; returns how many there are.
    fn search_records(&self, trace: &Trace, chosen: &mut Chosen) -> Result<u64, Failed> {
        let mut records = 0;
        for record in trace::records(trace, self.path) {
            let record = record?;
            self.note(&record, chosen);
            records += 1;
        }
        Ok(records)
    }

    fn note(&self, record: &Record, chosen: &mut Chosen) {
        let number = record.input.sequence;
        let is_named = self.which.records.contains(&number);
        for entry in &record.input.contents {
            let (_, listing) = chosen.listed.entry(entry.commitment).or_insert_with(|| (*entry, Vec::new()));
            if listing.last() != Some(&number) {
                listing.push(number);
            }
            if is_named {
                let _: bool = chosen.leave_out.insert(entry.commitment);
            }
        }
        if chosen.in_bodies.is_empty() {
            return;
        }
        let body = serde_json::to_string(&record.input.body).unwrap_or_default();
        for (text, records) in &mut chosen.in_bodies {
            if contains(body.as_bytes(), text.as_bytes())
                || record.input.actor.as_str().contains(text.as_str())
            {
                records.push(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_as_it_is_and_as_json_writes_it() {
        let sought = Sought::new("Zoë \"Z\"\n🙂");
        for form in [
            r#"Zoë "Z"
🙂"#,
            r#"{"x":"Zoë \"Z\"\n🙂"}"#,
            r#"{"x":"Zo\u00eb \"Z\"\n\ud83d\ude42"}"#,
        ] {
            assert!(sought.is_in(form.as_bytes()), "{form}");
        }
        assert!(!sought.is_in("Zoe \"Z\"\n🙂".as_bytes()));
        assert_eq!(Sought::new("plain").forms.len(), 1);
    }
}
