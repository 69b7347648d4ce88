//! The sandbox from outside: what is made ready, what is started, what is waited for, and what came of it.

use std::ffi::OsString;
use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rederive_evidence::ids::Id;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::fault::SandboxFault;
use super::outputs::keep;
use super::plan::{PROXY_PORT, Plan, Report};
use super::proxy::{ATTEMPTS_MAX, Network};
use super::root::SYSTEM;
use crate::ports::{Exit, Failure, Finished, Job, Sandbox};

/// Where `unshare` is installed.
const UNSHARE: &[&str] = &["/usr/bin/unshare", "/bin/unshare"];
/// Name of the program that builds the sandbox from inside.
const HELPER: &str = "rederive-sandbox";
/// Most bytes of a file that a job writes, where nothing else is said.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// How long the sandbox may take to be built.
const BUILD_TIME: Duration = Duration::from_secs(10);
/// The user and group that jobs run as where the gate runs as root: the kernel counts no limit of processes against root.
const NOBODY: u32 = 65_534;

/// A sandbox of Linux namespaces, Landlock and resource limits.
#[derive(Debug)]
pub struct Namespaces {
    name: Id,
    helper: PathBuf,
    file_bytes_max: u64,
    connections_max: usize,
    /// Whether a job could be run, tried once.
    tried: OnceLock<Result<(), String>>,
}

impl Namespaces {
    /// A sandbox under this name whose helper, the program `rederive-sandbox`, stands at this path.
    pub fn new(name: Id, helper: impl Into<PathBuf>) -> Self {
        Self {
            name,
            helper: helper.into(),
            file_bytes_max: FILE_BYTES_MAX,
            connections_max: ATTEMPTS_MAX,
            tried: OnceLock::new(),
        }
    }

    /// A sandbox whose helper stands beside the program that is running.
    ///
    /// # Errors
    /// It does not.
    pub fn beside_this_program(name: Id) -> Result<Self, SandboxFault> {
        let helper = std::env::current_exe()?.with_file_name(HELPER);
        if helper.is_file() {
            Ok(Self::new(name, helper))
        } else {
            Err(SandboxFault::NoHelper { path: helper })
        }
    }

    /// The same with another limit on the size of a file that a job writes.
    #[must_use]
    pub fn with_file_bytes_max(mut self, bytes: u64) -> Self {
        self.file_bytes_max = bytes;
        self
    }

    /// The same with another limit on how many attempted connections of a job are listed; what goes beyond is counted.
    #[must_use]
    pub fn with_connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections;
        self
    }

    /// Runs a job to its end, or to its limit.
    ///
    /// # Errors
    /// Why it was not started.
    pub fn run_job(&self, job: &Job) -> Result<Finished, SandboxFault> {
        let began = Instant::now();
        let room = Room::make(job)?;
        let network = Network::new(&job.network, self.connections_max);
        let listener = UnixListener::bind(room.socket())?;
        room.hand_to_job()?;
        let mut child = self.start(&room)?;
        let stdin = child.stdin.take();
        let outputs = child.stdout.take().zip(child.stderr.take());
        let (stdout, stderr) = outputs.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        let (stdout, stderr) = (keep(stdout, job.output_bytes_max), keep(stderr, job.output_bytes_max));
        let ended = self.conduct(job, &room, &network, &listener, &mut child, stdin);
        // However it ended, nothing of it lives on: the helper dies with `unshare`, and the namespace with the helper.
        let _ = child.kill();
        let _ = child.wait();
        network.end();
        let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        let exit = match ended? {
            Ended::Report(Report::Status(status)) => Exit::Status(status),
            Ended::Report(Report::Signal(signal)) => Exit::Signal(signal),
            Ended::Report(Report::Memory) => Exit::MemoryLimit,
            Ended::Report(Report::Refused { step, detail }) => {
                return Err(SandboxFault::Build { step, detail });
            }
            Ended::OutOfTime => Exit::TimeLimit,
            Ended::NotBuilt => {
                let said = String::from_utf8_lossy(&stderr.bytes).trim().chars().take(200).collect();
                return Err(SandboxFault::Namespaces { said });
            }
        };
        let attempts = network.attempts();
        Ok(Finished {
            exit,
            is_cut: stdout.is_cut || stderr.is_cut,
            stdout: stdout.bytes,
            stderr: stderr.bytes,
            connections: attempts.listed,
            connections_more: attempts.more,
            took: began.elapsed(),
        })
    }

    /// Starts the helper in fresh namespaces. Its environment is empty: what the job's environment does to programs, it does inside alone.
    fn start(&self, room: &Room) -> Result<Child, SandboxFault> {
        let unshare =
            UNSHARE.iter().map(Path::new).find(|path| path.is_file()).ok_or(SandboxFault::NoUnshare)?;
        if !self.helper.is_file() {
            return Err(SandboxFault::NoHelper { path: self.helper.clone() });
        }
        let mut command = Command::new(unshare);
        command
            .args(["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"])
            .args(["--fork", "--kill-child=SIGKILL", "--"])
            .arg(&self.helper)
            .arg(room.socket())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if is_root() {
            command.gid(NOBODY).uid(NOBODY);
        }
        Ok(command.spawn()?)
    }

    /// Hands the plan in, serves what comes out, and waits for the report.
    fn conduct(
        &self,
        job: &Job,
        room: &Room,
        network: &Arc<Network>,
        listener: &UnixListener,
        child: &mut Child,
        stdin: Option<std::process::ChildStdin>,
    ) -> Result<Ended, SandboxFault> {
        let Some(mut control) = accept(listener, child)? else { return Ok(Ended::NotBuilt) };
        control.set_read_timeout(Some(BUILD_TIME))?;
        let plan = serde_json::to_vec(&self.plan(job, room, network)).map_err(io::Error::from)?;
        let length = u32::try_from(plan.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        control.write_all(&length.to_be_bytes())?;
        control.write_all(&plan)?;
        if let Some((proxy, frames)) = sockets(&control)? {
            let serving = Arc::clone(network);
            std::thread::spawn(move || serving.serve(&proxy));
            let looking = Arc::clone(network);
            std::thread::spawn(move || looking.look_on(&frames));
        }
        let input = job.input.clone();
        if let Some(mut stdin) = stdin {
            // A program that does not read its input has ended, or will be ended.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        control.set_read_timeout(Some(job.time.max(Duration::from_millis(1))))?;
        let mut report = Vec::new();
        match control.read_to_end(&mut report) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(Ended::OutOfTime);
            }
            Err(error) => return Err(error.into()),
        }
        // The helper says nothing where the kernel ended it: memory, by whoever watches over the whole system.
        Ok(serde_json::from_slice(&report).map_or(Ended::Report(Report::Memory), Ended::Report))
    }

    fn plan(&self, job: &Job, room: &Room, network: &Network) -> Plan {
        let mut environment: Vec<_> =
            job.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if network.is_open() {
            let proxy = OsString::from(format!("http://127.0.0.1:{PROXY_PORT}"));
            for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
                if !job.environment.contains_key(&OsString::from(name)) {
                    environment.push((name.into(), proxy.clone()));
                }
            }
        }
        Plan {
            command: job.command.clone(),
            environment,
            root: room.root(),
            writable: room.writable.clone(),
            readable: room.readable.clone(),
            seconds_max: job.time.as_secs().saturating_add(1),
            memory_bytes_max: job.memory_bytes_max,
            file_bytes_max: self.file_bytes_max,
            processes_max: job.processes_max,
        }
    }
}

impl Sandbox for Namespaces {
    fn name(&self) -> &Id {
        &self.name
    }

    fn ready(&self) -> Result<(), Failure> {
        let try_once = || {
            let job = Job {
                command: vec!["/bin/true".into()],
                input: Vec::new(),
                environment: std::collections::BTreeMap::new(),
                writable: None,
                readable: Vec::new(),
                network: Vec::new(),
                time: BUILD_TIME,
                memory_bytes_max: 256 << 20,
                output_bytes_max: 1 << 10,
                processes_max: 4,
            };
            match self.run_job(&job) {
                Ok(Finished { exit: Exit::Status(0), .. }) => Ok(()),
                Ok(Finished { exit, .. }) => Err(format!("a trial job ended with {exit:?}")),
                Err(fault) => Err(fault.to_string()),
            }
        };
        self.tried.get_or_init(try_once).clone().map_err(Failure::from)
    }

    fn run(&self, job: &Job) -> Result<Finished, Failure> {
        self.run_job(job).map_err(Failure::from)
    }
}

/// How the conversation with the inside ended.
enum Ended {
    Report(Report),
    OutOfTime,
    /// The helper never came.
    NotBuilt,
}

/// The helper's connection; none where `unshare` ended before it.
fn accept(listener: &UnixListener, child: &mut Child) -> io::Result<Option<UnixStream>> {
    listener.set_nonblocking(true)?;
    let until = Instant::now() + BUILD_TIME;
    while Instant::now() < until {
        match listener.accept() {
            Ok((control, _)) => {
                control.set_nonblocking(false)?;
                return Ok(Some(control));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(None)
}

/// The proxy's listener and the socket that sees all frames, as the helper hands them over; none where it refused before.
fn sockets(control: &UnixStream) -> io::Result<Option<(TcpListener, OwnedFd)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    // A refusal begins with another byte, and stays to be read.
    let peeked = rustix::net::recv(control, byte.as_mut_slice(), RecvFlags::PEEK)?;
    if peeked.0 == 0 || byte != *b"s" {
        return Ok(None);
    }
    recvmsg(control, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut passed = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            passed.extend(descriptors);
        }
    }
    let mut passed = passed.into_iter();
    Ok(passed.next().zip(passed.next()).map(|(listener, frames)| (listener.into(), frames)))
}

/// A folder for one job: the socket, and the place of its root. Gone when dropped.
struct Room {
    folder: tempfile::TempDir,
    writable: Option<PathBuf>,
    readable: Vec<PathBuf>,
}

impl Room {
    fn make(job: &Job) -> Result<Self, SandboxFault> {
        if job.command.is_empty() || job.time.is_zero() || job.memory_bytes_max == 0 || job.processes_max == 0
        {
            return Err(SandboxFault::Empty);
        }
        let writable = job.writable.as_deref().map(given).transpose()?;
        if let Some(path) = writable.as_ref().filter(|path| !path.is_dir()) {
            return Err(SandboxFault::Path { path: path.clone() });
        }
        let readable = job.readable.iter().map(|path| given(path)).collect::<Result<_, _>>()?;
        let folder = tempfile::Builder::new().prefix("rederive-").tempdir()?;
        std::fs::create_dir(folder.path().join("root"))?;
        Ok(Self { folder, writable, readable })
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Where the gate runs as root, the job does not: the folders made for it become its own.
    fn hand_to_job(&self) -> io::Result<()> {
        let mine = [self.folder.path().to_owned(), self.root(), self.socket()];
        for path in &mine {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
        }
        if !is_root() {
            return Ok(());
        }
        for path in mine.iter().chain(&self.writable) {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(())
    }
}

/// The path itself, links resolved, where a job may have it.
fn given(path: &Path) -> Result<PathBuf, SandboxFault> {
    let refused = || SandboxFault::Path { path: path.to_owned() };
    let real = path.canonicalize().map_err(|_| refused())?;
    let reserved = SYSTEM.iter().copied().chain(["/proc", "/sys", "/dev", "/etc", "/run", "/boot"]);
    let clashes = |system: &str| real.starts_with(system) || Path::new(system).starts_with(&real);
    if path.is_absolute() && !reserved.into_iter().any(clashes) { Ok(real) } else { Err(refused()) }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
