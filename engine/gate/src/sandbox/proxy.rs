//! The one way out of the sandbox: a CONNECT proxy outside of it, which knows an allow-list and records what is asked of it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};

use super::frames::sent;
use crate::guardrails::{Destination, Host};
use crate::ports::Attempt;

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// Most attempts that are listed of one job, where nothing else is said. What goes beyond is counted.
pub(super) const ATTEMPTS_MAX: usize = 1_024;
/// Most addresses, past the proxy, of which it is known that they were seen: of what goes beyond each packet counts as an attempt.
const SEEN_MAX: usize = 16 << 10;
/// Most bytes of a host that are listed: no name is longer.
const HOST_BYTES_MAX: usize = 255;
/// Most connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection to an allowed host may take to open, and a request to come in.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a job tried.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// The first ones, in order.
    pub(super) listed: Vec<Attempt>,
    /// How many more there were.
    pub(super) more: u64,
}

/// What a job may connect to, and what it tried.
#[derive(Debug)]
pub(super) struct Network {
    allowed: Vec<(Host, u16)>,
    attempts: Mutex<Attempts>,
    attempts_max: usize,
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

impl Network {
    /// This allow-list, and how many attempts are listed. A host that is none is on no list.
    pub(super) fn new(allowed: &[(String, u16)], attempts_max: usize) -> Arc<Self> {
        let parsed = |(host, port): &(String, u16)| Some((Host::parse(host).ok()?, *port));
        Arc::new(Self {
            allowed: allowed.iter().filter_map(parsed).collect(),
            attempts: Mutex::default(),
            attempts_max,
            open: Mutex::default(),
            ended: AtomicBool::new(false),
        })
    }

    /// Whether anything is allowed.
    pub(super) fn is_open(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// What was tried.
    pub(super) fn attempts(&self) -> Attempts {
        std::mem::take(&mut *self.tried())
    }

    fn tried(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, mut host: String, port: u16, allowed: bool) {
        let end = (0..=HOST_BYTES_MAX).rev().find(|at| host.is_char_boundary(*at));
        host.truncate(end.unwrap_or_default());
        let mut attempts = self.tried();
        if attempts.listed.len() < self.attempts_max {
            attempts.listed.push(Attempt { host, port, allowed });
        } else {
            attempts.more = attempts.more.saturating_add(1);
        }
    }

    /// An attempt of which nobody knows where to.
    fn count(&self) {
        let mut attempts = self.tried();
        attempts.more = attempts.more.saturating_add(1);
    }

    /// Serves the job's proxy until it has ended. Each connection has a thread.
    pub(super) fn serve(self: &Arc<Self>, listener: &TcpListener) {
        // The socket closes with the namespace only; the accepting thread must see the end by itself.
        if listener.set_nonblocking(true).is_err() {
            return;
        }
        while !self.ended.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((client, _)) => self.admit(client),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(_) => return,
            }
        }
    }

    fn admit(self: &Arc<Self>, client: TcpStream) {
        let Ok(held) = client.try_clone() else { return };
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.len() >= CONNECTIONS_MAX {
                open.retain(|stream| {
                    stream.take_error().is_ok_and(|error| error.is_none()) && stream.peer_addr().is_ok()
                });
            }
            if open.len() >= CONNECTIONS_MAX {
                drop(open);
                return self.count();
            }
            open.push(held);
        }
        let network = Arc::clone(self);
        // A connection for which no thread can be had is closed.
        let _ = std::thread::Builder::new().spawn(move || {
            let _ = network.converse(client);
        });
    }

    /// Ends everything that is still open.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn converse(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nonblocking(false)?;
        client.set_read_timeout(Some(PATIENCE))?;
        let head = read_head(&mut client)?;
        let Some((host, port)) = connect_target(&head) else {
            match plain_target(&head) {
                Some((host, port)) => self.record(host, port, false),
                None => self.count(),
            }
            return refuse(&mut client, "405 Method Not Allowed", "only CONNECT is served");
        };
        let parsed = Host::parse(&host);
        let allowed =
            parsed.as_ref().is_ok_and(|host| self.allowed.iter().any(|(of, at)| of == host && *at == port));
        self.record(host, port, allowed);
        let (true, Ok(host)) = (allowed, parsed) else {
            return refuse(&mut client, "403 Forbidden", "not on the allow-list");
        };
        let Some(server) = open(&host, port) else {
            return refuse(&mut client, "502 Bad Gateway", "the host cannot be reached");
        };
        {
            let mut held = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if self.ended.load(Ordering::Acquire) {
                return Ok(());
            }
            held.push(server.try_clone()?);
        }
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        client.set_read_timeout(None)?;
        tunnel(client, server)
    }

    /// Reads what is sent past the proxy until the job has ended: each address once.
    pub(super) fn look_on(&self, frames: &OwnedFd) {
        let mut seen = BTreeSet::new();
        let mut frame = vec![0; 2_048];
        loop {
            match recv(frames, frame.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((read, _)) => {
                    let Some(sent) = sent(frame.get(..read).unwrap_or_default()) else { continue };
                    if seen.contains(&sent) {
                        continue;
                    }
                    if seen.len() < SEEN_MAX {
                        let _ = seen.insert(sent.clone());
                    }
                    self.record(sent.host, sent.port, false);
                }
                // What is left to read was read before the end is believed.
                Err(_) if self.ended.load(Ordering::Acquire) => return,
                Err(rustix::io::Errno::AGAIN) => std::thread::sleep(Duration::from_millis(2)),
                // The interface going down is told once; packets may still lie there.
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

/// Reads a request's head, byte by byte: what follows it belongs to the tunnel.
fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        client.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(head)
}

/// Host and port of `CONNECT host:port HTTP/1.x`.
fn connect_target(head: &[u8]) -> Option<(String, u16)> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "CONNECT" || !version.starts_with("HTTP/1.") || words.next().is_some() {
        return None;
    }
    let (host, port) = target.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

/// Host and port of a request for `http://host:port/..`, as clients put it to a proxy that they do not ask to connect.
fn plain_target(head: &[u8]) -> Option<(String, u16)> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let target = line.split(' ').nth(1)?.strip_prefix("http://")?;
    let authority = target.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host.to_owned(), port.parse().ok()?)),
        Some(_) | None => (!host.is_empty()).then(|| (host.to_owned(), 80)),
    }
}

/// Connects to an allowed host. A name that leads to a private address leads nowhere: only an allow-list that names the address itself opens it.
fn open(host: &Host, port: u16) -> Option<TcpStream> {
    let addresses: Vec<SocketAddr> = match host {
        Host::Address(address) => vec![SocketAddr::new(*address, port)],
        Host::Name(name) => {
            let found = (name.as_str(), port).to_socket_addrs().ok()?;
            found.filter(|address| Destination::is_public(address.ip().to_canonical())).collect()
        }
    };
    addresses.iter().find_map(|address| TcpStream::connect_timeout(address, PATIENCE).ok())
}

fn refuse(client: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}",
        why.len()
    );
    client.write_all(answer.as_bytes())
}

/// Carries bytes both ways until either side ends.
fn tunnel(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upward = std::thread::Builder::new().spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    })?;
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = upward.join();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_beyond_the_most_that_are_listed_is_counted() {
        for (tried, listed, more) in [(0, 0, 0), (2, 2, 0), (3, 3, 0), (4, 3, 1), (9, 3, 6)] {
            let network = Network::new(&[], 3);
            for port in 0..tried {
                network.record("exfiltrate.example.net".to_owned(), port, false);
            }
            let attempts = network.attempts();
            let ports: Vec<u16> = attempts.listed.iter().map(|attempt| attempt.port).collect();
            assert_eq!((ports, attempts.more), ((0..listed).collect(), more), "{tried} tried");
        }
    }

    #[test]
    fn a_host_is_listed_no_longer_than_a_name_may_be() {
        let network = Network::new(&[], 3);
        network.record("é".repeat(HEAD_BYTES_MAX), 1, false);
        let attempts = network.attempts();
        assert_eq!(attempts.listed.iter().map(|attempt| attempt.host.len()).collect::<Vec<_>>(), [254]);
    }

    #[test]
    fn only_a_plain_connect_names_a_target() {
        let table: &[(&str, Option<(&str, u16)>)] = &[
            ("CONNECT example.org:443 HTTP/1.1\r\n\r\n", Some(("example.org", 443))),
            ("CONNECT [2001:db8::1]:443 HTTP/1.0\r\nHost: x\r\n\r\n", Some(("[2001:db8::1]", 443))),
            ("GET http://example.org/ HTTP/1.1\r\n\r\n", None),
            ("CONNECT example.org HTTP/1.1\r\n\r\n", None),
            ("CONNECT example.org:70000 HTTP/1.1\r\n\r\n", None),
            ("CONNECT a b:1 HTTP/1.1\r\n\r\n", None),
            ("\r\n\r\n", None),
        ];
        let plain: &[(&str, Option<(&str, u16)>)] = &[
            ("GET http://example.org/ HTTP/1.1\r\n\r\n", Some(("example.org", 80))),
            ("POST http://example.org:8080?x HTTP/1.1\r\n\r\n", Some(("example.org", 8_080))),
            ("GET http://me:secret@[2001:db8::1]/ HTTP/1.1\r\n\r\n", Some(("[2001:db8::1]", 80))),
            ("GET http://[2001:db8::1]:81/ HTTP/1.1\r\n\r\n", Some(("[2001:db8::1]", 81))),
            ("GET http://example.org:x/ HTTP/1.1\r\n\r\n", None),
            ("GET http:/// HTTP/1.1\r\n\r\n", None),
            ("GET / HTTP/1.1\r\n\r\n", None),
        ];
        for (head, expected) in plain {
            let found = plain_target(head.as_bytes());
            assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)), "{head}");
        }
        for (head, expected) in table {
            let found = connect_target(head.as_bytes());
            assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)), "{head}");
        }
    }
}
