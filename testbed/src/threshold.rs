//! What a figure that was measured should be.

use std::fmt;

/// A goal.
#[derive(Clone, Copy, Debug)]
pub enum Threshold {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
    /// Less.
    Below(f64),
}

impl Threshold {
    /// The goal, and whether a figure meets it.
    #[must_use]
    pub fn verdict(self, figure: f64) -> String {
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

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::Below(limit) => write!(f, "below {limit}"),
        }
    }
}
