//! Policy bundles, tool registries and decisions.
