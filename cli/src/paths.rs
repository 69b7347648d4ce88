//! The PATH arguments: files, folders, `-` for standard input.

mod kind;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use self::kind::Kind;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::text::one_line;

/// The most bytes of one input.
const INPUT_BYTES_MAX: u64 = 4 << 30;
/// What is said of a device, a socket and other things that hold no input.
const NO_FILE: &str = "it is no regular file";
/// The number of the system's error for links that lead round in a circle.
const LINKS_IN_A_CIRCLE: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 40 } else { 62 };
/// The most folders inside folders that are followed.
const DEPTH_MAX: usize = 64;

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Standard input.
    Stdin,
    /// A file.
    File {
        /// How the system finds it: the argument, or the argument and the way inside it.
        path: PathBuf,
        /// Its name: the last part of the argument, or the way inside the folder that was the argument. The same wherever the folder lies.
        name: String,
    },
    /// A pipe under a path, such as a shell's `<(command)`. As standard input it is read once, from its beginning to its end.
    Pipe {
        /// How the system finds it.
        path: PathBuf,
        /// The last part of the argument.
        name: String,
    },
}

impl Place {
    /// The one input that a path leads to.
    ///
    /// # Errors
    /// Nothing that could be read, or a folder.
    pub(crate) fn of(path: &Path) -> Result<Self, Missing> {
        let missing = |reason| Missing { path: path.to_owned(), reason };
        if path == Path::new("-") {
            return Ok(Self::Stdin);
        }
        let name = || path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        match Kind::of(path) {
            Ok(Kind::File) => Ok(Self::File { path: path.to_owned(), name: name() }),
            Ok(Kind::Pipe) => Ok(Self::Pipe { path: path.to_owned(), name: name() }),
            Ok(Kind::Stdin) => Ok(Self::Stdin),
            Ok(Kind::Folder) => Err(missing(Reason::System(io::ErrorKind::IsADirectory.into()))),
            Ok(Kind::Other) => Err(missing(Reason::NoFile)),
            Err(error) => Err(missing(Reason::System(error))),
        }
    }

    /// The place as it is shown.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File { path, .. } | Self::Pipe { path, .. } => path.display().to_string(),
        }
    }

    /// The place as it is named in a sentence.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File { .. } | Self::Pipe { .. } => self.shown(),
        }
    }

    /// The name under which a run from this place is recorded.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Stdin => "stdin",
            Self::File { name, .. } | Self::Pipe { name, .. } => name,
        }
    }

    /// What it is, whatever path was given: two names of one file are one place.
    fn identity(&self) -> PathBuf {
        match self {
            Self::Stdin => "-".into(),
            Self::File { path, .. } | Self::Pipe { path, .. } => {
                path.canonicalize().unwrap_or_else(|_| path.clone())
            }
        }
    }
}

/// Inputs found, and arguments that led nowhere.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The inputs, ascending by path, each once: of several paths that lead to one file, the first.
    pub(crate) places: Vec<Place>,
    /// What could not be looked into.
    pub(crate) missing: Vec<Missing>,
}

/// An argument, or something inside it, that cannot be read.
#[derive(Debug)]
pub(crate) struct Missing {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    System(io::Error),
    NothingInside(&'static [&'static str]),
    TooDeep,
    NoFile,
}

impl Missing {
    pub(crate) fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Why, in words.
    pub(crate) fn reason(&self) -> String {
        match &self.reason {
            Reason::System(error) => words(error),
            Reason::NothingInside(endings) => {
                format!("no file that ends in .{} is in this folder", endings.join(", ."))
            }
            Reason::TooDeep => format!("folders are nested more than {DEPTH_MAX} deep"),
            Reason::NoFile => NO_FILE.to_owned(),
        }
    }

    /// The exit status that it means.
    pub(crate) fn exit(&self) -> Exit {
        match &self.reason {
            Reason::System(error) => exit_of(error),
            Reason::NothingInside(_) | Reason::TooDeep | Reason::NoFile => Exit::Usage,
        }
    }

    pub(crate) fn problem(&self) -> Problem {
        Problem::error(format!("cannot read {}: {}", self.path.display(), self.reason()))
    }
}

/// What the system says, without its number.
pub(crate) fn words(error: &io::Error) -> String {
    let known = [
        (io::ErrorKind::NotFound, "no such file or folder"),
        (io::ErrorKind::PermissionDenied, "permission denied"),
        (io::ErrorKind::IsADirectory, "it is a folder"),
        (io::ErrorKind::NotADirectory, "a part of the path is no folder"),
    ];
    if let Some((_, words)) = known.iter().find(|(kind, _)| *kind == error.kind()) {
        return (*words).to_owned();
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The exit status of a file that the system does not give us.
pub(crate) fn exit_of(error: &io::Error) -> Exit {
    let is_asked_wrongly = matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::FileTooLarge
    );
    // The library has no stable name for it.
    let is_circle = cfg!(unix) && error.raw_os_error() == Some(LINKS_IN_A_CIRCLE);
    if is_asked_wrongly || is_circle { Exit::Usage } else { Exit::Internal }
}

/// Finds the inputs that the arguments name; in folders, the files with one of these endings, at any depth.
pub(crate) fn find(arguments: &[PathBuf], endings: &'static [&'static str]) -> Found {
    let mut found = Found::default();
    for argument in arguments {
        if argument.is_dir() && argument != Path::new("-") {
            let before = (found.places.len(), found.missing.len());
            folder(argument, argument, endings, DEPTH_MAX, &mut found);
            if (found.places.len(), found.missing.len()) == before {
                let reason = Reason::NothingInside(endings);
                found.missing.push(Missing { path: argument.clone(), reason });
            }
            continue;
        }
        match Place::of(argument) {
            Ok(place) => found.places.push(place),
            Err(missing) => found.missing.push(missing),
        }
    }
    found.places.sort();
    let mut seen = BTreeSet::new();
    found.places.retain(|place| seen.insert(place.identity()));
    found
}

fn folder(path: &Path, argument: &Path, endings: &'static [&'static str], depth: usize, found: &mut Found) {
    let missing = |path: &Path, reason| Missing { path: path.to_owned(), reason };
    if depth == 0 {
        return found.missing.push(missing(path, Reason::TooDeep));
    }
    let entries = match path.read_dir() {
        Ok(entries) => entries,
        Err(error) => return found.missing.push(missing(path, Reason::System(error))),
    };
    for entry in entries {
        // The type of the entry itself: a link to a folder is not followed, so that no loop is walked.
        let (entry, is_folder) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?.is_dir())))
        {
            Ok(found) => found,
            Err(error) => return found.missing.push(missing(path, Reason::System(error))),
        };
        if is_folder {
            folder(&entry, argument, endings, depth - 1, found);
        } else if has_ending(&entry, endings) {
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => {
                    let name = name_inside(&entry, argument);
                    found.places.push(Place::File { path: entry, name });
                }
                // A pipe would keep us waiting, a device for ever: whoever wants one read names it.
                Ok(_) => found.missing.push(missing(&entry, Reason::NoFile)),
                Err(error) => found.missing.push(missing(&entry, Reason::System(error))),
            }
        }
    }
}

/// What lies in folders and is no input, though it may be taken for one.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    /// Open logs without the trace file that they lie beside: they may hold records that were acknowledged.
    pub(crate) logs: Vec<PathBuf>,
    /// Links to folders, which are not followed.
    pub(crate) links: Vec<PathBuf>,
}

/// Finds what is passed over in those arguments that are folders, ascending. What cannot be looked into is told by [`find`].
pub(crate) fn passed_over(arguments: &[PathBuf]) -> PassedOver {
    let mut found = PassedOver::default();
    let folders = arguments.iter().filter(|argument| argument.is_dir() && *argument != Path::new("-"));
    folders.for_each(|folder| found.look_into(folder, DEPTH_MAX));
    for paths in [&mut found.logs, &mut found.links] {
        paths.sort();
        paths.dedup();
    }
    found
}

impl PassedOver {
    fn look_into(&mut self, folder: &Path, depth: usize) {
        let Some(deeper) = depth.checked_sub(1) else { return };
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            if kind.is_dir() {
                self.look_into(&path, deeper);
            } else if kind.is_symlink() && path.is_dir() {
                self.links.push(path);
            } else if trace_of_log(&path).is_some_and(|trace| trace.symlink_metadata().is_err()) {
                self.logs.push(path);
            }
        }
    }
}

/// The trace file that a log lies beside; none where the name is not that of a log.
fn trace_of_log(path: &Path) -> Option<PathBuf> {
    let trace = path.with_extension("rdt");
    (rederive_archive::log_path(&trace) == path).then_some(trace)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    endings.iter().any(|wanted| ending.eq_ignore_ascii_case(wanted))
}

/// The way from the folder to the file, parts joined by `/` on every system.
fn name_inside(path: &Path, folder: &Path) -> String {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// A path as it is shown: names of files can hold what would steer a terminal.
pub(crate) fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}

/// A path as it stands in a command that is offered: what a shell would read otherwise is quoted, so that a name that came from somewhere else is never
/// more than a name.
pub(crate) fn typed(path: &Path) -> String {
    typed_text(&path.display().to_string())
}

/// A path that is text already, as it stands in a command that is offered.
pub(crate) fn typed_text(path: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "/._-+=:,@%".contains(char);
    if path == "-" || (!path.is_empty() && !path.starts_with('-') && path.chars().all(is_plain)) {
        return path.to_owned();
    }
    // Behind `--` or not, `./` in front keeps a name from being read as an option.
    let front = if path.starts_with('-') { "./" } else { "" };
    format!("'{front}{}'", one_line(path).replace('\'', "'\\''"))
}

/// All bytes of an input.
///
/// # Errors
/// What the system reports; more than 4 GiB.
pub(crate) fn read(place: &Place) -> io::Result<Vec<u8>> {
    match place {
        Place::File { path, .. } | Place::Pipe { path, .. } => read_file(path, INPUT_BYTES_MAX),
        Place::Stdin => read_stdin(INPUT_BYTES_MAX),
    }
}

/// All bytes of standard input, at most `most`.
///
/// # Errors
/// What the system reports; more bytes than allowed.
pub(crate) fn read_stdin(most: u64) -> io::Result<Vec<u8>> {
    kind::check_stdin_length(most)?;
    read_most(io::stdin().lock(), most)
}

/// Copies an input to a file, at most the most bytes of one input. Returns how many there were.
///
/// # Errors
/// What the system reports; more bytes than allowed.
pub(crate) fn copy(place: &Place, to: &mut File) -> io::Result<u64> {
    let most = INPUT_BYTES_MAX + 1;
    let copied = match place {
        Place::File { path, .. } | Place::Pipe { path, .. } => {
            io::copy(&mut File::open(path)?.take(most), to)?
        }
        Place::Stdin => {
            kind::check_stdin_length(INPUT_BYTES_MAX)?;
            io::copy(&mut io::stdin().lock().take(most), to)?
        }
    };
    if copied > INPUT_BYTES_MAX { Err(too_long(INPUT_BYTES_MAX)) } else { Ok(copied) }
}

fn too_long(most: u64) -> io::Error {
    let reason = format!("it has more than the {} allowed here", crate::text::bytes(most));
    io::Error::new(io::ErrorKind::FileTooLarge, reason)
}

/// All bytes of a file or a pipe of at most `most` bytes. Of a file that says it is longer nothing is read.
///
/// # Errors
/// What the system reports; more bytes than allowed; a device, which can go on for ever.
pub(crate) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    match Kind::of(path)? {
        Kind::Stdin => return read_stdin(most),
        Kind::Other => return Err(io::Error::new(io::ErrorKind::InvalidInput, NO_FILE)),
        Kind::File | Kind::Pipe | Kind::Folder => {}
    }
    let file = File::open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.len() > most {
        return Err(too_long(most));
    }
    read_most(file, most)
}

fn read_most(from: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > most {
        return Err(too_long(most));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_command_that_is_offered_is_a_name_and_nothing_more() {
        for (path, typed) in [
            ("traces/a-1_b.rdt", "traces/a-1_b.rdt"),
            ("-", "-"),
            ("übung/é.rdt", "übung/é.rdt"),
            ("a b.rdt", "'a b.rdt'"),
            ("x;rm -rf ~.rdt", "'x;rm -rf ~.rdt'"),
            ("$(id).rdt", "'$(id).rdt'"),
            ("it's.rdt", "'it'\\''s.rdt'"),
            ("--help", "'./--help'"),
            ("", "''"),
            ("a\n`id`", "'a `id`'"),
            ("a\u{1b}[2J", "'a\\u{1b}[2J'"),
        ] {
            assert_eq!(typed_text(path), typed);
        }
    }
}
