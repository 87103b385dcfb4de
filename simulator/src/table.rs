//! A table of resources: ordered for pagination, indexed by ARN and by a second key, with a delayed view that
//! simulates AWS's eventual consistency.

mod index;

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

use self::index::Index;
use crate::tags::Tags;

/// A resource in a table.
pub(crate) trait Row {
    fn arn(&self) -> &str;
    /// Returns the secondary key: the name, or the channel's ARN for a stream key.
    fn key(&self) -> &str;
    fn tags(&self) -> &Tags;
    fn tags_mut(&mut self) -> &mut Tags;
}

/// Implements [`Row`] for a resource with the fields `arn` and `tags`, and the field of the secondary key.
macro_rules! impl_row {
    ($resource:ty, key: $key:ident) => {
        impl $crate::table::Row for $resource {
            fn arn(&self) -> &str {
                &self.arn
            }
            fn key(&self) -> &str {
                &self.$key
            }
            fn tags(&self) -> &$crate::tags::Tags {
                &self.tags
            }
            fn tags_mut(&mut self) -> &mut $crate::tags::Tags {
                &mut self.tags
            }
        }
    };
}
pub(crate) use impl_row;

/// Rows in the order of their creation, or of the last `replace_as_newest`.
pub(crate) struct Table<T> {
    next: u64,
    /// Boxed because a B-tree allocates space for more rows than it holds.
    rows: BTreeMap<u64, Box<Entry<T>>>,
    by_arn: Index,
    by_key: Index,
    view: View,
    /// The deleted rows that the delayed view still shows, each with the time until which it does.
    tombstones: VecDeque<(i64, u64)>,
    /// The number of changes.
    changes: u64,
}

struct Entry<T> {
    row: T,
    /// The time from which the delayed view shows the row.
    since: i64,
    /// The time until which the delayed view shows the row; `FOREVER` if it has not been deleted.
    until: i64,
}

const FOREVER: i64 = i64::MAX;

/// The view of a table. Times are in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    pub now: i64,
    /// The delay of the delayed view.
    pub lag: i64,
    /// True if reads use the delayed view. Writes always use the current rows.
    pub delayed: bool,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            next: 1,
            rows: BTreeMap::new(),
            by_arn: Index::default(),
            by_key: Index::default(),
            view: View::default(),
            tombstones: VecDeque::new(),
            changes: 0,
        }
    }
}

impl<T: Row> Table<T> {
    /// Returns the number of rows that exist.
    pub fn len(&self) -> usize {
        self.rows.len() - self.tombstones.len()
    }

    /// Returns the number of changes so far.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Sets the view, and drops the deleted rows that it no longer shows.
    pub fn set_view(&mut self, view: View) {
        self.view = view;
        while let Some((_, order)) = self.tombstones.pop_front_if(|(until, _)| *until <= view.now) {
            self.take(order);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.values().filter(|entry| self.shows(entry)).map(|entry| &entry.row)
    }

    pub fn get(&self, arn: &str) -> Option<&T> {
        let mut entries = self.entries(arn).map(|(_, entry)| entry);
        entries.find(|entry| self.shows(entry)).map(|entry| &entry.row)
    }

    /// Returns a row for a change of anything except its ARN and its key.
    pub fn get_mut(&mut self, arn: &str) -> Option<&mut T> {
        let order = self.order(arn)?;
        self.changes += 1;
        self.rows.get_mut(&order).map(|entry| &mut entry.row)
    }

    /// Returns the rows with this key.
    pub fn with_key<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a T> {
        self.oldest_first_with_key(key, None).map(|(_, row)| row)
    }

    /// Adds a row as the newest.
    pub fn insert(&mut self, row: T) {
        let View { now, lag, .. } = self.view;
        let since = if lag > 0 { now.saturating_add(lag) } else { i64::MIN };
        self.put_newest(Entry { row, since, until: FOREVER });
    }

    /// Replaces the row that has the same ARN.
    pub fn replace(&mut self, row: T) {
        if let Some((order, old)) = self.order(row.arn()).and_then(|order| Some((order, self.take(order)?))) {
            self.put(order, Entry { row, ..old });
        }
    }

    /// Replaces the row that has the same ARN, and moves it to the newest position.
    pub fn replace_as_newest(&mut self, row: T) {
        if let Some(old) = self.order(row.arn()).and_then(|order| self.take(order)) {
            self.put_newest(Entry { row, ..old });
        }
    }

    /// Removes a row. Returns true if it existed.
    pub fn remove(&mut self, arn: &str) -> bool {
        let Some(order) = self.order(arn) else { return false };
        let View { now, lag, .. } = self.view;
        match self.rows.get_mut(&order) {
            // A row that the delayed view has not shown yet is never shown.
            Some(entry) if lag > 0 && entry.since <= now => {
                entry.until = now.saturating_add(lag);
                self.tombstones.push_back((entry.until, order));
                self.changes += 1;
            }
            _ => drop(self.take(order)),
        }
        true
    }

    /// Returns the rows after a position, oldest first.
    pub fn oldest_first(&self, after: Option<u64>) -> impl Iterator<Item = (u64, &T)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.visible(self.rows.range((start, Bound::Unbounded)))
    }

    /// Returns the rows before a position, newest first.
    pub fn newest_first(&self, before: Option<u64>) -> impl Iterator<Item = (u64, &T)> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        self.visible(self.rows.range((Bound::Unbounded, end)).rev())
    }

    /// Returns the rows with this key after a position, oldest first.
    pub fn oldest_first_with_key<'a>(
        &'a self,
        key: &'a str,
        after: Option<u64>,
    ) -> impl Iterator<Item = (u64, &'a T)> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        self.of_key(key, self.by_key.positions(key, from, u64::MAX))
    }

    /// Returns the rows with this key before a position, newest first.
    pub fn newest_first_with_key<'a>(
        &'a self,
        key: &'a str,
        before: Option<u64>,
    ) -> impl Iterator<Item = (u64, &'a T)> {
        self.of_key(key, self.by_key.positions(key, 0, before.unwrap_or(u64::MAX)).rev())
    }

    fn of_key<'a>(
        &'a self,
        key: &'a str,
        orders: impl Iterator<Item = u64> + 'a,
    ) -> impl Iterator<Item = (u64, &'a T)> {
        let entries = self.visible(orders.filter_map(|order| self.rows.get_key_value(&order)));
        entries.filter(move |(_, row)| row.key() == key)
    }

    fn visible<'a>(
        &'a self,
        entries: impl Iterator<Item = (&'a u64, &'a Box<Entry<T>>)>,
    ) -> impl Iterator<Item = (u64, &'a T)>
    where
        T: 'a,
    {
        entries.filter(|(_, entry)| self.shows(entry)).map(|(order, entry)| (*order, &entry.row))
    }

    fn shows(&self, entry: &Entry<T>) -> bool {
        let View { now, delayed, .. } = self.view;
        if delayed { entry.since <= now && now < entry.until } else { entry.until == FOREVER }
    }

    /// Returns the entries with this ARN, including deleted rows that the delayed view still shows.
    fn entries<'a>(&'a self, arn: &str) -> impl Iterator<Item = (u64, &'a Entry<T>)> {
        let entries = self.by_arn.positions(arn, 0, u64::MAX);
        let entries = entries.filter_map(|order| Some((order, self.rows.get(&order)?.as_ref())));
        entries.filter(move |(_, entry)| entry.row.arn() == arn)
    }

    /// Returns the position of the existing row with this ARN.
    fn order(&self, arn: &str) -> Option<u64> {
        self.entries(arn).find(|(_, entry)| entry.until == FOREVER).map(|(order, _)| order)
    }

    fn put_newest(&mut self, entry: Entry<T>) {
        let order = self.next;
        self.next += 1;
        self.put(order, entry);
    }

    fn put(&mut self, order: u64, entry: Entry<T>) {
        self.changes += 1;
        self.by_arn.insert(entry.row.arn(), order);
        self.by_key.insert(entry.row.key(), order);
        self.rows.insert(order, Box::new(entry));
    }

    fn take(&mut self, order: u64) -> Option<Entry<T>> {
        let entry = self.rows.remove(&order)?;
        self.changes += 1;
        self.by_arn.remove(entry.row.arn(), order);
        self.by_key.remove(entry.row.key(), order);
        Some(*entry)
    }
}

#[cfg(test)]
mod tests;
