//! Identifiers for the names that a source uses.

use rederive_evidence::digest::commitment;
use rederive_evidence::ids::Id;

/// Names of the actors that every imported run has.
pub(crate) mod actors {
    /// Wrote the trace.
    pub(crate) const RECORDER: &str = "recorder";
    /// Whose system prompts they are.
    pub(crate) const OPERATOR: &str = "operator";
    /// On whose behalf the run acts.
    pub(crate) const USER: &str = "user";
    /// Whatever executed the tools.
    pub(crate) const TOOLS: &str = "tools";
    /// Whatever brought text that is neither the user's nor the operator's nor a tool's.
    pub(crate) const SERVICE: &str = "service";
    /// Whatever called tools that no answer of a model asks for.
    pub(crate) const WORKFLOW: &str = "workflow";
    /// The agent, where the source has no name for it.
    pub(crate) const AGENT: &str = "agent";
    /// Agents of a run that names more of them than an opening record lists.
    pub(crate) const OTHERS: &str = "others";

    /// Names that an agent of the source cannot take.
    pub(crate) const RESERVED: &[&str] = &[RECORDER, OPERATOR, USER, TOOLS, SERVICE, WORKFLOW, OTHERS];
}

/// What stands for a name that the source does not give.
pub(crate) const UNKNOWN: &str = "unknown";

/// The identifier that is this text.
#[allow(clippy::expect_used, reason = "called with this crate's constants and hexadecimal digits only")]
pub(crate) fn own(text: &str) -> Id {
    Id::new(text).expect("a constant or digits are inside the alphabet")
}

/// The identifier for a name of the source: the name itself where it is one.
pub(crate) fn of(name: &[u8]) -> Named {
    if name.is_empty() {
        return Named { id: own(UNKNOWN), is_derived: false };
    }
    match std::str::from_utf8(name).map_err(drop).and_then(|text| Id::new(text).map_err(drop)) {
        Ok(id) => Named { id, is_derived: false },
        Err(()) => Named { id: derived(name), is_derived: true },
    }
}

/// The identifier for an agent: as [`of`], and never one of the actors that every run has.
pub(crate) fn agent(name: &[u8]) -> Named {
    if name.is_empty() {
        return Named { id: own(actors::AGENT), is_derived: false };
    }
    let is_reserved = actors::RESERVED.iter().any(|reserved| reserved.as_bytes() == name);
    if is_reserved { Named { id: derived(name), is_derived: true } } else { of(name) }
}

/// An identifier, and whether the name itself has to be kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: Id,
    pub(crate) is_derived: bool,
}

/// `name-` and sixteen digits of the name's commitment under a salt of zeros.
fn derived(name: &[u8]) -> Id {
    let digits = commitment(&[0; 32], name).to_hex();
    own(&format!("name-{}", digits.get(..16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_inside_the_alphabet_is_its_own_identifier_and_any_other_is_derived() {
        for (name, id, is_derived) in [
            (&b"get_day_calendar_events"[..], "get_day_calendar_events", false),
            (b"", "unknown", false),
            (b"get weather", "name-", true),
            (b"\xff", "name-", true),
            (&[b'a'; 129], "name-", true),
        ] {
            let named = of(name);
            assert_eq!(named.is_derived, is_derived);
            assert!(named.id.as_str().starts_with(id), "{named:?}");
        }
        assert_ne!(of(b"get weather"), of(b"get  weather"));
        assert_eq!(of(b"get weather"), of(b"get weather"));
    }

    #[test]
    fn no_agent_takes_the_name_of_an_actor_that_every_run_has() {
        for reserved in actors::RESERVED {
            assert!(agent(reserved.as_bytes()).is_derived);
            own(reserved);
        }
        assert_eq!(agent(b"").id.as_str(), "agent");
    }
}
