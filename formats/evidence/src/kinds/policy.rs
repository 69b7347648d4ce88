//! `policy`: which bundle and registry are in force (POL-6).

use crate::digest::Digest;
use crate::ids::{Content, Id};
use crate::map;
use crate::schema::Given;

map! {
    /// `policy pinned`: what the gate loaded.
    pub struct PolicyPinned {
        /// Digest of the bundle.
        0 req bundle: Digest,
        /// Its name.
        1 opt name: Id,
        /// Its version.
        2 opt version: Id,
        /// Engine.
        3 req engine: Given<Id>,
        /// Engine version.
        4 req engine_version: Given<Id>,
    }

    /// `policy changed`: another bundle or registry from here on.
    pub struct PolicyChanged {
        /// Digest of the new bundle.
        0 opt bundle: Digest,
        /// Digest of the new registry.
        1 opt registry: Digest,
        /// Why.
        2 opt reason: Content,
    }
}
