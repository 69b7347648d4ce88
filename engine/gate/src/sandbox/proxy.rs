//! The one way out of the sandbox: a CONNECT proxy outside of it, which knows an allow-list and records what is asked of it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};

use super::frames::sent;
use crate::guardrails::{Destination, Host};
use crate::ports::Attempt;

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// Most attempts that are recorded of one job.
const ATTEMPTS_MAX: usize = 1_024;
/// Most connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection to an allowed host may take to open, and a request to come in.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a job may connect to, and what it tried.
#[derive(Debug)]
pub(super) struct Network {
    allowed: Vec<(Host, u16)>,
    attempts: Mutex<Vec<Attempt>>,
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

impl Network {
    /// This allow-list. A host that is none is on no list.
    pub(super) fn new(allowed: &[(String, u16)]) -> Arc<Self> {
        let parsed = |(host, port): &(String, u16)| Some((Host::parse(host).ok()?, *port));
        Arc::new(Self {
            allowed: allowed.iter().filter_map(parsed).collect(),
            attempts: Mutex::default(),
            open: Mutex::default(),
            ended: AtomicBool::new(false),
        })
    }

    /// Whether anything is allowed.
    pub(super) fn is_open(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// What was tried, in order.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        std::mem::take(&mut *self.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn record(&self, host: String, port: u16, allowed: bool) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() < ATTEMPTS_MAX {
            attempts.push(Attempt { host, port, allowed });
        }
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
                return;
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
                    if seen.len() < ATTEMPTS_MAX && seen.insert(sent.clone()) {
                        self.record(sent.host, sent.port, false);
                    }
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
        for (head, expected) in table {
            let found = connect_target(head.as_bytes());
            assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)), "{head}");
        }
    }
}
