//! Bundles, engines and registries as their users see them.

#[cfg(test)]
mod bundles;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod mapping;
#[cfg(test)]
mod material;
#[cfg(test)]
mod rego;
#[cfg(test)]
mod same_answers;
