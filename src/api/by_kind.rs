//! One value for each kind of resource.

use std::ops::{Index, IndexMut};

use super::ResourceKind;

/// One value for each kind of resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByKind<T>(Vec<T>);

impl<T> ByKind<T> {
    /// Makes each value by itself.
    #[must_use]
    pub fn new(of: impl FnMut(ResourceKind) -> T) -> Self {
        Self(ResourceKind::ALL.into_iter().map(of).collect())
    }

    /// Awaits all values concurrently.
    pub async fn join<F: Future<Output = T>>(of: impl FnMut(ResourceKind) -> F) -> Self {
        Self(futures::future::join_all(ResourceKind::ALL.map(of)).await)
    }

    /// Makes a value of each value.
    #[must_use]
    pub fn map<U>(self, of: impl FnMut(T) -> U) -> ByKind<U> {
        ByKind(self.0.into_iter().map(of).collect())
    }

    /// Returns all values with their kinds.
    pub fn iter(&self) -> impl Iterator<Item = (ResourceKind, &T)> {
        ResourceKind::ALL.into_iter().zip(&self.0)
    }
}

impl<T> Index<ResourceKind> for ByKind<T> {
    type Output = T;

    fn index(&self, kind: ResourceKind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<ResourceKind> for ByKind<T> {
    fn index_mut(&mut self, kind: ResourceKind) -> &mut T {
        &mut self.0[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_returns_the_value_of_its_kind() {
        let kinds = ByKind::new(|kind| kind);
        for kind in ResourceKind::ALL {
            assert_eq!(kinds[kind], kind);
        }
        assert!(kinds.iter().all(|(index, kind)| index == *kind));
    }
}
