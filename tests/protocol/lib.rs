//! Nothing: the protocol's model is a test.
