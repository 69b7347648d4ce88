//! The form of a registry's JSON, apart from what it says: no name stands twice, and no member is one that means nothing. Of two entries of one tool a reviewer
//! reads the one and a program takes the other; a misspelt member would be one that nobody set.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Error as JsonError;

/// The members that an entry of a tool may have.
const MEMBERS: &[&str] = &[
    "version",
    "surface",
    "effects",
    "reversible",
    "preview",
    "result",
    "clearance",
    "roles",
    "schema",
    "reasons",
];

/// Checks the form of a registry that can be read as one.
pub(super) fn check(json: &[u8]) -> Result<(), JsonError> {
    let mut text = serde_json::Deserializer::from_slice(json);
    Names { what: Level::Registry }.deserialize(&mut text)
}

/// Where in a registry an object stands.
#[derive(Clone, Copy)]
enum Level {
    /// The registry itself.
    Registry,
    /// The tools by name.
    Tools,
    /// What is said of one tool.
    Entry,
    /// The roles of a tool's arguments.
    Roles,
}

impl Level {
    /// What stands under a name; nothing that has names of its own where there is none.
    fn inside(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Registry, "tools") => Some(Self::Tools),
            (Self::Tools, _) => Some(Self::Entry),
            (Self::Entry, "roles") => Some(Self::Roles),
            (Self::Registry | Self::Entry | Self::Roles, _) => None,
        }
    }
}

/// Reads an object for its names alone.
struct Names {
    what: Level,
}

impl<'de> DeserializeSeed<'de> for Names {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            // Before its value is read, so that the place told is the name's.
            if seen.contains(&name) {
                return Err(M::Error::custom(format_args!("duplicate field `{name}`")));
            }
            if matches!(self.what, Level::Entry) && !MEMBERS.contains(&name.as_str()) {
                return Err(M::Error::unknown_field(&name, MEMBERS));
            }
            match self.what.inside(&name) {
                Some(what) => map.next_value_seed(Names { what })?,
                None => {
                    let IgnoredAny = map.next_value()?;
                }
            }
            seen.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::{Registry, RegistryFault};

    const ENTRY: &str = r#""surface":"mail","effects":"send","reversible":false,"preview":false,"result":{"trust":"external","sensitivity":"internal"},"clearance":"public""#;

    fn fault(tools: &str) -> Option<String> {
        match Registry::parse(format!(r#"{{"format":1,"tools":{{{tools}}}}}"#).as_bytes()) {
            Ok(_) => None,
            Err(RegistryFault::Json(words)) => Some(words),
            Err(other) => Some(other.to_string()),
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_wherever_it_has_a_meaning() {
        assert_eq!(fault(&format!(r#""a":{{{ENTRY}}},"b":{{{ENTRY}}}"#)), None);
        assert_eq!(fault(&format!(r#""a":{{{ENTRY},"roles":{{"/to":"destination"}}}}"#)), None);
        for tools in [
            format!(r#""a":{{{ENTRY}}},"a":{{{}}}"#, ENTRY.replace("send", "read")),
            // The same name, written otherwise.
            format!(r#""a":{{{ENTRY}}},"\u0061":{{{ENTRY}}}"#),
            format!(r#""a":{{{ENTRY},"effects":"read"}}"#),
            format!(r#""a":{{{ENTRY},"roles":{{"/to":"destination","/to":"content"}}}}"#),
        ] {
            let fault = fault(&tools).unwrap_or_else(|| panic!("taken: {tools}"));
            assert!(fault.starts_with("duplicate field"), "{fault}");
        }
    }

    #[test]
    fn a_member_that_means_nothing_is_refused() {
        let fault = fault(&format!(r#""a":{{{ENTRY},"role":{{"/to":"destination"}}}}"#)).unwrap();
        assert!(fault.starts_with("unknown field `role`, expected one of `version`"), "{fault}");
    }
}
