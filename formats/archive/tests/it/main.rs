//! The trace file and its open log, from outside.

mod damage;
mod faults;
mod files;
mod hints;
mod hostile;
mod log;
mod raw;
mod redaction;
mod round_trip;
mod run;
