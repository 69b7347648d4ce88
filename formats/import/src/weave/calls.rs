//! Calls and their ends.

use std::borrow::Cow;

use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::tool::{FailureClass, ToolFailed, ToolProposed, ToolReturned};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::values::{Origin, Place, Role, Trust};

use super::bag::Bag;
use super::prompt::Part;
use super::{Moment, Weaver, label};
use crate::fault::{NoteKind, Path};
use crate::message::{Call, Piece, Returned};
use crate::names::{self, actors};
use crate::pairing::Found;

impl<'a> Weaver<'a, '_> {
    /// Records a call at its place, led to by one record.
    pub(super) fn propose(
        &mut self,
        place: Place,
        call: Call<'a>,
        origin: Origin,
        cause: u64,
        moment: &Moment,
    ) -> usize {
        let tool = self.name(names::of(&call.tool), &call.tool, &call.pointer);
        let mut bag = Bag::default();
        let arguments = call.arguments.as_ref().map(|arguments| bag.add(arguments));
        let call_id = call.id.as_ref().map(|id| bag.add(&Piece::text(id.as_ref())));
        let body = ToolProposed {
            tool,
            arguments: arguments.into(),
            call_id,
            expected_effect: None,
            retry_of: None,
        };
        let mut draft = self.draft(place.agent.clone(), origin, moment, body);
        draft.place = Some(place.clone());
        draft.causes = Causes::of([cause]);
        draft.contents = bag.into_contents();
        let record = self.push(draft);
        self.calls.add(call, place, record)
    }

    /// Records a result: the end of the call found for it, or data without one. Returns the record.
    pub(super) fn end(&mut self, found: Option<Found>, returned: &Returned<'a>, moment: &Moment) -> u64 {
        let Some((found, call)) = found.and_then(|found| Some((found, self.calls.get(found.index)?))) else {
            self.notes.add(&Path::at(&returned.pointer), NoteKind::ResultWithoutCall);
            return self.stray(returned, moment);
        };
        let mut ended = Ended::of(returned);
        ended.beside(returned, returned.rest(Some(&call.call)));
        let mut draft = self.draft(names::own(actors::TOOLS), Origin::Tool, moment, ended.body);
        draft.place = Some(call.place.clone());
        draft.causes = Causes::of([call.record]);
        draft.labels = vec![label(Trust::External)];
        draft.contents = ended.bag.into_contents();
        let record = self.push(draft);
        self.calls.end(found.index, record);
        if found.is_ambiguous {
            self.notes.add(&Path::at(&returned.pointer), NoteKind::RepeatedCallId);
        }
        record
    }

    /// Records a result that belongs to no call.
    pub(super) fn stray(&mut self, returned: &Returned<'a>, moment: &Moment) -> u64 {
        let mut bag = Bag::default();
        returned.id.iter().for_each(|id| bag.beside(MediaType::Text, Cow::Borrowed(id)));
        returned.error.iter().for_each(|error| bag.beside(error.media, Cow::Borrowed(&error.bytes)));
        returned.rest(None).into_iter().for_each(|rest| bag.beside(MediaType::Json, rest.into()));
        returned.texts.iter().for_each(|text| bag.repeat(text));
        self.retrieve(&returned.result, bag, Origin::Tool, moment)
    }
}

/// The end of a call in the making.
struct Ended {
    body: Body,
    bag: Bag,
}

impl Ended {
    fn of(returned: &Returned<'_>) -> Self {
        let mut bag = Bag::default();
        let result = (!returned.failed || !is_nothing(&returned.result)).then(|| bag.add(&returned.result));
        let error = returned.error.as_ref().map(|error| bag.add(error));
        let call_id = returned.id.as_ref().map(|id| bag.add(&Piece::text(id.as_ref())));
        let body = match result {
            Some(result) if !returned.failed => {
                let (duration_us, spend_micros, label) = (None, None, None);
                ToolReturned { result, duration_us, spend_micros, label, call_id }.into()
            }
            result => {
                ToolFailed { class: FailureClass::Tool, error, result, duration_us: None, call_id }.into()
            }
        };
        Self { body, bag }
    }

    /// Keeps what the body has no field for.
    fn beside(&mut self, returned: &Returned<'_>, rest: Option<Vec<u8>>) {
        if let Some(rest) = rest {
            self.bag.beside(MediaType::Json, rest.into());
        }
        for text in &returned.texts {
            self.bag.repeat(text);
        }
    }
}

/// What a prompt says of a result: the result, and the error.
pub(super) fn parts_of<'a>(returned: &Returned<'a>, from: Option<u64>) -> impl Iterator<Item = Part<'a>> {
    let says_result = returned.error.is_none() || !is_nothing(&returned.result);
    let result = says_result.then(|| returned.result.clone());
    let pieces = result.into_iter().chain(returned.error.clone());
    pieces.map(move |piece| Part { role: Role::Tool, piece, about: None, from })
}

/// Whether a result says nothing: it is empty, or `null`.
fn is_nothing(piece: &Piece<'_>) -> bool {
    piece.bytes.is_empty() || (piece.media == MediaType::Json && piece.bytes.as_ref() == b"null")
}
