//! Where in a table the rows with a given text are: by hash, so that the text is not kept twice.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
};

/// Places in an order, by the hash of a text. Texts can share a hash: whoever asks looks at the row itself.
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

    /// The positions from one on to before another, in their order.
    pub fn positions(&self, text: &str, from: u64, before: u64) -> impl DoubleEndedIterator<Item = u64> {
        let hash = self.hash(text);
        // An empty range is fine for a BTreeSet, one that ends before it begins is not.
        self.positions.range((hash, from.min(before))..(hash, before)).map(|(_, order)| *order)
    }

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }
}
