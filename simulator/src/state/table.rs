//! A table of resources: in an order for paging, with an index by ARN and one by a second key.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use crate::tags::Tags;

/// A resource in a table.
pub(crate) trait Row {
    fn arn(&self) -> &str;
    /// What it is looked up by besides its ARN: its name, or for a stream key its channel.
    fn key(&self) -> &str;
    fn tags_mut(&mut self) -> &mut Tags;
}

/// Rows in the order of their making, or of their last `touch`.
pub(crate) struct Table<T> {
    next: u64,
    rows: BTreeMap<u64, T>,
    by_arn: HashMap<String, u64>,
    by_key: BTreeSet<(String, u64)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { next: 1, rows: BTreeMap::new(), by_arn: HashMap::new(), by_key: BTreeSet::new() }
    }
}

impl<T: Row> Table<T> {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.values()
    }

    pub fn get(&self, arn: &str) -> Option<&T> {
        self.rows.get(self.by_arn.get(arn)?)
    }

    /// For changes that leave ARN and key as they are.
    pub fn get_mut(&mut self, arn: &str) -> Option<&mut T> {
        self.rows.get_mut(self.by_arn.get(arn)?)
    }

    /// The rows with that key.
    pub fn with_key<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a T> {
        self.orders_with_key(key, 0).filter_map(|order| self.rows.get(&order))
    }

    /// Adds a row as the newest.
    pub fn insert(&mut self, row: T) {
        let order = self.next;
        self.next += 1;
        self.put(order, row);
    }

    /// Puts a changed row in the place of the one with its ARN.
    pub fn replace(&mut self, row: T) {
        if let Some(order) = self.by_arn.get(row.arn()).copied() {
            self.take(order);
            self.put(order, row);
        }
    }

    /// Puts a changed row in the place of the one with its ARN, and makes it the newest.
    pub fn replace_as_newest(&mut self, row: T) {
        if let Some(order) = self.by_arn.get(row.arn()).copied() {
            self.take(order);
            self.insert(row);
        }
    }

    pub fn remove(&mut self, arn: &str) -> Option<T> {
        let order = self.by_arn.get(arn).copied()?;
        self.take(order)
    }

    /// The rows after that one in the order, oldest first.
    pub fn oldest_first(&self, after: Option<u64>) -> impl Iterator<Item = (u64, &T)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((start, Bound::Unbounded)).map(|(order, row)| (*order, row))
    }

    /// The rows before that one in the order, newest first.
    pub fn newest_first(&self, before: Option<u64>) -> impl Iterator<Item = (u64, &T)> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((Bound::Unbounded, end)).rev().map(|(order, row)| (*order, row))
    }

    /// The rows with that key after that one in the order, oldest first.
    pub fn oldest_first_with_key<'a>(
        &'a self,
        key: &'a str,
        after: Option<u64>,
    ) -> impl Iterator<Item = (u64, &'a T)> {
        let orders = self.orders_with_key(key, after.map_or(0, |after| after.saturating_add(1)));
        orders.filter_map(|order| Some((order, self.rows.get(&order)?)))
    }

    /// The rows with that key before that one in the order, newest first.
    pub fn newest_first_with_key<'a>(
        &'a self,
        key: &'a str,
        before: Option<u64>,
    ) -> impl Iterator<Item = (u64, &'a T)> {
        let range = (key.to_owned(), 0)..(key.to_owned(), before.unwrap_or(u64::MAX));
        let orders = self.by_key.range(range).rev().map(|(_, order)| *order);
        orders.filter_map(|order| Some((order, self.rows.get(&order)?)))
    }

    fn orders_with_key<'a>(&'a self, key: &'a str, from: u64) -> impl Iterator<Item = u64> + 'a {
        let range = self.by_key.range((key.to_owned(), from)..);
        range.take_while(move |(found, _)| found == key).map(|(_, order)| *order)
    }

    fn put(&mut self, order: u64, row: T) {
        self.by_arn.insert(row.arn().to_owned(), order);
        self.by_key.insert((row.key().to_owned(), order));
        self.rows.insert(order, row);
    }

    fn take(&mut self, order: u64) -> Option<T> {
        let row = self.rows.remove(&order)?;
        self.by_arn.remove(row.arn());
        self.by_key.remove(&(row.key().to_owned(), order));
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(&'static str, &'static str, Tags);

    impl Row for Thing {
        fn arn(&self) -> &str {
            self.0
        }
        fn key(&self) -> &str {
            self.1
        }
        fn tags_mut(&mut self) -> &mut Tags {
            &mut self.2
        }
    }

    fn table() -> Table<Thing> {
        let mut table = Table::default();
        for (arn, name) in [("1", "a"), ("2", "b"), ("3", "a")] {
            table.insert(Thing(arn, name, Tags::new()));
        }
        table
    }

    fn arns<'a>(rows: impl Iterator<Item = &'a Thing>) -> String {
        rows.map(|row| row.0).collect()
    }

    #[test]
    fn rows_are_found_by_arn_and_key() {
        let table = table();
        assert_eq!(table.get("2").map(|row| row.1), Some("b"));
        assert_eq!(arns(table.with_key("a")), "13");
        assert_eq!(arns(table.with_key("ab")), "");
    }

    #[test]
    fn the_indexes_follow_a_change() {
        let mut table = table();
        table.replace(Thing("1", "c", Tags::new()));
        assert_eq!((arns(table.with_key("a")), arns(table.with_key("c"))), ("3".into(), "1".into()));
        assert_eq!(arns(table.iter()), "123");
        table.replace_as_newest(Thing("1", "c", Tags::new()));
        assert_eq!(arns(table.iter()), "231");
        assert!(table.remove("1").is_some() && table.remove("1").is_none());
        assert_eq!((arns(table.with_key("c")), table.len()), (String::new(), 2));
    }

    #[test]
    fn rows_go_on_after_a_cursor_in_both_directions() {
        let table = table();
        let (first, _) = table.oldest_first(None).next().expect("a row");
        assert_eq!(arns(table.oldest_first(Some(first)).map(|(_, row)| row)), "23");
        assert_eq!(arns(table.oldest_first_with_key("a", Some(first)).map(|(_, row)| row)), "3");
        let (last, _) = table.newest_first(None).next().expect("a row");
        assert_eq!(arns(table.newest_first(Some(last)).map(|(_, row)| row)), "21");
        assert_eq!(arns(table.newest_first_with_key("a", None).map(|(_, row)| row)), "31");
        assert_eq!(arns(table.newest_first_with_key("a", Some(last)).map(|(_, row)| row)), "1");
    }
}
