//! The importer from outside: one binary, a module a subject.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read the files that they compare with"
)]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test asks for the kinds that it is about")]

#[cfg(test)]
mod chat;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod outline;
#[cfg(test)]
mod real;
#[cfg(test)]
mod said;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod whole;
