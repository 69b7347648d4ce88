//! The integration tests of Rederive: one binary, one module a capability.

#[cfg(test)]
mod closing;
#[cfg(test)]
mod default_bundle;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod large;
#[cfg(test)]
mod model;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod real;
#[cfg(test)]
mod recorder;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod tampering;
#[cfg(test)]
#[path = "../../engine/machine/samples/told.rs"]
mod told;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod verdicts;
