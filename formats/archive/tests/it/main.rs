//! The trace file and its open log, from outside.

#[cfg(test)]
mod check_word;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod files;
#[cfg(test)]
mod hints;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod log;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod run;
