//! The command-line tool as its users meet it: the binary itself, run in an empty folder, with what it prints and how it exits.
//!
//! Snapshots hold stdout, stderr and exit status; `INSTA_UPDATE=always cargo test -p rederive` writes them anew.

#[cfg(test)]
mod approve;
#[cfg(test)]
mod ci_job;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod exit;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod explore;
#[cfg(test)]
mod explore_policy;
#[cfg(test)]
mod import;
#[cfg(test)]
#[cfg(unix)]
mod inputs;
#[cfg(test)]
mod keygen;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod prove;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod real;
#[cfg(test)]
mod record;
#[cfg(test)]
mod redact;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod review;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod show;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod whatif;
