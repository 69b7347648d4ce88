//! The system calls that a job may make (seccomp-BPF), as two filters that both stand before every call of every process of the job.
//!
//! [`ALLOWED`] names what programs need; whatever it does not name, and so whatever later kernels bring, answers `ENOSYS`, as on a kernel that does
//! not have it, and libraries fall back to what they did before. [`WITHHELD`] names what escapes are made of; with the forms of [`forms`] it answers
//! `EPERM`, as to a user without the right, which outranks the other. Nothing of this ends a program: well-meaning ones try what they can do
//! without. A call of another architecture (32-bit programs) ends its process, since there the same numbers mean something else.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::calls::{ALLOWED, Call, WITHHELD};

/// Values of `errno.h`.
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// `CLONE_NEW*` of `linux/sched.h`: mount, control group, host name, IPC, user, process, network. A clock namespace is had by `unshare` and `clone3` alone.
const NEW_NAMESPACE: &[u64] =
    &[0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
/// Families of `sys/socket.h`.
const UNIX: u64 = 1;
const INET: u64 = 2;
const INET6: u64 = 10;
const NETLINK: u64 = 16;
/// Types of `sys/socket.h` that send what is neither TCP nor UDP: raw, reliable datagrams, sequenced packets, DCCP, and the oldest way to raw packets.
const NEITHER_TCP_NOR_UDP: &[u64] = &[3, 4, 5, 6, 10];
/// The bits of a socket's type that say which; the others are flags.
const TYPE_MASK: u64 = 0xf;
/// Protocols of `netinet/in.h`.
const TCP: u64 = 6;
const UDP: u64 = 17;
/// `TIOCSTI` and `TIOCLINUX` of `asm/ioctls.h`: both put words into a terminal's input as if they had been typed.
const TYPE_INTO_TERMINAL: &[u64] = &[0x5412, 0x541c];
/// The personality of every Linux program, and the question which one it is (`linux/personality.h`).
const PERSONALITY_LINUX: u64 = 0;
const PERSONALITY_ASKED: u64 = 0xffff_ffff;

/// Puts the filters before this process and all that it starts, for good.
///
/// # Errors
/// What failed: an architecture without a filter, or the kernel.
pub(super) fn restrict() -> Result<(), String> {
    for program in programs().map_err(|error| error.to_string())? {
        apply_filter(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn programs() -> Result<[BpfProgram; 2], BackendError> {
    let whole = |tables: &[&[Call]]| {
        tables.iter().copied().flatten().map(|call| (*call, Vec::new())).collect::<BTreeMap<_, _>>()
    };
    let mut withheld = whole(WITHHELD);
    withheld.append(&mut forms()?);
    // The one set last answers where both refuse.
    Ok([
        program(whole(ALLOWED), SeccompAction::Errno(ENOSYS), SeccompAction::Allow)?,
        program(withheld, SeccompAction::Allow, SeccompAction::Errno(EPERM))?,
    ])
}

fn program(
    rules: BTreeMap<Call, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, matched, architecture)?.try_into()
}

/// Calls that are withheld in some forms alone.
fn forms() -> Result<BTreeMap<Call, Vec<SeccompRule>>, BackendError> {
    let namespace = |flag: &u64| rule(&[(0, SeccompCmpOp::MaskedEq(*flag), *flag)]);
    let typed = |request: &u64| rule(&[(1, SeccompCmpOp::Eq, *request)]);
    let other_personality =
        rule(&[(0, SeccompCmpOp::Ne, PERSONALITY_LINUX), (0, SeccompCmpOp::Ne, PERSONALITY_ASKED)])?;
    Ok(BTreeMap::from([
        (libc::SYS_clone, NEW_NAMESPACE.iter().map(namespace).collect::<Result<_, _>>()?),
        (libc::SYS_ioctl, TYPE_INTO_TERMINAL.iter().map(typed).collect::<Result<_, _>>()?),
        (libc::SYS_personality, vec![other_personality]),
        (libc::SYS_socket, sockets()?),
    ]))
}

/// All sockets but UNIX ones, TCP and UDP, and netlink's for routes, which resolvers read: what is sent otherwise would not be seen and recorded, and
/// the rarer families are where kernels were broken.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let mut rules = vec![
        rule(&[(0, Ne, UNIX), (0, Ne, INET), (0, Ne, INET6), (0, Ne, NETLINK)])?,
        rule(&[(0, Eq, NETLINK), (2, Ne, 0)])?,
    ];
    for family in [INET, INET6] {
        for kind in NEITHER_TCP_NOR_UDP {
            rules.push(rule(&[(0, Eq, family), (1, MaskedEq(TYPE_MASK), *kind)])?);
        }
        rules.push(rule(&[(0, Eq, family), (2, Ne, 0), (2, Ne, TCP), (2, Ne, UDP)])?);
    }
    Ok(rules)
}

/// Holds where all of these hold. Arguments are compared in their lower 32 bits: the kernel reads no more of these.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, BackendError> {
    let condition = |(argument, operator, value): &(u8, SeccompCmpOp, u64)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
    };
    SeccompRule::new(conditions.iter().map(condition).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_stands_twice_or_in_both_tables() {
        let (allowed, withheld) = (ALLOWED.concat(), WITHHELD.concat());
        let named: BTreeSet<_> = allowed.iter().chain(&withheld).collect();
        assert_eq!(named.len(), allowed.len() + withheld.len());
        // A call withheld in some forms is allowed in the others.
        assert!(forms().unwrap().keys().all(|call| allowed.contains(call)));
    }

    #[test]
    fn both_filters_can_be_made() {
        assert!(programs().unwrap().iter().all(|program| program.len() > 100));
    }
}
