//! A table of resources: in an order for paging, with an index by ARN and one by a second key, and with a late view
//! for what AWS calls eventual consistency.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

use super::index::Index;
use crate::tags::Tags;

/// A resource in a table.
pub(crate) trait Row {
    fn arn(&self) -> &str;
    /// What it is looked up by besides its ARN: its name, or for a stream key its channel.
    fn key(&self) -> &str;
    fn tags(&self) -> &Tags;
    fn tags_mut(&mut self) -> &mut Tags;
}

/// Rows in the order of their making, or of their last `touch`.
pub(crate) struct Table<T> {
    next: u64,
    /// Boxed: B-trees have room for rows that are not there yet.
    rows: BTreeMap<u64, Box<Entry<T>>>,
    by_arn: Index,
    by_key: Index,
    view: View,
    /// The rows that are gone but still show late, and until when.
    tombstones: VecDeque<(i64, u64)>,
    /// Counts up with each change.
    changes: u64,
}

struct Entry<T> {
    row: T,
    /// The late view shows it from then on.
    since: i64,
    /// The late view shows it until then; `FOREVER` if it has not been removed.
    until: i64,
}

const FOREVER: i64 = i64::MAX;

/// What is to be seen, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    pub now: i64,
    /// How much later than it happens a change shows in the late view.
    pub lag: i64,
    /// Whether reads get the late view, or the truth. Writes always get the truth.
    pub late: bool,
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
    /// How many there are in truth.
    pub fn len(&self) -> usize {
        self.rows.len() - self.tombstones.len()
    }

    /// Counts up with each change.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Sets what is to be seen, and forgets what no view shows any more.
    pub fn look(&mut self, view: View) {
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

    /// For changes that leave ARN and key as they are.
    pub fn get_mut(&mut self, arn: &str) -> Option<&mut T> {
        let order = self.order(arn)?;
        self.changes += 1;
        self.rows.get_mut(&order).map(|entry| &mut entry.row)
    }

    /// The rows with that key.
    pub fn with_key<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a T> {
        self.oldest_first_with_key(key, None).map(|(_, row)| row)
    }

    /// Adds a row as the newest.
    pub fn insert(&mut self, row: T) {
        let View { now, lag, .. } = self.view;
        let since = if lag > 0 { now.saturating_add(lag) } else { i64::MIN };
        self.put_newest(Entry { row, since, until: FOREVER });
    }

    /// Puts a changed row in place of the one with its ARN.
    pub fn replace(&mut self, row: T) {
        if let Some((order, old)) = self.order(row.arn()).and_then(|order| Some((order, self.take(order)?))) {
            self.put(order, Entry { row, ..old });
        }
    }

    /// Puts a changed row in place of the one with its ARN, and makes it the newest.
    pub fn replace_as_newest(&mut self, row: T) {
        if let Some(old) = self.order(row.arn()).and_then(|order| self.take(order)) {
            self.put_newest(Entry { row, ..old });
        }
    }

    /// Removes a row. Says whether there was one.
    pub fn remove(&mut self, arn: &str) -> bool {
        let Some(order) = self.order(arn) else { return false };
        let View { now, lag, .. } = self.view;
        match self.rows.get_mut(&order) {
            // What has not come to be seen is not seen at all.
            Some(entry) if lag > 0 && entry.since <= now => {
                entry.until = now.saturating_add(lag);
                self.tombstones.push_back((entry.until, order));
                self.changes += 1;
            }
            _ => drop(self.take(order)),
        }
        true
    }

    /// The rows after that one in the order, oldest first.
    pub fn oldest_first(&self, after: Option<u64>) -> impl Iterator<Item = (u64, &T)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.seen(self.rows.range((start, Bound::Unbounded)))
    }

    /// The rows before that one in the order, newest first.
    pub fn newest_first(&self, before: Option<u64>) -> impl Iterator<Item = (u64, &T)> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        self.seen(self.rows.range((Bound::Unbounded, end)).rev())
    }

    /// The rows with that key after that one in the order, oldest first.
    pub fn oldest_first_with_key<'a>(
        &'a self,
        key: &'a str,
        after: Option<u64>,
    ) -> impl Iterator<Item = (u64, &'a T)> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        self.of_key(key, self.by_key.positions(key, from, u64::MAX))
    }

    /// The rows with that key before that one in the order, newest first.
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
        let entries = self.seen(orders.filter_map(|order| self.rows.get_key_value(&order)));
        entries.filter(move |(_, row)| row.key() == key)
    }

    fn seen<'a>(
        &'a self,
        entries: impl Iterator<Item = (&'a u64, &'a Box<Entry<T>>)>,
    ) -> impl Iterator<Item = (u64, &'a T)>
    where
        T: 'a,
    {
        entries.filter(|(_, entry)| self.shows(entry)).map(|(order, entry)| (*order, &entry.row))
    }

    fn shows(&self, entry: &Entry<T>) -> bool {
        let View { now, late, .. } = self.view;
        if late { entry.since <= now && now < entry.until } else { entry.until == FOREVER }
    }

    /// All that has that ARN; more than one only if one of them is a ghost.
    fn entries<'a>(&'a self, arn: &str) -> impl Iterator<Item = (u64, &'a Entry<T>)> {
        let entries = self.by_arn.positions(arn, 0, u64::MAX);
        let entries = entries.filter_map(|order| Some((order, self.rows.get(&order)?.as_ref())));
        entries.filter(move |(_, entry)| entry.row.arn() == arn)
    }

    /// The position of what has that ARN in truth.
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
