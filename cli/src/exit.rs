//! The exit status: what a script learns without reading a word.

use std::process::ExitCode;

/// How the tool ended. Of several, the one that comes first in 5, 2, 3, 1, 4, 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// 0: all as asked.
    AsAsked,
    /// 4: undecided, torn, recovered tail, unsealed, or redacted beyond the level asked.
    Unfinished,
    /// 1: a divergence, or a failure in an enforced run.
    Parted,
    /// 3: damaged or forged evidence.
    Untrustworthy,
    /// 2: usage, or input that is not what was asked for.
    Usage,
    /// 5: the tool or the system failed.
    Internal,
}

impl Exit {
    /// The number that the system sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::AsAsked => 0,
            Self::Parted => 1,
            Self::Usage => 2,
            Self::Untrustworthy => 3,
            Self::Unfinished => 4,
            Self::Internal => 5,
        }
    }

    /// The one of the two that a script has to know.
    pub(crate) fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_first_in_5_2_3_1_4_0_is_taken() {
        let order =
            [Exit::Internal, Exit::Usage, Exit::Untrustworthy, Exit::Parted, Exit::Unfinished, Exit::AsAsked];
        assert_eq!(order.map(Exit::code), [5, 2, 3, 1, 4, 0]);
        for (i, first) in order.iter().enumerate() {
            for later in order.iter().skip(i) {
                assert_eq!(first.and(*later), *first);
                assert_eq!(later.and(*first), *first);
            }
        }
    }
}
