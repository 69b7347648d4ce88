//! Extracted parts of a record: pure functions of its content.
