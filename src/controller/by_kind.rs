//! Something of each kind of resource.

use std::ops::Index;

use crate::api::ResourceKind;

/// One of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByKind<T>(Vec<T>);

impl<T> ByKind<T> {
    /// Each by itself.
    pub fn new(of: impl FnMut(ResourceKind) -> T) -> Self {
        Self(ResourceKind::ALL.into_iter().map(of).collect())
    }

    /// All at the same time.
    pub async fn join<F: Future<Output = T>>(of: impl FnMut(ResourceKind) -> F) -> Self {
        Self(futures::future::join_all(ResourceKind::ALL.map(of)).await)
    }

    /// All of them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_place() {
        let kinds = ByKind::new(|kind| kind);
        for kind in ResourceKind::ALL {
            assert_eq!(kinds[kind], kind);
        }
        assert!(kinds.iter().all(|(place, kind)| place == *kind));
    }
}
