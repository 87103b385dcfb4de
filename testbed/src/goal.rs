//! What a figure that was measured should be.

use std::fmt;

/// A goal.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
    /// Less.
    Below(f64),
}

impl Goal {
    /// The goal, and whether a figure meets it.
    #[must_use]
    pub fn beside(self, figure: f64) -> String {
        format!("{self}: {}", if self.is_met_by(figure) { "met" } else { "NOT met" })
    }

    fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
            Self::Below(limit) => figure < limit,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::Below(limit) => write!(f, "below {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_says_whether_it_is_met() {
        assert_eq!(Goal::AtLeast(0.9).beside(0.9), "at least 0.9: met");
        assert_eq!(Goal::AtLeast(0.9).beside(0.89), "at least 0.9: NOT met");
        assert_eq!(Goal::AtMost(3.0).beside(3.5), "at most 3: NOT met");
        assert_eq!(Goal::Below(50.0).beside(50.0), "below 50: NOT met");
        assert_eq!(Goal::Below(50.0).beside(f64::NAN), "below 50: NOT met");
    }
}
