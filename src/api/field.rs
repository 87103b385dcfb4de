//! The fields of a resource, and how their values in AWS differ from the desired ones.

use std::fmt;

/// A field of a resource whose value in AWS differs from the desired one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// The name, a setting, or a tag.
    pub field: Field,
    /// The value in AWS; None if there is none.
    pub live: Option<String>,
    /// The desired value; None if there is to be none.
    pub desired: Option<String>,
}

/// A field of a resource. Its text is what people read: `name`, `messageReviewHandler.uri`, `tag team`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The name.
    Name,
    /// A setting, by its path within `spec.channel`, `spec.chatRoom`, or `spec.stage`, with dots.
    Setting(String),
    /// A tag, by its key.
    Tag(String),
}

impl Field {
    /// Returns the label of metrics. Tags have one label, because anybody can choose keys.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::Setting(path) => path,
            Self::Tag(_) => "tags",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(key) => write!(f, "tag {key}"),
            other => f.write_str(other.label()),
        }
    }
}
