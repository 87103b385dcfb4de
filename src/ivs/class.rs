//! Classes of errors.

/// The class of an error: what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The error is temporary: retry soon, with backoff.
    Transient,
    /// Someone must act outside the spec (on a quota, a permission, or a verification): report it, and retry
    /// slowly.
    Blocked,
    /// The spec must change: do not retry.
    Invalid,
    /// The call may have taken effect or not: check AWS before anything else.
    Ambiguous,
    /// AWS says, with its own error code, that the resource does not exist.
    Missing,
    /// AWS does not find, or cannot use, something that the spec refers to. Somebody may create it: report
    /// it, and retry slowly.
    MissingReference,
}

impl Class {
    /// Returns the label in metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Blocked => "blocked",
            Self::Invalid => "invalid",
            Self::Ambiguous => "ambiguous",
            Self::Missing => "missing",
            Self::MissingReference => "missing_reference",
        }
    }
}
