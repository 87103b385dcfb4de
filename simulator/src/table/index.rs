//! An index of a table by a text. It stores hashes, so that no text is stored twice.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
};

/// Positions in a table, by the hash of a text. Different texts can share a hash, so the caller must check
/// the row.
#[derive(Default)]
pub(super) struct Index {
    hasher: RandomState,
    positions: BTreeSet<(u64, u64)>,
}

impl Index {
    pub fn insert(&mut self, text: &str, order: u64) {
        self.positions.insert((self.hash(text), order));
    }

    pub fn remove(&mut self, text: &str, order: u64) {
        self.positions.remove(&(self.hash(text), order));
    }

    /// Returns the positions from `from` (inclusive) to `before` (exclusive), in order.
    pub fn positions(&self, text: &str, from: u64, before: u64) -> impl DoubleEndedIterator<Item = u64> {
        let hash = self.hash(text);
        // A BTreeSet panics on a range that ends before it starts.
        self.positions.range((hash, from.min(before))..(hash, before)).map(|(_, order)| *order)
    }

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }
}
