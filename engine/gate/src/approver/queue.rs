//! An approver through a folder: requests are written there, answers are read there, by this process or any later one.
//!
//! `requests/NAME` holds a signed request, `answers/NAME` its answer; `NAME` is the run and what is covered. Files are written beside and renamed, so
//! that whoever reads one reads all of it. An answer that does not count is put aside as `refused/NAME.N`, with the reason beside it, and the request stays.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rederive_evidence::ids::{Id, PublicKey};
use rederive_evidence::keys::Signer;
use rederive_evidence::receipt::ApproverVerdict;
use rederive_evidence::signed::{Payload as _, SignFault, sign};
use rederive_recorder::Clock;

use super::answer::{Answer, AnswerFile, FileFault};
use super::request::{Request, RequestFile};
use crate::ports::{Approver, Evidence, Failure, Payload, Review, Verdict, Word};

/// Why the queue could not ask, or an answer was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueFault {
    /// The folder cannot be read or written.
    #[error("the folder of approvals failed: {0}")]
    Store(#[from] io::Error),
    /// The request was not signed.
    #[error(transparent)]
    Sign(#[from] SignFault),
    /// There is more to read than a person can be asked to.
    #[error("the page is larger than a request may be")]
    Page,
    /// The system has no time, and whether an answer is late cannot be told.
    #[error("there is no clock")]
    NoClock,
    /// An answer lay there that does not count; it was put aside.
    #[error("an answer was refused: {0}")]
    Answer(#[from] FileFault),
}

/// A folder of requests and answers.
pub struct FolderQueue {
    folder: PathBuf,
    signer: Box<dyn Signer + Send + Sync>,
    approvers: BTreeMap<Id, PublicKey>,
    clock: Box<dyn Clock>,
}

/// Folders inside the folder.
const REQUESTS: &str = "requests";
const ANSWERS: &str = "answers";
const REFUSED: &str = "refused";

impl FolderQueue {
    /// A queue in this folder, which is made where it is not there. Requests are signed with the gate's key, and only these people's answers are read.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(
        folder: impl Into<PathBuf>,
        signer: impl Signer + Send + Sync + 'static,
        approvers: impl IntoIterator<Item = (Id, PublicKey)>,
        clock: impl Clock + 'static,
    ) -> Result<Self, QueueFault> {
        let folder = folder.into();
        for part in [REQUESTS, ANSWERS, REFUSED] {
            fs::create_dir_all(folder.join(part))?;
        }
        Ok(Self {
            folder,
            signer: Box::new(signer),
            approvers: approvers.into_iter().collect(),
            clock: Box::new(clock),
        })
    }

    /// Every request in a folder, in order of their names; files that are none are left out and named.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn requests(folder: &Path) -> io::Result<(Vec<RequestFile>, Vec<PathBuf>)> {
        let mut paths = fs::read_dir(folder.join(REQUESTS))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        let (mut requests, mut others) = (Vec::new(), Vec::new());
        for path in paths {
            if path.extension().is_some() {
                continue;
            }
            let read =
                read_at_most(&path, Request::BYTES_MAX).ok().and_then(|bytes| RequestFile::read(&bytes).ok());
            match read.filter(|file| path.file_name() == Some(file.request.name().as_ref())) {
                Some(file) => requests.push(file),
                None => others.push(path),
            }
        }
        Ok((requests, others))
    }

    /// Whether an answer to this request lies in the folder.
    pub fn is_answered(folder: &Path, request: &Request) -> bool {
        folder.join(ANSWERS).join(request.name()).exists()
    }

    /// Puts a signed answer into the folder. One that is there already stays: the first word counts.
    ///
    /// # Errors
    /// It was not written.
    pub fn put_answer(folder: &Path, request: &Request, answer: &[u8]) -> io::Result<()> {
        fs::create_dir_all(folder.join(ANSWERS))?;
        write_new(&folder.join(ANSWERS).join(request.name()), answer)
    }

    fn ask(&self, evidence: &Evidence) -> Result<Review, QueueFault> {
        let request = Request::of(evidence).ok_or(QueueFault::Page)?.naming(&self.approvers);
        let name = request.name();
        let path = self.folder.join(REQUESTS).join(&name);
        let signed = sign(request.clone(), self.signer.as_ref())?;
        // Another one was asked before the approvers or their keys changed, or is none of this gate's: nobody could answer it.
        if !read_at_most(&path, Request::BYTES_MAX).is_ok_and(|bytes| bytes == signed.as_bytes()) {
            written_beside(&path, signed.as_bytes())?.persist(&path).map_err(|error| error.error)?;
            sync_folder(&path)?;
        }
        self.answer_of(&request)
    }

    fn answer_of(&self, request: &Request) -> Result<Review, QueueFault> {
        let path = self.folder.join(ANSWERS).join(request.name());
        let bytes = match read_at_most(&path, Answer::BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Review::Later(None)),
            // It may be a good one: whoever may not read it does not say that it does not count.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error.into()),
            Err(error) => {
                // What lies there keeps an answer from being put there.
                let fault = FileFault::Unreadable { kind: error.kind() };
                self.put_aside(&path, &request.name(), &fault)?;
                return Err(fault.into());
            }
        };
        let now = self.clock.now().ok_or(QueueFault::NoClock)?;
        match AnswerFile::read(&bytes, request, |approver| self.approvers.get(approver).copied(), now) {
            Ok(file) => Ok(Review::Answered(word_of(file))),
            Err(fault) => {
                self.put_aside(&path, &request.name(), &fault)?;
                Err(fault.into())
            }
        }
    }

    fn put_aside(&self, path: &Path, name: &str, fault: &FileFault) -> io::Result<()> {
        let refused = self.folder.join(REFUSED);
        // The first that is free from as many on as there are, unless somebody else puts aside at the same time; then one of the two stays where it is.
        let mut number = fs::read_dir(&refused)?.count();
        while refused.join(format!("{name}.{number}")).exists() {
            number += 1;
        }
        let place = refused.join(format!("{name}.{number}"));
        fs::rename(path, &place)?;
        fs::write(place.with_extension(format!("{number}.reason")), fault.to_string())
    }
}

impl Approver for FolderQueue {
    fn review(&self, evidence: &Evidence) -> Result<Review, Failure> {
        self.ask(evidence).map_err(Failure::from)
    }

    /// The request leaves the folder, and an answer with it: nobody is to answer it any more. Whoever asked, this process or an earlier one.
    fn withdraw(&self, evidence: &Evidence) {
        let Some(request) = Request::of(evidence) else { return };
        for part in [REQUESTS, ANSWERS] {
            // What is not there needs no removing; what cannot be removed is refused as an answer.
            let _ = fs::remove_file(self.folder.join(part).join(request.name()));
        }
    }
}

impl std::fmt::Debug for FolderQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FolderQueue").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn word_of(file: AnswerFile) -> Word {
    let AnswerFile { answer, text } = file;
    Word {
        approver: answer.approver,
        verdict: match answer.verdict {
            ApproverVerdict::Approved => Verdict::Approve,
            ApproverVerdict::Denied => Verdict::Deny { reason: Payload::text(text) },
            ApproverVerdict::Revised => Verdict::Revise { changes: Payload::text(text) },
        },
        shown: answer.shown,
        signature: Some(answer.statement),
    }
}

/// Writes a file whole or not at all, and never over another one.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written_beside(path, bytes)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// A file beside the one that it is to become, whole and on disk.
fn written_beside(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut new = tempfile::Builder::new();
    new.prefix(".new-").suffix(".part");
    // Gate and approvers may be several users of a system: who reads what is signed here is for the folder and their umask to say.
    #[cfg(unix)]
    new.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = new.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Reads a file of a folder that others write to, of at most this many bytes.
///
/// # Errors
/// It is not there, no regular file, a pipe or a link say, or larger.
pub fn read_at_most(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    // Asked before as well: opening alone can do something to a device.
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    open_regular(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Opens a regular file, and nothing else, whatever was put in its place since anybody looked: a pipe without a writer makes nobody wait.
fn open_regular(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rederive_evidence::ids::RecordedTime;
    use rederive_evidence::keys::SigningKey;
    use rederive_evidence::signed::verify_detached;
    use rederive_recorder::ManualClock;

    use super::*;
    use crate::ports::testing::evidence;

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    const GATE: u8 = 1;
    const BEA: u8 = 2;

    fn queue(folder: &Path, now: u64) -> FolderQueue {
        let approvers = [
            (id("bea"), key(BEA).public_key()),
            (id("ada"), key(5).public_key()),
            (id("helper"), key(6).public_key()),
        ];
        FolderQueue::open(folder, key(GATE), approvers, ManualClock::new(RecordedTime(now))).unwrap()
    }

    fn answer(folder: &Path, who: &str, seed: u8, verdict: ApproverVerdict, text: &str) {
        let (requests, others) = FolderQueue::requests(folder).unwrap();
        assert!(others.is_empty());
        let request = &requests[0].request;
        assert_eq!(requests[0].key, key(GATE).public_key());
        let signed = Answer::sign(request, &id(who), verdict, text, &key(seed)).unwrap();
        FolderQueue::put_answer(folder, request, signed.as_bytes()).unwrap();
    }

    #[test]
    fn an_answer_is_read_back_by_another_process_and_its_statement_is_the_evidences() {
        for (verdict, text) in [
            (ApproverVerdict::Approved, ""),
            (ApproverVerdict::Denied, "too much"),
            (ApproverVerdict::Revised, "pay 4"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let evidence = evidence("a", 7);
            assert_eq!(queue(folder.path(), 10).ask(&evidence).unwrap(), Review::Later(None));
            // Asked again: nothing new lies there.
            assert_eq!(queue(folder.path(), 20).ask(&evidence).unwrap(), Review::Later(None));
            answer(folder.path(), "bea", BEA, verdict, text);
            let Review::Answered(word) = queue(folder.path(), 999).ask(&evidence).unwrap() else {
                panic!("answered")
            };
            assert_eq!((word.verdict.code(), word.shown), (verdict, evidence.shown));
            let statement = evidence.statement(&word.approver, word.verdict.code());
            assert_eq!(verify_detached(&statement, &key(BEA).public_key(), &word.signature.unwrap()), Ok(()));
        }
    }

    #[test]
    fn answers_that_do_not_count_are_refused_each_for_its_reason_and_put_aside() {
        type Refused = fn(&FileFault) -> bool;
        let table: [(&str, u8, ApproverVerdict, u64, Refused); 6] = [
            ("ada", 5, ApproverVerdict::Approved, 10, |fault| matches!(fault, FileFault::SelfGiven { .. })),
            ("helper", 6, ApproverVerdict::Approved, 10, |fault| {
                matches!(fault, FileFault::SelfGiven { .. })
            }),
            ("eve", BEA, ApproverVerdict::Approved, 10, |fault| {
                matches!(fault, FileFault::UnknownApprover { .. })
            }),
            ("bea", 3, ApproverVerdict::Approved, 10, |fault| matches!(fault, FileFault::Signature { .. })),
            ("bea", BEA, ApproverVerdict::Approved, 1_000, |fault| matches!(fault, FileFault::Expired)),
            ("bea", BEA, ApproverVerdict::Denied, 10, |fault| matches!(fault, FileFault::NoReason)),
        ];
        for (who, seed, verdict, now, is_expected) in table {
            let folder = tempfile::tempdir().unwrap();
            let (queue, evidence) = (queue(folder.path(), now), evidence("a", 7));
            let _ = queue.ask(&evidence).unwrap();
            answer(folder.path(), who, seed, verdict, " ");
            match queue.ask(&evidence) {
                Err(QueueFault::Answer(fault)) => assert!(is_expected(&fault), "{who}: {fault}"),
                other => panic!("{who}: {other:?}"),
            }
            assert_eq!(queue.ask(&evidence).unwrap(), Review::Later(None), "a right answer may still come");
            assert_eq!(fs::read_dir(folder.path().join(REFUSED)).unwrap().count(), 2);
        }
    }

    #[test]
    fn an_answer_played_again_or_changed_in_any_byte_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (queue, first) = (queue(folder.path(), 10), evidence("a", 7));
        let _ = queue.ask(&first).unwrap();
        answer(folder.path(), "bea", BEA, ApproverVerdict::Approved, "");
        let (request, other) = (Request::of(&first).unwrap(), Request::of(&evidence("b", 8)).unwrap());
        let bytes = fs::read(folder.path().join(ANSWERS).join(request.name())).unwrap();
        let read = |bytes: &[u8], request: &Request| {
            AnswerFile::read(bytes, request, |_| Some(key(BEA).public_key()), RecordedTime(10)).map(|_| ())
        };
        assert!(read(&bytes, &request).is_ok());
        assert!(matches!(read(&bytes, &other), Err(FileFault::OtherRequest)));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed, &request).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_request_is_asked_anew_where_the_approvers_are_others_or_another_file_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = evidence("a", 7);
        let _ = queue(folder.path(), 10).ask(&evidence).unwrap();
        let clock = ManualClock::new(RecordedTime(10));
        let other =
            FolderQueue::open(folder.path(), key(GATE), [(id("bea"), key(9).public_key())], clock).unwrap();
        assert_eq!(other.ask(&evidence).unwrap(), Review::Later(None));
        answer(folder.path(), "bea", 9, ApproverVerdict::Approved, "");
        assert!(matches!(other.ask(&evidence), Ok(Review::Answered(_))));

        let path = folder.path().join(REQUESTS).join(Request::of(&evidence).unwrap().name());
        let asked = fs::read(&path).unwrap();
        fs::write(&path, "no request").unwrap();
        let _ = other.ask(&evidence).unwrap();
        assert_eq!(fs::read(&path).unwrap(), asked);
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_requests_is_for_the_folder_and_the_umask_to_say() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let evidence = evidence("a", 7);
        let _ = queue(folder.path(), 10).ask(&evidence).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::write(folder.path().join("usual"), "").unwrap();
        let path = folder.path().join(REQUESTS).join(Request::of(&evidence).unwrap().name());
        assert_eq!(mode(&path), mode(&folder.path().join("usual")));
    }

    #[test]
    fn what_was_put_aside_stays_where_others_were_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let (queue, evidence) = (queue(folder.path(), 10), evidence("a", 7));
        let _ = queue.ask(&evidence).unwrap();
        let refused = folder.path().join(REFUSED);
        let mut kept = 0;
        for round in 0..4 {
            answer(folder.path(), "bea", 8, ApproverVerdict::Approved, "");
            assert!(matches!(queue.ask(&evidence), Err(QueueFault::Answer(_))));
            kept += 1;
            let files = fs::read_dir(&refused).unwrap().map(|entry| entry.unwrap().path());
            let answers: Vec<_> =
                files.filter(|path| path.extension().is_none_or(|of| of != "reason")).collect();
            assert_eq!(answers.len(), kept, "round {round}");
            if round == 1 {
                let name = Request::of(&evidence).unwrap().name();
                let first = answers.iter().min().unwrap();
                assert!(first.file_name().unwrap().to_string_lossy().starts_with(&name));
                fs::remove_file(first).unwrap();
                kept -= 1;
            }
        }
    }

    #[test]
    fn a_request_that_was_changed_is_not_listed_and_one_withdrawn_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (queue, evidence) = (Arc::new(queue(folder.path(), 10)), evidence("a", 7));
        let _ = queue.ask(&evidence).unwrap();
        let path = folder.path().join(REQUESTS).join(Request::of(&evidence).unwrap().name());
        let bytes = fs::read(&path).unwrap();
        let at = bytes.windows(5).position(|window| window == b"Pay 5").unwrap();
        let mut changed = bytes.clone();
        changed[at + 4] = b'9';
        fs::write(&path, &changed).unwrap();
        let (requests, others) = FolderQueue::requests(folder.path()).unwrap();
        assert_eq!((requests.len(), others), (0, vec![path.clone()]));
        fs::write(&path, &bytes).unwrap();
        let (requests, _) = FolderQueue::requests(folder.path()).unwrap();
        assert_eq!(requests[0].request.page(), "Pay 5 to \\u{1b}[2Jeve");
        queue.withdraw(&evidence);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_file_of_the_right_size_is_put_aside_and_an_answer_can_still_come() {
        type Plant = fn(&Path);
        let planted: [Plant; 3] = [
            |path| fs::create_dir(path).unwrap(),
            |path| fs::write(path, vec![0; Answer::BYTES_MAX + 1]).unwrap(),
            #[cfg(unix)]
            |path| {
                let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
                assert!(made.success());
            },
            #[cfg(not(unix))]
            |path| fs::write(path, "no answer").unwrap(),
        ];
        for plant in planted {
            let folder = tempfile::tempdir().unwrap();
            let (queue, evidence) = (queue(folder.path(), 10), evidence("a", 7));
            assert_eq!(queue.ask(&evidence).unwrap(), Review::Later(None));
            plant(&folder.path().join(ANSWERS).join(Request::of(&evidence).unwrap().name()));
            assert!(matches!(queue.ask(&evidence), Err(QueueFault::Answer(_))));
            answer(folder.path(), "bea", BEA, ApproverVerdict::Approved, "");
            assert!(matches!(queue.ask(&evidence), Ok(Review::Answered(_))));
            plant(&folder.path().join(REQUESTS).join("another"));
            let (requests, others) = FolderQueue::requests(folder.path()).unwrap();
            assert_eq!((requests.len(), others.len()), (1, 1), "a request is a file");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_takes_the_place_of_a_file_after_it_was_looked_at_is_not_waited_for_or_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", path("device")).unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("file"), "text").unwrap();
        for name in ["pipe", "device", "link", "socket", "folder", "nothing"] {
            assert!(open_regular(&path(name)).is_err(), "{name}");
            assert!(read_at_most(&path(name), 100).is_err(), "{name}");
        }
        assert!(open_regular(Path::new("/dev/zero")).is_err());
        assert_eq!(read_at_most(&path("file"), 4).unwrap(), b"text");
        assert_eq!(read_at_most(&path("file"), 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_request_is_withdrawn_by_another_process_and_one_of_another_run_with_the_same_name_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, mut theirs) = (evidence("a", 7), evidence("a", 7));
        theirs.call.run = rederive_evidence::ids::RunId([2; 16]);
        let first = queue(folder.path(), 10);
        for evidence in [&mine, &theirs] {
            assert_eq!(first.ask(evidence).unwrap(), Review::Later(None));
        }
        answer(folder.path(), "bea", BEA, ApproverVerdict::Approved, "");
        queue(folder.path(), 10).withdraw(&mine);
        let (requests, _) = FolderQueue::requests(folder.path()).unwrap();
        let left: Vec<_> = requests.iter().map(|file| file.request.run).collect();
        assert_eq!(left, [theirs.call.run]);
        assert!(!FolderQueue::is_answered(folder.path(), &Request::of(&mine).unwrap()));
    }
}
