//! The fields of a resource, and how their values in AWS differ from the desired ones.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

/// The settings and tags of a resource that the spec names, or that an earlier spec has named and that are
/// not back at AWS's default yet.
pub type AppliedFields = BTreeSet<Field>;

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
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

/// The beginning of the text of a tag. No path of a setting contains a space.
const TAG: &str = "tag ";

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(key) => write!(f, "{TAG}{key}"),
            other => f.write_str(other.label()),
        }
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        match text.strip_prefix(TAG) {
            Some(key) => Self::Tag(key.to_owned()),
            None if text == Self::Name.label() => Self::Name,
            None => Self::Setting(text),
        }
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_from_its_text() {
        let (path, key) = ("messageReviewHandler.uri".to_owned(), "tag of a team".to_owned());
        for field in [Field::Name, Field::Setting(path), Field::Tag(key)] {
            assert_eq!(Field::from(field.to_string()), field);
        }
    }
}
