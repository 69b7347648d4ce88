//! Names of the guardrails as records hold them.

use std::sync::LazyLock;

use rederive_evidence::ids::Id;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $(
            $(#[$doc])*
            #[allow(clippy::expect_used, reason = "the text stands here, and a test makes every one")]
            pub(super) static $name: LazyLock<Id> = LazyLock::new(|| Id::new($text).expect("an identifier"));
        )+

        #[cfg(test)]
        #[test]
        fn every_name_is_an_identifier() {
            $(assert_eq!($name.as_str(), $text);)+
        }
    };
}

names! {
    /// Of all guardrails here: raised whenever any finding can change.
    VERSION = "1";
    MASKING = "masking";
    DESTINATIONS = "destinations";
    COMMANDS = "commands";
    INSTRUCTIONS = "instructions";
    DEPARTURE = "departure";
}
