//! Hashing a value.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// Returns the hash of a value, which is the same in each process of the same build.
pub fn hash(value: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
