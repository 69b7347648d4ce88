//! Entities that follow from who asks for which tool alone: put together, with all that each belongs to, once for all such requests.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::Entities;
use rederive_evidence::ids::Id;
use rederive_evidence::values::EffectsClass;

use crate::engine::EngineFault;

/// Most combinations that are kept. Beyond them all are forgotten, and made again as they are asked for.
const KNOWN_MAX: usize = 1_024;

/// Who asks, for which tool, of which class.
pub(super) type Key = (Id, Id, EffectsClass);

/// What was put together so far.
#[derive(Debug, Default)]
pub(super) struct Known(RwLock<BTreeMap<Key, Arc<Entities>>>);

impl Known {
    /// The entities under this key, which `make` puts together: the same each time for one key.
    pub(super) fn get(
        &self,
        key: Key,
        make: impl FnOnce() -> Result<Entities, EngineFault>,
    ) -> Result<Arc<Entities>, EngineFault> {
        // Nothing but whole entries are put in: a thread that was stopped in between has spoilt none.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let _ = known.insert(key, Arc::clone(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(principal: usize) -> Key {
        let id = |text: &str| Id::new(text).unwrap();
        (id(&format!("p{principal}")), id("post"), EffectsClass::Send)
    }

    #[test]
    fn what_was_made_is_made_once_until_there_is_too_much_and_a_fault_is_not_kept() {
        let known = Known::default();
        let fault = || EngineFault::Request(String::new());
        let made = |principal| {
            let mut is_made = false;
            let got = known.get(key(principal), || {
                is_made = true;
                Ok(Entities::empty())
            });
            got.unwrap();
            is_made
        };
        assert!(known.get(key(0), || Err(fault())).is_err());
        assert!((0..KNOWN_MAX).all(made), "each for the first time");
        assert!(!made(0), "it is there");
        assert!(made(KNOWN_MAX), "one too many");
        assert!(made(0), "all are forgotten");
    }
}
