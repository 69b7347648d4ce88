//! The machine from outside: one binary, a module a subject.

mod calls;
mod story;
