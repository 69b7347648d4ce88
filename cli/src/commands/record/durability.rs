//! When records survive a crash, as the user asks for it.

use std::str::FromStr;

use rederive_recorder::Durability;

/// `every`, `group:N` or `seal`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurabilityArgument(pub(super) Durability);

impl DurabilityArgument {
    /// Whether anything survives a crash before the seal.
    pub(super) const fn commits(self) -> bool {
        match self.0 {
            Durability::EveryRecord | Durability::Group(_) => true,
            Durability::OnSeal | Durability::LeftToSystem => false,
        }
    }
}

impl FromStr for DurabilityArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let durability = match (text, text.strip_prefix("group:").map(str::parse)) {
            ("every", _) => Durability::EveryRecord,
            ("seal", _) => Durability::OnSeal,
            (_, Some(Ok(records))) if records > 0 => Durability::Group(records),
            (_, Some(_)) => return Err("a group is `group:N` of N records, 1 at least"),
            (_, None) => return Err("it is one of `every`, `group:N` and `seal`"),
        };
        Ok(Self(durability))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_is_every_record_a_group_or_the_seal() {
        let parsed = |text: &str| text.parse::<DurabilityArgument>().map(|argument| argument.0);
        assert_eq!(parsed("every"), Ok(Durability::EveryRecord));
        assert_eq!(parsed("group:64"), Ok(Durability::Group(64)));
        assert_eq!(parsed("seal"), Ok(Durability::OnSeal));
        for wrong in ["", "never", "group", "group:", "group:0", "group:-1", "group:99999999999"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
