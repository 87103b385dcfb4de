//! The accounts that are marked dirty: their next reconcile checks AWS although status says that they are
//! ready.

use std::{collections::BTreeMap, sync::Mutex};

use super::lock;
use crate::api::AccountRef;

/// The sequence number of a mark. It tells a mark from one that was set later.
pub type DirtyMark = u64;

/// The accounts that are marked dirty, each with its latest mark.
#[derive(Debug, Default)]
pub struct DirtyAccounts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: DirtyMark,
    marks: BTreeMap<AccountRef, DirtyMark>,
}

impl DirtyAccounts {
    /// Marks an account.
    pub fn mark(&self, account: AccountRef) {
        let mut state = lock(&self.0);
        state.last += 1;
        let mark = state.last;
        state.marks.insert(account, mark);
    }

    /// Returns the latest mark of an account.
    pub fn get(&self, account: &AccountRef) -> Option<DirtyMark> {
        lock(&self.0).marks.get(account).copied()
    }

    /// Removes the mark of an account, unless it was set after `mark`.
    pub fn clear(&self, account: &AccountRef, mark: Option<DirtyMark>) {
        let mut state = lock(&self.0);
        if state.marks.get(account).copied() == mark {
            state.marks.remove(account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_an_old_mark_keeps_a_newer_one() {
        let (dirty, account) =
            (DirtyAccounts::default(), AccountRef { namespace: "n".to_owned(), name: "a".to_owned() });
        dirty.mark(account.clone());
        let first = dirty.get(&account);
        dirty.mark(account.clone());
        dirty.clear(&account, first);
        assert!(dirty.get(&account).is_some_and(|mark| Some(mark) != first));
        dirty.clear(&account, dirty.get(&account));
        assert_eq!(dirty.get(&account), None);
    }
}
