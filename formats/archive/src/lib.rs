//! The trace file: blocks, contents, index, snapshots, the open log and its recovery.
