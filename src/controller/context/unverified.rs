//! The resources that are marked unverified: the next reconcile of their account reads them from AWS, although
//! status says whether they are as the spec says. The resyncs fail, or a list says otherwise.

use std::{collections::BTreeMap, sync::Mutex};

use super::lock;
use crate::api::{AccountRef, ResourceKind};

/// One value for each kind of one account.
type OfKinds<T> = [Option<T>; ResourceKind::ALL.len()];

/// The reason why a resource is marked.
#[derive(Clone, Copy, Debug)]
enum Mark {
    ResyncsFail,
    /// A list showed other values, which have this hash.
    ListDiffers(u64),
}

/// The resources that are marked unverified.
#[derive(Debug, Default)]
pub struct UnverifiedResources(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    marks: BTreeMap<AccountRef, OfKinds<Mark>>,
    /// The hashes of listed values that a read did not confirm. A list that shows them for good must not cost
    /// a read in each resync.
    unconfirmed: BTreeMap<AccountRef, OfKinds<u64>>,
}

impl UnverifiedResources {
    /// Marks all resources of an account, because the resyncs fail.
    pub fn mark_all(&self, account: AccountRef) {
        lock(&self.0).marks.entry(account).or_default().fill(Some(Mark::ResyncsFail));
    }

    /// Marks a resource that a list shows with other values, unless a read did not confirm them before.
    /// `values`: their hash. Returns true if it is marked.
    pub fn mark_differing(&self, account: &AccountRef, kind: ResourceKind, values: u64) -> bool {
        let mut state = lock(&self.0);
        let unconfirmed = state.unconfirmed.get(account).and_then(|hashes| hashes[kind as usize]);
        let is_marked = unconfirmed != Some(values);
        if is_marked {
            let marks = state.marks.entry(account.clone()).or_default();
            marks[kind as usize] = Some(Mark::ListDiffers(values));
        }
        is_marked
    }

    /// Returns true if a resource of an account is marked.
    pub fn contains(&self, account: &AccountRef) -> bool {
        lock(&self.0).marks.contains_key(account)
    }

    /// Returns true if the resource of this kind is marked.
    pub fn contains_kind(&self, account: &AccountRef, kind: ResourceKind) -> bool {
        lock(&self.0).marks.get(account).is_some_and(|marks| marks[kind as usize].is_some())
    }

    /// Removes the marks of an account whose resources were read. `is_unchanged`: true for a resource that was
    /// found as status said.
    pub fn clear(&self, account: &AccountRef, is_unchanged: impl Fn(ResourceKind) -> bool) {
        let mut state = lock(&self.0);
        let Some(marks) = state.marks.remove(account) else { return };
        for kind in ResourceKind::ALL.into_iter().filter(|kind| is_unchanged(*kind)) {
            if let Some(Mark::ListDiffers(values)) = marks[kind as usize] {
                state.unconfirmed.entry(account.clone()).or_default()[kind as usize] = Some(values);
            }
        }
    }

    /// Removes all marks.
    pub fn clear_all(&self) {
        lock(&self.0).marks.clear();
    }

    /// Forgets an account that is gone.
    pub fn forget(&self, account: &AccountRef) {
        let mut state = lock(&self.0);
        state.marks.remove(account);
        state.unconfirmed.remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_read_does_not_confirm_is_not_read_again_until_it_changes() {
        let (resources, kind) = (UnverifiedResources::default(), ResourceKind::Channel);
        let account = AccountRef { namespace: "n".to_owned(), name: "a".to_owned() };
        assert!(resources.mark_differing(&account, kind, 1));
        assert!(resources.contains_kind(&account, kind));
        assert!(!resources.contains_kind(&account, ResourceKind::Stage));
        resources.clear(&account, |_| true);
        assert!(!resources.contains(&account) && !resources.mark_differing(&account, kind, 1));
        assert!(resources.mark_differing(&account, kind, 2), "the list shows something else");
        resources.clear(&account, |_| false);
        assert!(resources.mark_differing(&account, kind, 2), "it was changed back, and changed again");
        resources.mark_all(account.clone());
        resources.clear(&account, |_| true);
        assert!(resources.mark_differing(&account, kind, 2), "not read because of the list");
        resources.clear(&account, |_| true);
        resources.forget(&account);
        assert!(resources.mark_differing(&account, kind, 2));
    }
}
