//! What is known of a trace before its records are replayed: its chain of headers, how it ends, and who opened it.

use rederive_archive::{BlockBuffer, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::record::{ContentEntry, Record};
use rederive_verify::{
    ChainEnd, ChainVerifier, FaultClass, IntegrityFault, KeyRole, Signature, TrustRoots, verify_head,
};

use crate::codes;
use crate::report::{Place, Valid, Wrong};

/// The lowest thing wrong with bytes, digests or signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) valid: Valid,
    pub(crate) wrong: Wrong,
}

impl Broken {
    /// A fault of integrity at this place.
    pub(crate) fn integrity(fault: &IntegrityFault, place: Place) -> Self {
        let valid = match fault.class() {
            FaultClass::Damaged => Valid::Damaged,
            FaultClass::Forged => Valid::Forged,
            FaultClass::Unknown => Valid::Undecided,
        };
        let (field, recorded, derived) = describe(fault);
        Self { valid, wrong: Wrong { code: fault.code(), place, field, recorded, derived } }
    }

    /// A segment stores this content, and no record of it is the first to list it. Spec: verdict-order.
    pub(crate) fn unlisted(segment: u32, content: &str) -> Self {
        let wrong = Wrong {
            code: codes::UNLISTED,
            place: Place { segment: Some(segment), ..Place::default() },
            field: "contents".to_owned(),
            recorded: format!("content {content}, which no record of the segment lists first"),
            derived: "contents that its records list first".to_owned(),
        };
        Self { valid: Valid::Damaged, wrong }
    }

    /// A part of the trace that was to be looked at was not: whatever else was found, nothing is said of it.
    pub(crate) fn not_replayed(place: Place, field: &str, was: String, expected: String) -> Self {
        let wrong = Wrong {
            code: codes::NOT_REPLAYED,
            place,
            field: field.to_owned(),
            recorded: was,
            derived: expected,
        };
        Self { valid: Valid::Undecided, wrong }
    }

    /// A segment that was passed over.
    pub(crate) fn without_segment(number: u32) -> Self {
        let place = Place { segment: Some(number), ..Place::default() };
        Self::not_replayed(place, "segment", "passed over".to_owned(), "replayed".to_owned())
    }

    /// Bytes that cannot be read as what they should be. `Err` where the storage failed: that says nothing of the trace.
    pub(crate) fn reading(fault: ReadFault) -> Result<Self, ReadFault> {
        let wrong = |code, place, field: &str, recorded: String, derived: &str| Wrong {
            code,
            place,
            field: field.to_owned(),
            recorded,
            derived: derived.to_owned(),
        };
        let of_file =
            |code, field, expected| wrong(code, Place::default(), field, fault.to_string(), expected);
        match &fault {
            ReadFault::Damaged(damage) => {
                let at = damage.place;
                let place = Place { segment: Some(at.segment), record: None, byte: Some(at.offset) };
                let (part, cause) = (at.part.to_string(), damage.cause.to_string());
                let wrong = wrong(damage.code(), place, &part, cause, "the bytes that were written");
                Ok(Self { valid: Valid::Damaged, wrong })
            }
            ReadFault::NotATrace { .. } => {
                let wrong = of_file(codes::MAGIC, "file header", "the first bytes of a trace file");
                Ok(Self { valid: Valid::Damaged, wrong })
            }
            ReadFault::UnknownVersion { .. } => {
                let wrong = of_file(
                    codes::VERSION,
                    "file header",
                    "a format version that this version of rederive reads",
                );
                Ok(Self { valid: Valid::Undecided, wrong })
            }
            ReadFault::NeverBegun => {
                let wrong = of_file(codes::NEVER_BEGUN, "file", "at least the record that opens the run");
                Ok(Self { valid: Valid::Undecided, wrong })
            }
            // The storage, or a fault that a later version of the format adds: neither is the trace's doing.
            ReadFault::Store(_) | _ => Err(fault),
        }
    }
}

/// Why replay of a trace, or of a part of it, goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The trace's bytes, digests or signatures are wrong from here on.
    Broken(Box<Broken>),
    /// The storage failed: that says nothing of the trace.
    Store(ReadFault),
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(Box::new(broken))
    }
}

impl From<ReadFault> for Stop {
    fn from(fault: ReadFault) -> Self {
        Broken::reading(fault).map_or_else(Self::Store, Self::from)
    }
}

/// Field, what was found there and what was expected.
fn describe(fault: &IntegrityFault) -> (String, String, String) {
    match fault {
        IntegrityFault::Form { what, fault } => {
            (what.to_string(), fault.to_string(), "a signed form".to_owned())
        }
        IntegrityFault::OtherRun { what, expected, found } => {
            (format!("run of {what}"), found.to_hex(), expected.to_hex())
        }
        IntegrityFault::Number { what, field, expected, found } => {
            (format!("{field} of {what}"), found.to_string(), expected.to_string())
        }
        IntegrityFault::Digest { what, field, recorded, derived } => {
            (format!("{field} of {what}"), recorded.to_hex(), derived.to_hex())
        }
        IntegrityFault::OtherKey { what, expected, found } => {
            (format!("key of {what}"), found.to_hex(), expected.to_hex())
        }
        IntegrityFault::Signature { what, fault } => {
            (format!("signature of {what}"), fault.to_string(), "a signature that holds".to_owned())
        }
        IntegrityFault::Untrusted { what, found } => (
            format!("key of {what}"),
            found.to_hex(),
            "a key that the trust roots allow for this run".to_owned(),
        ),
        IntegrityFault::Frames { segment, unit, expected, found } => {
            (format!("{unit} of the frames of segment {segment}"), found.to_string(), expected.to_string())
        }
        // The enum grows with the formats; a fault not listed here still carries its words.
        other => ("trace".to_owned(), String::new(), other.to_string()),
    }
}

/// A trace's headers and ends, verified, and its opening record.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Headers whose chain holds, from segment 0.
    pub(crate) headers: Vec<Header>,
    pub(crate) run: Option<RunId>,
    /// As the first record says; it is verified with the segment that it stands in.
    pub(crate) opening: Option<Box<RunOpened>>,
    pub(crate) opening_contents: Vec<ContentEntry>,
    pub(crate) seal: Option<Seal>,
    /// Records of the open segment that a head's signature covers.
    pub(crate) attested_open: usize,
    /// What is wrong with the chain, its end, or who signed: no segment from there on is looked at.
    pub(crate) broken: Option<Box<Broken>>,
}

impl Plan {
    /// Reads and verifies the chain of a trace.
    ///
    /// # Errors
    /// The storage failed.
    pub(crate) fn of<F: ReadAt>(
        reader: &TraceReader<F>,
        trust: Option<&TrustRoots>,
    ) -> Result<Self, ReadFault> {
        let mut plan = Self::default();
        plan.read_opening(reader)?;
        match plan.follow_chain(reader, trust) {
            Ok(()) => {}
            Err(Stop::Broken(broken)) => plan.broken = Some(broken),
            Err(Stop::Store(fault)) => return Err(fault),
        }
        Ok(plan)
    }

    fn read_opening<F: ReadAt>(&mut self, reader: &TraceReader<F>) -> Result<(), ReadFault> {
        let mut buffer = BlockBuffer::new();
        let frames = match reader.segment(0) {
            Some(segment) => match segment.frames(&mut buffer) {
                Ok(frames) => frames,
                // Named when the segment is replayed; a failing store is not the trace's fault.
                Err(ReadFault::Damaged(_)) => return Ok(()),
                Err(fault) => return Err(fault),
            },
            None => reader.open_segment().map_or(&[] as &[u8], |open| open.frames()),
        };
        if let Ok((Record { input, .. }, _)) = Record::decode_frame(frames)
            && let Body::RunOpened(opening) = input.body
        {
            self.opening = Some(opening);
            self.opening_contents = input.contents;
        }
        Ok(())
    }

    /// Verifies the headers in turn, who signed the first, and how the chain ends.
    fn follow_chain<F: ReadAt>(
        &mut self,
        reader: &TraceReader<F>,
        trust: Option<&TrustRoots>,
    ) -> Result<(), Stop> {
        let mut chain = ChainVerifier::new();
        for number in 0..reader.segments() {
            let segment = reader.segment(number).ok_or_else(|| Broken::without_segment(number))?;
            let place = Place { segment: Some(number), ..Place::default() };
            let broken = |fault| Stop::from(Broken::integrity(&fault, place));
            let header = chain.header(&segment.header()?).map_err(broken)?;
            self.run.get_or_insert(header.run);
            self.headers.push(header);
            // After the header is kept: segment 0 is looked at even so, and where its frames are damaged, what the opening record in them
            // says of the key tells nothing.
            if number == 0 {
                let key = chain.first_key().ok_or_else(|| Broken::without_segment(number))?;
                self.check_signer(Signature::Header(0), key, trust).map_err(broken)?;
            }
        }
        let seal = reader.seal()?;
        self.follow_to_end(reader, chain, seal.as_deref(), trust)
            .map_err(|fault| Stop::from(Broken::integrity(&fault, Place::default())))?;
        self.check_log(reader)
    }

    /// The run that the signatures, or else the opening record, name.
    pub(crate) fn named_run(&self) -> Option<RunId> {
        self.run.or_else(|| self.opening.as_ref().map(|opening| opening.run))
    }

    /// The open log is of the run that is named. Spec: archive-log.
    fn check_log<F: ReadAt>(&self, reader: &TraceReader<F>) -> Result<(), Stop> {
        let (Some(open), Some(expected)) = (reader.open_segment(), self.named_run()) else { return Ok(()) };
        let found = open.run();
        if found == expected {
            return Ok(());
        }
        let place = Place { segment: Some(open.segment()), ..Place::default() };
        let fault = IntegrityFault::OtherRun { what: Signature::Head, expected, found };
        let mut broken = Broken::integrity(&fault, place);
        broken.wrong.field = "log.run".to_owned();
        Err(broken.into())
    }

    fn follow_to_end<F: ReadAt>(
        &mut self,
        reader: &TraceReader<F>,
        chain: ChainVerifier,
        seal: Option<&[u8]>,
        trust: Option<&TrustRoots>,
    ) -> Result<(), IntegrityFault> {
        let verified = match seal {
            Some(seal) => chain.sealed(seal)?,
            None => chain.open(reader.open_segment().and_then(|open| open.head()))?,
        };
        match verified.end {
            ChainEnd::Sealed(seal) => self.seal = Some(seal),
            ChainEnd::Open(head) => self.check_head(reader, &head)?,
            ChainEnd::Header | ChainEnd::Unsigned => {}
        }
        if self.headers.is_empty() {
            self.run = verified.run;
            // Without a header or a head nobody signed.
            verified.key.map_or(Ok(()), |key| self.check_signer(Signature::Head, key, trust))?;
        }
        Ok(())
    }

    /// The first key is the one that the opening record names, and the trust roots allow it. Spec: header-key, opening-key.
    fn check_signer(
        &self,
        what: Signature,
        found: PublicKey,
        trust: Option<&TrustRoots>,
    ) -> Result<(), IntegrityFault> {
        if let Some(opening) = &self.opening {
            if opening.recorder_key != found {
                return Err(IntegrityFault::OtherKey { what, expected: opening.recorder_key, found });
            }
            if let Some(run) = self.run.filter(|run| opening.run != *run) {
                return Err(IntegrityFault::OtherRun { what, expected: opening.run, found: run });
            }
        }
        let Some(trust) = trust else { return Ok(()) };
        let allowed = match (&self.opening, &self.run) {
            (Some(opening), Some(run)) => trust.allows(&found, KeyRole::Recorder, &opening.tenant, run),
            // Without an opening record nothing says whose run it is: no key is trusted for it.
            (None, _) | (_, None) => false,
        };
        if allowed { Ok(()) } else { Err(IntegrityFault::Untrusted { what, found }) }
    }

    fn check_head<F: ReadAt>(
        &mut self,
        reader: &TraceReader<F>,
        head: &rederive_evidence::chain::Head,
    ) -> Result<(), IntegrityFault> {
        let open = reader.open_segment();
        // No frame, and an empty one, is none that a head covers.
        let records = 0..open.map_or(0, |open| open.records());
        let frames = records.map(|record| open.and_then(|open| open.frame(record)).unwrap_or_default());
        self.attested_open = verify_head(head, frames)?;
        Ok(())
    }

    /// Where the state checksum stands before a segment.
    pub(crate) fn checksum_before(&self, segment: u32) -> Digest {
        let before = segment.checked_sub(1).and_then(|before| self.headers.get(before as usize));
        before.map_or(Digest::ZERO, |header| header.checksum)
    }

    /// Number of the record with which a segment begins.
    pub(crate) fn first_record(&self, segment: u32) -> u64 {
        let before = segment.checked_sub(1).and_then(|before| self.headers.get(before as usize));
        before.map_or(0, |header| header.first + u64::from(header.records))
    }
}
