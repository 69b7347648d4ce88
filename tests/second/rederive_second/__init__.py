"""A second verifier of Rederive traces, written from SPEC.md alone."""
