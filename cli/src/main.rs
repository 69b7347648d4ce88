//! Record, replay and prove the runs of AI agents.

fn main() {}
