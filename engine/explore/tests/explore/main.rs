//! The explorer on the runs of the fixtures and on generated ones.

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod made;
#[cfg(test)]
mod matrix;
#[cfg(test)]
#[path = "../../../machine/samples/told.rs"]
mod told;
