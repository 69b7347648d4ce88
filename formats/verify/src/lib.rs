//! Integrity of a Rederive trace against trust roots.
