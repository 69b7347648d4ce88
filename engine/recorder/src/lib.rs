//! The live side of evidence: clock, entropy, durable append and the seal.
