//! Bundles, engines and registries as their users see them.

mod bundles;
mod mapping;
mod material;
mod same_answers;
