//! The resources that are marked unverified: the next reconcile of their account reads them from AWS,
//! although status says whether they are as the spec says. A list says otherwise, the resyncs fail, or the
//! verification is due.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use super::lock;
use crate::api::{AccountRef, ResourceKind};

/// The marks of one account, by kind.
pub type Marks = [Option<Mark>; ResourceKind::ALL.len()];

/// The reason why a resource is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The resyncs fail.
    Unlisted,
    /// The verification is due.
    Due,
    /// A list contradicts the condition. It shows values with this hash.
    Contradicted(u64),
}

/// The resources that are marked unverified.
#[derive(Debug, Default)]
pub struct UnverifiedResources(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    marks: BTreeMap<AccountRef, Marks>,
    /// The contradictions of the latest list that a read did not confirm. A list that shows the same for good
    /// must not cost a read in each resync.
    unconfirmed: BTreeSet<(AccountRef, ResourceKind, u64)>,
}

impl UnverifiedResources {
    /// Marks all resources of an account.
    pub fn mark_all(&self, account: AccountRef, mark: Mark) {
        lock(&self.0).marks.insert(account, [Some(mark); ResourceKind::ALL.len()]);
    }

    /// Marks the resources whose conditions a list contradicts, except those of which a read has not
    /// confirmed the same before. `contradicted`: account, kind, and hash of the listed values. Returns what is
    /// marked.
    pub fn mark_contradicted(
        &self,
        contradicted: impl IntoIterator<Item = (AccountRef, ResourceKind, u64)>,
    ) -> Vec<(AccountRef, ResourceKind)> {
        let mut state = lock(&self.0);
        let before = std::mem::take(&mut state.unconfirmed);
        let mut marked = Vec::new();
        for contradiction in contradicted {
            if before.contains(&contradiction) {
                state.unconfirmed.insert(contradiction);
                continue;
            }
            let (account, kind, values) = contradiction;
            let marks = state.marks.entry(account.clone()).or_default();
            marks[kind as usize] = Some(Mark::Contradicted(values));
            marked.push((account, kind));
        }
        marked
    }

    /// Returns the marks of an account.
    pub fn of(&self, account: &AccountRef) -> Marks {
        lock(&self.0).marks.get(account).copied().unwrap_or_default()
    }

    /// Returns true if a resource of an account is marked.
    pub fn contains(&self, account: &AccountRef) -> bool {
        lock(&self.0).marks.contains_key(account)
    }

    /// Removes these marks of an account, which a reconcile began with, unless they were replaced.
    /// `is_as_said`: true for a resource that was read, and found as its condition said.
    pub fn clear(&self, account: &AccountRef, marks: Marks, is_as_said: impl Fn(ResourceKind) -> bool) {
        let mut state = lock(&self.0);
        for kind in ResourceKind::ALL {
            if let Some(Mark::Contradicted(values)) = marks[kind as usize].filter(|_| is_as_said(kind)) {
                state.unconfirmed.insert((account.clone(), kind, values));
            }
        }
        let Some(now) = state.marks.get_mut(account) else { return };
        for (now, handled) in now.iter_mut().zip(marks) {
            if *now == handled {
                *now = None;
            }
        }
        if now.iter().all(Option::is_none) {
            state.marks.remove(account);
        }
    }

    /// Removes the marks of the time in which the resyncs failed.
    pub fn clear_unlisted(&self) {
        lock(&self.0).marks.retain(|_, marks| !marks.contains(&Some(Mark::Unlisted)));
    }

    /// Forgets an account that is gone.
    pub fn forget(&self, account: &AccountRef) {
        lock(&self.0).marks.remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: ResourceKind = ResourceKind::Channel;

    fn account() -> AccountRef {
        AccountRef { namespace: "n".to_owned(), name: "a".to_owned() }
    }

    /// Marks the channel, and returns true if it is marked now.
    fn mark(resources: &UnverifiedResources, values: u64) -> bool {
        !resources.mark_contradicted([(account(), KIND, values)]).is_empty()
    }

    fn clear(resources: &UnverifiedResources, is_as_said: bool) {
        resources.clear(&account(), resources.of(&account()), |_| is_as_said);
    }

    #[test]
    fn what_a_read_does_not_confirm_is_not_read_again_while_lists_show_it() {
        let resources = UnverifiedResources::default();
        assert!(mark(&resources, 1));
        let marks = resources.of(&account());
        assert!(marks[KIND as usize].is_some() && marks[ResourceKind::Stage as usize].is_none());
        clear(&resources, true);
        assert!(!resources.contains(&account()));
        assert!(!mark(&resources, 1) && !mark(&resources, 1) && mark(&resources, 2));
        clear(&resources, true);
        resources.mark_contradicted([]);
        assert!(mark(&resources, 2), "a list in between has shown what the condition says");
    }

    #[test]
    fn what_a_read_confirms_is_read_whenever_a_list_shows_it() {
        let resources = UnverifiedResources::default();
        assert!(mark(&resources, 1));
        clear(&resources, false);
        assert!(mark(&resources, 1));
        resources.mark_all(account(), Mark::Due);
        clear(&resources, true);
        assert!(mark(&resources, 1), "not read because of the list");
    }

    #[test]
    fn a_resync_that_succeeds_replaces_only_the_reads_of_those_that_failed() {
        let resources = UnverifiedResources::default();
        for (mark, stays) in [(Mark::Unlisted, false), (Mark::Due, true)] {
            resources.mark_all(account(), mark);
            resources.clear_unlisted();
            assert_eq!(resources.contains(&account()), stays);
        }
    }

    #[test]
    fn a_mark_that_was_set_during_the_reconcile_stays() {
        let resources = UnverifiedResources::default();
        let marks = resources.of(&account());
        assert!(mark(&resources, 1));
        resources.clear(&account(), marks, |_| true);
        assert!(resources.contains(&account()));
        resources.forget(&account());
        assert!(!resources.contains(&account()));
    }
}
