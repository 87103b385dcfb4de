//! When an account is looked at once more though all is well: what was changed is to be seen to stay.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::api::AccountRef;

/// The looks that are planned. The database knows of them too, so that the next process takes them on.
#[derive(Debug, Default)]
pub struct Looks(Mutex<BTreeMap<AccountRef, Instant>>);

impl Looks {
    /// Plans the next look; None: there is nothing to look for.
    pub fn plan(&self, account: &AccountRef, after: Option<Duration>) {
        match after {
            Some(after) => drop(self.lock().insert(account.clone(), Instant::now() + after)),
            None => drop(self.lock().remove(account)),
        }
    }

    /// How long until the next look: zero when it is due, None when none is planned.
    pub fn due_in(&self, account: &AccountRef) -> Option<Duration> {
        self.lock().get(account).map(|at| at.saturating_duration_since(Instant::now()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AccountRef, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_is_due_when_its_time_has_come_until_it_is_planned_anew() {
        let (looks, account) =
            (Looks::default(), AccountRef { namespace: "n".to_owned(), name: "a".to_owned() });
        assert_eq!(looks.due_in(&account), None);
        looks.plan(&account, Some(Duration::from_secs(3)));
        assert_eq!(looks.due_in(&account), Some(Duration::from_secs(3)));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(looks.due_in(&account), Some(Duration::ZERO));
        looks.plan(&account, None);
        assert_eq!(looks.due_in(&account), None);
    }
}
