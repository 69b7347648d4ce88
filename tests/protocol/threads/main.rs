//! The recorder's own sources over primitives that try orders of threads.
//!
//! Every module of `engine/recorder/src` is compiled here as it stands, but for `sync`: what its threads wait on is shuttle's, which runs them one at a
//! time and chooses at each lock, each wait and each call of the disk who goes on.

// The recorder's public items are those of a library; here not all have a caller, and nobody is outside.
macro_rules! recorder_sources {
    ($($path:literal $module:ident)*) => {
        $(#[cfg(test)]
        #[path = $path]
        #[allow(dead_code, unreachable_pub, reason = "the recorder's sources are compiled whole")]
        mod $module;)*
    };
}

recorder_sources! {
    "../../../engine/recorder/src/clock.rs" clock
    "../../../engine/recorder/src/closing.rs" closing
    "../../../engine/recorder/src/commits.rs" commits
    "../../../engine/recorder/src/entropy.rs" entropy
    "../../../engine/recorder/src/error.rs" error
    "../../../engine/recorder/src/leaves.rs" leaves
    "../../../engine/recorder/src/ledger.rs" ledger
    "../../../engine/recorder/src/opening.rs" opening
    "../../../engine/recorder/src/recorder.rs" recorder
    "../../../engine/recorder/src/restore.rs" restore
    "../../../engine/recorder/src/vault.rs" vault
}

#[cfg(test)]
mod disk;
#[cfg(test)]
mod group_commit;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod sync;
