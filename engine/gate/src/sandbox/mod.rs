//! A sandbox of Linux namespaces, Landlock, a filter of system calls and resource limits (GRD-3).
//!
//! What a job may reach is made for it and holds nothing else: a root of its own in which the system's folders are read-only, one folder to write, its
//! own processes, no network but a proxy that knows an allow-list, no privilege, and no way to gain one, and of the kernel's calls those that programs
//! need. There is no fallback: what cannot be had here and now is a [`SandboxFault`], and nothing runs.
//!
//! The namespaces are made by `unshare` of util-linux; inside, [`init`] builds the root and starts the program. Nothing of this needs a privilege: the
//! kernel must let users make user namespaces.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod fault;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod frames;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod outputs;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod root;

#[cfg(target_os = "linux")]
pub use fault::{SandboxFault, Step};
#[cfg(target_os = "linux")]
pub use init::init;
#[cfg(target_os = "linux")]
pub use namespaces::Namespaces;
