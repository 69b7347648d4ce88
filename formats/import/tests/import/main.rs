//! The importer from outside: one binary, a module a subject.

#[cfg(test)]
mod chat;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod outline;
#[cfg(test)]
mod real;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod whole;
