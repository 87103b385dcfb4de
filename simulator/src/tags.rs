//! The tags of a resource, and the rules for tags in each service.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use crate::{api_error::ApiError, codec::decode, pattern::Pattern, validate::Rule};

/// The maximum number of tags of a resource.
pub(crate) const MAX_TAGS: usize = 50;

/// The rule for a tag key in ivs.
pub(crate) const STRICT_KEY: Rule = Rule::Text { min: 1, max: 128, pattern: Pattern::TagKey { any: false } };
const STRICT_VALUE: Rule = Rule::Text { min: 0, max: 256, pattern: Pattern::TagValue { any: false } };
/// The rule for a tag key in ivschat and ivs-realtime.
pub(crate) const KEY: Rule = Rule::Text { min: 1, max: 128, pattern: Pattern::TagKey { any: true } };
const VALUE: Rule = Rule::Text { min: 0, max: 256, pattern: Pattern::TagValue { any: true } };

/// The rule for tags in ivs.
pub(crate) const STRICT: Rule = Rule::Map { max: MAX_TAGS, key: &STRICT_KEY, value: &STRICT_VALUE };
/// The rule for tags in ivschat and ivs-realtime.
pub(crate) const ANY: Rule = Rule::Map { max: MAX_TAGS, key: &KEY, value: &VALUE };

/// The tags of a resource, sorted by key.
///
/// A sorted vector takes little memory; a map would take half a kilobyte for the first tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags(Vec<(Box<str>, Box<str>)>);

impl Tags {
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the tags in the input of a create operation.
    pub fn from_input(input: &Value) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Input {
            tags: Option<Tags>,
        }
        Ok(decode::<Input>(input)?.tags.unwrap_or_default())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_ok()
    }

    /// Sets a tag, which replaces its old value.
    pub fn insert(&mut self, key: String, value: String) {
        match self.position(&key) {
            Ok(position) => self.0[position].1 = value.into(),
            Err(position) => {
                // Reserves exactly one: there are many tag sets, and they rarely grow.
                self.0.reserve_exact(1);
                self.0.insert(position, (key.into(), value.into()));
            }
        }
    }

    pub fn extend(&mut self, tags: Self) {
        for (key, value) in tags.0 {
            self.insert(key.into(), value.into());
        }
    }

    pub fn remove(&mut self, key: &str) {
        if let Ok(position) = self.position(key) {
            self.0.remove(position);
        }
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(found, _)| (**found).cmp(key))
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TagsVisitor)
    }
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = Tags;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tags, A::Error> {
        let mut tags = Tags::new();
        while let Some((key, value)) = map.next_entry()? {
            tags.insert(key, value);
        }
        Ok(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_serialize_as_a_map() {
        let mut tags: Tags = serde_json::from_str(r#"{"b": "2", "a": "1", "c": "3"}"#).expect("tags");
        tags.remove("c");
        tags.remove("d");
        tags.insert("b".to_owned(), "4".to_owned());
        assert_eq!(serde_json::to_string(&tags).expect("JSON"), r#"{"a":"1","b":"4"}"#);
        assert!(tags.len() == 2 && tags.contains_key("a") && !tags.contains_key("c"));
        assert_eq!(tags.keys().collect::<String>(), "ab");
    }
}
