//! Records, canonical bytes, digests, segments, proofs and seals of a Rederive trace.
