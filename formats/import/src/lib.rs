//! Foreign recordings of agent runs in, drafts of records out.

mod entries;
mod fault;
mod json;
