//! What can be done with any table, whatever is in it.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Row, Table, View};
use crate::{arn::Arn, tags::Tags};

/// A table and what it is called.
pub(crate) struct NamedTable<'a> {
    /// In an ARN.
    pub kind: &'static str,
    /// In a dump, and in the name of its limit.
    pub member: &'static str,
    /// On the page for people.
    pub title: &'static str,
    pub rows: &'a mut dyn AnyTable,
}

impl<'a> NamedTable<'a> {
    pub fn new(
        kind: &'static str,
        member: &'static str,
        title: &'static str,
        rows: &'a mut dyn AnyTable,
    ) -> Self {
        Self { kind, member, title, rows }
    }
}

/// A table, whatever is in it.
pub(crate) trait AnyTable {
    fn count(&self) -> usize;
    /// Counts up with each change.
    fn changes(&self) -> u64;
    fn look(&mut self, view: View);
    fn key(&self, arn: &str) -> Option<String>;
    /// To be looked at.
    fn tags(&self, arn: &str) -> Option<&Tags>;
    /// To be changed.
    fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags>;
    fn remove(&mut self, arn: &str) -> bool;
    /// The rows, up to so many, each with all that its own Get tells.
    fn dump(&self, most: usize) -> Value;
    /// Puts the rows of a dump in place of all that is there. The table stays as it is when they are no such rows.
    fn load(&mut self, kind: &str, rows: Value) -> Result<(), String>;
}

impl<T: Row + Serialize + DeserializeOwned> AnyTable for Table<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn changes(&self) -> u64 {
        self.changes()
    }

    fn look(&mut self, view: View) {
        self.look(view);
    }

    fn key(&self, arn: &str) -> Option<String> {
        self.get(arn).map(|row| row.key().to_owned())
    }

    fn tags(&self, arn: &str) -> Option<&Tags> {
        self.get(arn).map(Row::tags)
    }

    fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags> {
        self.get_mut(arn).map(Row::tags_mut)
    }

    fn remove(&mut self, arn: &str) -> bool {
        self.remove(arn)
    }

    fn dump(&self, most: usize) -> Value {
        self.iter().take(most).map(|row| serde_json::to_value(row).unwrap_or_default()).collect()
    }

    fn load(&mut self, kind: &str, rows: Value) -> Result<(), String> {
        let rows: Vec<T> = serde_json::from_value(rows).map_err(|error| error.to_string())?;
        let mut loaded = Self::default();
        for row in rows {
            let arn = row.arn();
            if Arn::parse(arn).is_none_or(|parsed| parsed.kind != kind) {
                return Err(format!("{arn:?} is not the ARN of a {kind}"));
            }
            if loaded.get(arn).is_some() {
                return Err(format!("{arn} is there twice"));
            }
            loaded.insert(row);
        }
        *self = loaded;
        Ok(())
    }
}
