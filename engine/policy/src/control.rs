//! How strong an answer is, so that the risk table and a policy can be compared.

/// What is asked before an action, weakest first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Nothing.
    #[default]
    None,
    /// It is recorded; every decision is.
    Log,
    /// The request is changed first.
    Revise,
    /// Less is asked for.
    Narrow,
    /// A person approves.
    Approve,
    /// It does not happen.
    Deny,
}

impl Control {
    /// Every control, weakest first.
    pub const ALL: &'static [Self] =
        &[Self::None, Self::Log, Self::Revise, Self::Narrow, Self::Approve, Self::Deny];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Log => "log",
            Self::Revise => "revise",
            Self::Narrow => "narrow",
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
