//! Reading what commands are given: traces, their records and contents, keys and trust roots.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rederive_archive::storage::{OsFile, OsStorage, Storage as _};
use rederive_archive::{ReadFault, TraceReader};
use rederive_evidence::cbor::DecodeError;
use rederive_evidence::chain::Header;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::record::Record;
use rederive_evidence::signed::UncheckedSigned;
use rederive_replay::{FrameAt, Records, RecordsFault};
use rederive_verify::{TrustFault, TrustRoots};
use tempfile::NamedTempFile;

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{Place, copy, exit_of, read_file, read_stdin, typed, words};
use crate::problem::Problem;
use crate::text::without_mark;
use crate::words::{faults, json};

/// An open trace.
pub(crate) type Trace = TraceReader<OsFile>;

/// A trace as a file. It is read by places in it, which a stream does not have: a stream is put into a file that is gone with this value.
pub(crate) struct OnDisk {
    path: PathBuf,
    _spooled: Option<NamedTempFile>,
}

impl OnDisk {
    /// The trace at `path`; `-` is the one on standard input.
    ///
    /// # Errors
    /// Nothing that could be a trace; a stream that cannot be read.
    pub(crate) fn of(path: &Path) -> Result<Self, Failed> {
        match Place::of(path) {
            Ok(Place::File { path, .. }) => Ok(Self { path, _spooled: None }),
            Ok(stream @ (Place::Stdin | Place::Pipe { .. })) => spooled(&stream).map_err(|error| {
                let title = format!("cannot read a trace from {}: {}", stream.told(), words(&error));
                Failed::new(exit_of(&error), Problem::error(title))
            }),
            Err(missing) => Err(Failed::new(missing.exit(), missing.problem())),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn spooled(stream: &Place) -> io::Result<OnDisk> {
    let mut spooled = tempfile::Builder::new().prefix("rederive-").suffix(".rdt").tempfile()?;
    let _ = copy(stream, spooled.as_file_mut())?;
    Ok(OnDisk { path: spooled.path().to_owned(), _spooled: Some(spooled) })
}

/// Opens the trace at `path`; `-` is the one on standard input.
///
/// # Errors
/// It cannot be read.
pub(crate) fn open(path: &Path) -> Result<Trace, Failed> {
    let on_disk = OnDisk::of(path)?;
    TraceReader::open(&OsStorage, on_disk.path()).map_err(|fault| faults::reading(path, &fault))
}

/// The records of a trace, as far as they can be read.
pub(crate) fn records<'r>(
    trace: &'r Trace,
    path: &'r Path,
) -> impl Iterator<Item = Result<Record, Failed>> + use<'r> {
    let mut sequence = 0_u64;
    Records::from_segment(trace, 0).map(move |frame| {
        let frame = frame.map_err(|fault| unreadable(path, &fault))?;
        let record = frame.record().map_err(|error| undecodable(path, sequence, &frame, &error))?;
        sequence += 1;
        Ok(record)
    })
}

/// The frame and the record with this number; none where the trace has no such record.
///
/// # Errors
/// It, or a record before it, cannot be read.
pub(crate) fn record(trace: &Trace, path: &Path, number: u64) -> Result<Option<(FrameAt, Record)>, Failed> {
    // Headers say where to begin; they are claims, so that the record's own number decides.
    let ends = headers(trace).take_while(|header| header.first <= number);
    let segment = ends.last().map_or(0, |header| {
        let is_inside = number - header.first < u64::from(header.records);
        if is_inside { header.segment } else { header.segment + 1 }
    });
    for frame in Records::from_segment(trace, segment) {
        let frame = frame.map_err(|fault| unreadable(path, &fault))?;
        let record = frame.record().map_err(|error| undecodable(path, number, &frame, &error))?;
        if record.input.sequence >= number {
            return Ok((record.input.sequence == number).then_some((frame, record)));
        }
    }
    Ok(None)
}

/// What the headers of the closed segments claim, as far as they can be read.
pub(crate) fn headers(trace: &Trace) -> impl Iterator<Item = Header> + '_ {
    (0..trace.segments()).map_while(|number| {
        let bytes = trace.segment(number)?.header().ok()?;
        UncheckedSigned::<Header>::parse(&bytes).ok().map(|signed| signed.claims().clone())
    })
}

/// Number of the last record, as the headers and the open log tell it.
pub(crate) fn last_record(trace: &Trace) -> u64 {
    let closed = headers(trace).last().map_or(0, |header| header.first + u64::from(header.records));
    let open = trace.open_segment().map_or(0, |open| open.records() as u64);
    (closed + open).saturating_sub(1)
}

/// A trace with records up to the last one has none with this number.
pub(crate) fn no_record(path: &Path, number: u64, last: u64) -> Failed {
    let problem = Problem::error(format!("{} has no record {number}", path.display()));
    Failed::usage(problem.hint(format!("its records are 0 to {last}")))
}

fn undecodable(path: &Path, record: u64, frame: &FrameAt, error: &DecodeError) -> Failed {
    let title = format!("{}: record {record} cannot be read: {}", path.display(), error.fault);
    let problem = Problem::error(title)
        .row("segment", format!("segment {}, byte {}", frame.segment, frame.byte + error.at as u64))
        .row("code", error.fault.code())
        .hint(format!("`rederive replay {}` says what of it holds", typed(path)));
    Failed::new(Exit::Untrustworthy, problem)
}

/// Frames that cannot be told apart.
pub(crate) fn unreadable(path: &Path, fault: &RecordsFault) -> Failed {
    match fault {
        RecordsFault::Read(fault) => faults::reading(path, fault),
        RecordsFault::Frame { segment, byte, error } => {
            let title = format!("{}: no record can be read there: {}", path.display(), error.fault);
            let problem = Problem::error(title)
                .row("segment", format!("segment {segment}, byte {}", byte + error.at as u64))
                .row("code", error.fault.code())
                .hint(format!("`rederive replay {}` says what of it holds", typed(path)));
            Failed::new(Exit::Untrustworthy, problem)
        }
        RecordsFault::Overfull { .. } => {
            let problem = Problem::error(format!("{}: {fault}", path.display()))
                .row("code", "V-UNLISTED")
                .hint(format!("`rederive replay {}` says what of it holds", typed(path)));
            Failed::new(Exit::Untrustworthy, problem)
        }
        _ => Failed::internal(format!("{}: {fault}", path.display())),
    }
}

/// Reads a trust-root file.
///
/// # Errors
/// It cannot be read whole: then nobody is trusted.
pub(crate) fn trust_roots(path: &Path) -> Result<TrustRoots, Failed> {
    let text = file(path, TRUST_BYTES_MAX)?;
    TrustRoots::parse(without_mark(&text)).map_err(|fault| {
        let reason = match &fault {
            TrustFault::Form(error) => format!("no trust-root file: {}", json::placed(&error.to_string())),
            TrustFault::Version(_) | TrustFault::Empty | _ => fault.to_string(),
        };
        let problem = Problem::error(format!("{} cannot be used: {reason}", path.display()));
        Failed::usage(problem.hint("`rederive keygen --out KEY --trust FILE` writes one"))
    })
}

/// Reads a signing key's file.
///
/// # Errors
/// It cannot be read, or holds no signing key.
pub(crate) fn signing_key(path: &Path) -> Result<SigningKey, Failed> {
    let text = file(path, KEY_BYTES_MAX)?;
    let parsed = std::str::from_utf8(without_mark(&text)).ok().map(SigningKey::parse);
    match parsed {
        Some(Ok(key)) => Ok(key),
        Some(Err(fault)) => Err(no_key(path, &fault.to_string())),
        None => Err(no_key(path, "it is not text")),
    }
}

fn no_key(path: &Path, reason: &str) -> Failed {
    let problem = Problem::error(format!("{} holds no signing key: {reason}", path.display()));
    Failed::usage(problem.hint("`rederive keygen --out FILE` makes one"))
}

/// The most bytes of a trust-root file: hundreds of thousands of keys.
const TRUST_BYTES_MAX: u64 = 64 << 20;
/// The most bytes of a signing key's file, comments included.
const KEY_BYTES_MAX: u64 = 4 << 10;

/// All bytes of a file of at most `most`.
///
/// # Errors
/// It cannot be read, or is longer.
pub(crate) fn file(path: &Path, most: u64) -> Result<Vec<u8>, Failed> {
    let read = if path == Path::new("-") { read_stdin(most) } else { read_file(path, most) };
    read.map_err(|error| {
        let title = format!("cannot read {}: {}", path.display(), words(&error));
        Failed::new(exit_of(&error), Problem::error(title))
    })
}

/// Writes a file that does not exist yet, readable by its owner alone where it is secret. It has its name once it is whole and on the disk: whatever ends the
/// process before leaves at most a hidden file of another name beside it.
///
/// # Errors
/// It exists, or cannot be written.
pub(crate) fn create(path: &Path, bytes: &[u8], is_secret: bool) -> Result<(), Failed> {
    is_file_name(path)?;
    let unwritten = |error: &io::Error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return exists(path);
        }
        let title = format!("cannot write {}: {}", path.display(), words(error));
        Failed::new(exit_of(error), Problem::error(title))
    };
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut unfinished = tempfile::Builder::new();
    let _ = unfinished.prefix(UNFINISHED_PREFIX);
    let made = unfinished.make_in(folder.unwrap_or(Path::new(".")), |path| new_file(path, is_secret));
    let mut made = made.map_err(|error| unwritten(&error))?;
    let file = made.as_file_mut();
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|error| unwritten(&error))?;
    let _ = made.persist_noclobber(path).map_err(|fault| unwritten(&fault.error))?;
    OsStorage.sync_directory_of(path).map_err(|error| unwritten(&error))
}

/// How the names of files begin that are being written.
const UNFINISHED_PREFIX: &str = ".rederive-";

fn new_file(path: &Path, is_secret: bool) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    let _ = options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let _ = options.mode(if is_secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = is_secret;
    options.open(path)
}

/// Makes the folder that `--out` names, where there is none yet.
///
/// # Errors
/// It is `-`, or cannot be made.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failed> {
    if path == Path::new("-") {
        let problem = Problem::error("--out takes the name of a folder, and `-` is none");
        return Err(Failed::usage(problem.hint("`--out ./-` names a folder of that name")));
    }
    std::fs::create_dir_all(path).map_err(|error| {
        let title = format!("cannot make the folder {}: {}", path.display(), words(&error));
        Failed::new(exit_of(&error), Problem::error(title))
    })
}

/// Whether a path can be written to. A file named `-` is nobody's wish, and standard output carries what is said about the file.
///
/// # Errors
/// It is `-`.
pub(crate) fn is_file_name(path: &Path) -> Result<(), Failed> {
    if path != Path::new("-") {
        return Ok(());
    }
    let problem = Problem::error("--out takes the name of a file, and `-` is none");
    Err(Failed::usage(problem.hint("`--out ./-` names a file of that name")))
}

/// A file is there already.
pub(crate) fn exists(path: &Path) -> Failed {
    let problem = Problem::error(format!("{} exists already and is never overwritten", path.display()));
    Failed::usage(problem.hint("choose another name"))
}

/// A content of a record, as the trace has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Its bytes, which match the commitment.
    Bytes(Vec<u8>),
    /// It is not there, for this reason.
    Absent(&'static str),
    /// Bytes that do not match the commitment.
    Wrong,
}

/// Reads one content.
///
/// # Errors
/// The bytes where it should be cannot be read.
pub(crate) fn content(
    contents: &mut rederive_archive::ContentReader<'_, OsFile>,
    commitment: &rederive_evidence::digest::Digest,
) -> Result<Held, ReadFault> {
    Ok(match contents.read(commitment)? {
        Some(content) if content.is_genuine() => Held::Bytes(content.bytes.to_vec()),
        Some(_) => Held::Wrong,
        None => Held::Absent("redacted"),
    })
}
