//! Thresholds for measured values.

use std::fmt;

/// A threshold for a measured value.
#[derive(Clone, Copy, Debug)]
pub enum Threshold {
    /// The measured value must be at least this.
    AtLeast(f64),
    /// The measured value must be at most this.
    AtMost(f64),
    /// The measured value must be less than this.
    Below(f64),
}

impl Threshold {
    /// Returns the threshold and whether a value meets it, as text.
    #[must_use]
    pub fn verdict(self, figure: f64) -> String {
        format!("{self}: {}", if self.is_met_by(figure) { "met" } else { "NOT met" })
    }

    /// Returns true if a value meets the threshold.
    #[must_use]
    pub fn is_met_by(self, figure: f64) -> bool {
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
