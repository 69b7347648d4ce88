//! Parallel replay of traces, verdicts and differences.
