//! The tags of one resource, in little memory: a map would take half a kilobyte for the first of them.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// The tags of a resource, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags(Vec<(Box<str>, Box<str>)>);

impl Tags {
    pub fn new() -> Self {
        Self::default()
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

    /// Sets a tag, whether or not it is there.
    pub fn insert(&mut self, key: String, value: String) {
        match self.position(&key) {
            Ok(position) => self.0[position].1 = value.into(),
            Err(position) => {
                // One more at a time: tags are many in all, and seldom added to.
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
        deserializer.deserialize_map(InMap)
    }
}

struct InMap;

impl<'de> Visitor<'de> for InMap {
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
    fn tags_are_a_map() {
        let mut tags: Tags = serde_json::from_str(r#"{"b": "2", "a": "1", "c": "3"}"#).expect("tags");
        tags.remove("c");
        tags.remove("d");
        tags.insert("b".to_owned(), "4".to_owned());
        assert_eq!(serde_json::to_string(&tags).expect("JSON"), r#"{"a":"1","b":"4"}"#);
        assert!(tags.len() == 2 && tags.contains_key("a") && !tags.contains_key("c"));
        assert_eq!(tags.keys().collect::<String>(), "ab");
    }
}
