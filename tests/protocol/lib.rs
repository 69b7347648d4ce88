//! Nothing: the protocol's model and the orders of threads are tests.
