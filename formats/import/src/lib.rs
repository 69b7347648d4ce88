//! Foreign recordings of agent runs in, drafts of records out.
