//! The compact form of an id.

use std::fmt;

use uuid::Uuid;

/// An id that is a UUID nearly always, such as the UID of an object or the value of a tag, in compact form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CompactId {
    /// A UUID in its usual form: in lower case, with hyphens.
    Uuid(Uuid),
    /// Any other text.
    Text(Box<str>),
}

impl CompactId {
    /// Returns the UUID, in whatever form it is written.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(id) => Some(*id),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl From<&str> for CompactId {
    fn from(text: &str) -> Self {
        let usual = |id: &Uuid| id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        let id = text.parse().ok().filter(usual);
        id.map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

impl fmt::Display for CompactId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => fmt::Display::fmt(id, formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_returns_exactly_the_text_that_it_was_made_of() {
        let usual = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        assert!(matches!(CompactId::from(usual), CompactId::Uuid(_)));
        let upper = usual.to_uppercase();
        for text in [usual, &upper, &usual.replace('-', ""), &format!("{{{usual}}}"), "", "uid-1"] {
            assert_eq!(CompactId::from(text).to_string(), text);
        }
        assert_eq!(CompactId::from(upper.as_str()).uuid(), CompactId::from(usual).uuid());
        assert_ne!(CompactId::from(upper.as_str()), CompactId::from(usual));
        assert_eq!(CompactId::from("uid-1").uuid(), None);
    }
}
