//! The root that a job sees: the system's folders read-only, devices that hold nothing, its own processes, and the folders that it was given.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind_recursive, mount_remount, unmount};
use rustix::process::pivot_root;

use super::plan::{NAME_SERVER, Plan};

/// The system's own, without which programs do not run. Of `/etc` only what they need to be found, to speak TLS, and to know the time zone.
pub(super) const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/pki",
    "/etc/ssl",
];

/// Devices that neither keep nor tell anything.
pub(super) const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
const USERS: &str = "root:x:0:0:sandbox:/:/bin/sh\n";
const GROUPS: &str = "root:x:0:\n";

/// Builds the root and makes it the process's own; what was there before cannot be reached any more.
pub(super) fn enter(plan: &Plan) -> io::Result<()> {
    let root = &plan.root;
    mount("tmpfs", root, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755,size=1m,nr_inodes=4k")?;
    for path in SYSTEM.iter().map(Path::new) {
        add_system(root, path)?;
    }
    add_devices(root)?;
    write(root, "etc/hosts", HOSTS)?;
    write(root, "etc/passwd", USERS)?;
    write(root, "etc/group", GROUPS)?;
    write(root, "etc/resolv.conf", &format!("nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n"))?;
    let processes = inside(root, Path::new("/proc"));
    fs::create_dir(&processes)?;
    mount("proc", &processes, "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)?;
    Ok(())
}

/// Adds the folders that the job was given, at the paths that they have outside.
pub(super) fn add_given(plan: &Plan) -> io::Result<()> {
    for path in &plan.readable {
        bind(&plan.root, path, MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV)?;
    }
    if let Some(path) = &plan.writable {
        bind(&plan.root, path, MountFlags::NOSUID | MountFlags::NODEV)?;
    }
    Ok(())
}

/// Leaves the old root for good.
pub(super) fn leave_old(plan: &Plan) -> io::Result<()> {
    rustix::process::chdir(&plan.root)?;
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    mount_remount("/", MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV, "")?;
    let start = plan.writable.as_deref().unwrap_or(Path::new("/"));
    rustix::process::chdir(start)?;
    Ok(())
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// One of the system's folders: bound read-only, or the link that it is; left out where the system has none.
fn add_system(root: &Path, path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if metadata.is_symlink() {
        let place = inside(root, path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        return symlink(fs::read_link(path)?, place);
    }
    bind(root, path, MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV)
}

fn add_devices(root: &Path) -> io::Result<()> {
    fs::create_dir(inside(root, Path::new("/dev")))?;
    for name in DEVICES {
        // A device on a mount that allows none cannot be opened.
        bind(root, &Path::new("/dev").join(name), MountFlags::NOSUID | MountFlags::NOEXEC)?;
    }
    for (name, to) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(to, inside(root, &Path::new("/dev").join(name)))?;
    }
    Ok(())
}

/// Binds a folder or file at the same path inside.
fn bind(root: &Path, path: &Path, flags: MountFlags) -> io::Result<()> {
    let place = inside(root, path);
    if fs::metadata(path)?.is_dir() {
        fs::create_dir_all(&place)?;
    } else {
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::File::create(&place)?;
    }
    mount_bind_recursive(path, &place)?;
    // What the outer mount forbids stays forbidden, or the kernel refuses the change.
    let outer = statvfs(&place)?.f_flag;
    let kept = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    let kept =
        kept.into_iter().filter(|(has, _)| outer.contains(*has)).fold(flags, |all, (_, flag)| all | flag);
    mount_remount(&place, MountFlags::BIND | kept, "")?;
    Ok(())
}

fn write(root: &Path, name: &str, text: &str) -> io::Result<()> {
    let place = root.join(name);
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(place, text)
}
