//! Type-erased access to the tables of all resource kinds.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    arn::Arn,
    table::{Row, Table, View},
    tags::Tags,
};

/// A table with its names.
pub(crate) struct NamedTable<'a> {
    /// The resource kind in an ARN.
    pub kind: &'static str,
    /// The member of a dump, and the name of the limit.
    pub member: &'static str,
    /// The heading on the dashboard.
    pub title: &'static str,
    pub rows: &'a mut dyn AnyTable,
}

/// A table of any resource kind.
pub(crate) trait AnyTable {
    fn count(&self) -> usize;
    /// Returns the number of changes so far.
    fn changes(&self) -> u64;
    fn set_view(&mut self, view: View);
    fn key(&self, arn: &str) -> Option<String>;
    fn tags(&self, arn: &str) -> Option<&Tags>;
    fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags>;
    fn remove(&mut self, arn: &str) -> bool;
    /// Returns at most `limit` rows, each with all members of its Get output.
    fn dump(&self, limit: usize) -> Value;
    /// Replaces all rows by those of a dump. Leaves the table unchanged if the rows are invalid.
    fn load(&mut self, kind: &str, rows: Value) -> Result<(), String>;
}

impl<T: Row + Serialize + DeserializeOwned> AnyTable for Table<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn changes(&self) -> u64 {
        self.changes()
    }

    fn set_view(&mut self, view: View) {
        self.set_view(view);
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

    fn dump(&self, limit: usize) -> Value {
        self.iter().take(limit).map(|row| serde_json::to_value(row).unwrap_or_default()).collect()
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
                return Err(format!("{arn} occurs twice"));
            }
            loaded.insert(row);
        }
        *self = loaded;
        Ok(())
    }
}
