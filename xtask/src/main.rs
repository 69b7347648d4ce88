//! Generated files of the tree: golden vectors, CDDL, spec citations.

fn main() {}
