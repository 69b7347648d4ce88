//! The first process of the sandbox: it builds the root from inside, gives up what it could do that with, starts the program, and waits.

use std::fs;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, path_beneath_rules,
};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, eth,
    sendmsg, socket_with,
};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, WaitStatus, kill_process, setrlimit, wait,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::fault::Step;
use super::plan::{PROXY_PORT, Plan, Report};
use super::{filter, netlink, root};

/// How often memory is counted.
const WATCH_EVERY: Duration = Duration::from_millis(10);
/// Bytes of a page.
const PAGE: u64 = 4_096;
/// Files that a process may have open.
const FILES_MAX: u64 = 1_024;

/// Builds the sandbox around this process and runs the program of the plan in it. `socket` is the path at which the plan is to be had.
///
/// This is the whole of the program `rederive-sandbox`, which is started in fresh namespaces and nowhere else: started otherwise it fails at its
/// first step, having changed nothing.
#[must_use]
pub fn init(socket: &Path) -> ExitCode {
    let Ok(mut control) = UnixStream::connect(socket) else { return ExitCode::FAILURE };
    let report =
        run(&mut control).unwrap_or_else(|(step, error)| Report::Refused { step, detail: error.to_string() });
    let said =
        serde_json::to_vec(&report).map_err(io::Error::from).and_then(|report| control.write_all(&report));
    if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

type Refused = (Step, io::Error);

fn at<E: Into<io::Error>>(step: Step) -> impl FnOnce(E) -> Refused {
    move |error| (step, error.into())
}

fn run(control: &mut UnixStream) -> Result<Report, Refused> {
    let plan = read_plan(control).map_err(at(Step::Plan))?;
    if rustix::process::getpid() != Pid::INIT {
        // Not in namespaces of its own: what follows would change the system's.
        return Err((Step::Namespaces, io::Error::other("not the first process of its namespace")));
    }
    let sockets = open_network().map_err(at(Step::Network))?;
    hand_over(control, &sockets).map_err(at(Step::Network))?;
    drop(sockets);
    root::enter(&plan).map_err(at(Step::Root))?;
    root::add_given(&plan).map_err(at(Step::Mount))?;
    root::leave_old(&plan).map_err(at(Step::Root))?;
    fs::write("/proc/sys/user/max_user_namespaces", "0").map_err(at(Step::Namespaces))?;
    limit(&plan).map_err(at(Step::Limits))?;
    give_up_privileges().map_err(at(Step::Privileges))?;
    lock(&plan).map_err(|detail| (Step::Landlock, io::Error::other(detail)))?;
    filter::restrict().map_err(|detail| (Step::Calls, io::Error::other(detail)))?;
    let mut words = plan.command.iter();
    let program = words.next().ok_or_else(|| (Step::Plan, io::ErrorKind::InvalidInput.into()))?;
    let mut command = Command::new(program);
    command.args(words).env_clear().envs(plan.environment.iter().map(|(name, value)| (name, value)));
    let child = command.spawn().map_err(at(Step::Start))?;
    let child = Pid::from_child(&child);
    watch(child, plan.memory_bytes_max).map_err(at(Step::Start))
}

/// Reads the plan: its length, then itself.
fn read_plan(control: &mut UnixStream) -> io::Result<Plan> {
    let mut length = [0; 4];
    control.read_exact(&mut length)?;
    let mut plan = vec![0; u32::from_be_bytes(length) as usize];
    control.read_exact(&mut plan)?;
    Ok(serde_json::from_slice(&plan)?)
}

/// A listener for the proxy, and a socket that sees all that is sent: both made inside, both served outside.
fn open_network() -> io::Result<[OwnedFd; 2]> {
    netlink::raise_loopback()?;
    netlink::catch_all()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT))?;
    let frames = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, Some(eth::ALL))?;
    Ok([listener.into(), frames])
}

fn hand_over(control: &UnixStream, sockets: &[OwnedFd; 2]) -> io::Result<()> {
    let [listener, frames] = sockets;
    let passed = [listener.as_fd(), frames.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&passed));
    sendmsg(control, &[IoSlice::new(b"s")], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

fn limit(plan: &Plan) -> io::Result<()> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Cpu, plan.seconds_max.saturating_add(1)),
        // What is resident is counted over all processes; this stops a single one that asks for far more at once.
        (Resource::Data, plan.memory_bytes_max.saturating_mul(2)),
        (Resource::Fsize, plan.file_bytes_max),
        (Resource::Nofile, FILES_MAX),
        // This process is one of them.
        (Resource::Nproc, u64::from(plan.processes_max).saturating_add(1)),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// No capability is left, none can be regained by starting a program, and no program started gains one from its file.
fn give_up_privileges() -> io::Result<()> {
    set_no_new_privs(true)?;
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            // One that this kernel does not know.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(())
}

/// Landlock over what the mounts allow: a second wall, of another kind. Without it nothing runs.
fn lock(plan: &Plan) -> Result<(), String> {
    let abi = ABI::V5;
    let said = |error: landlock::RulesetError| error.to_string();
    let readable =
        root::SYSTEM.iter().copied().chain(["/etc", "/proc", "/dev"]).map(std::path::PathBuf::from);
    let readable = readable.filter(|path| path.exists()).chain(plan.readable.iter().cloned());
    let devices = root::DEVICES.iter().map(|name| Path::new("/dev").join(name));
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|ruleset| ruleset.create())
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(readable, AccessFs::from_read(abi))))
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(devices, AccessFs::from_file(abi))))
        .and_then(|ruleset| {
            ruleset.add_rules(path_beneath_rules(plan.writable.iter(), AccessFs::from_all(abi)))
        })
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(said)?;
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err("the kernel has no Landlock".to_owned()),
    }
}

/// Waits for the program, taking in whatever orphans end, and counts memory meanwhile. When this returns the process ends, and the kernel ends all
/// others of the namespace with it.
fn watch(child: Pid, memory_bytes_max: u64) -> io::Result<Report> {
    loop {
        while let Some((ended, status)) = wait(WaitOptions::NOHANG)? {
            if ended == child {
                return Ok(report_of(status));
            }
        }
        if resident_bytes()? > memory_bytes_max {
            kill_process(child, Signal::KILL)?;
            return Ok(Report::Memory);
        }
        std::thread::sleep(WATCH_EVERY);
    }
}

fn report_of(status: WaitStatus) -> Report {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => Report::Status(status),
        (None, Some(signal)) => Report::Signal(signal),
        (None, None) => Report::Status(-1),
    }
}

/// Resident memory of all processes of the namespace but this one.
fn resident_bytes() -> io::Result<u64> {
    let mut bytes = 0_u64;
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let is_other = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name != "1" && name.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_other {
            continue;
        }
        // One that has ended in between has no memory.
        let Ok(counts) = fs::read_to_string(entry.path().join("statm")) else { continue };
        let pages: u64 = counts.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
        bytes = bytes.saturating_add(pages.saturating_mul(PAGE));
    }
    Ok(bytes)
}
