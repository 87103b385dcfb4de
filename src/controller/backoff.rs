//! When an account that failed is tried again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::problem::Retry;
use crate::api::AccountRef;

/// First and longest delay of what passes by itself.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(2);

/// Delay of what somebody else must mend.
pub const SLOW: Duration = Duration::from_mins(2);

/// How often each account has failed in a row.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<AccountRef, u32>>,
}

impl Backoff {
    /// Forgets an account's failures: it succeeded, or it is gone.
    pub fn reset(&self, account: &AccountRef) {
        self.lock().remove(account);
    }

    /// When to try the account again; None: not before something changes.
    pub fn delay(&self, account: &AccountRef, retry: Retry) -> Option<Duration> {
        match retry {
            Retry::Never | Retry::WithTheOthers => None,
            Retry::Slowly => Some(SLOW),
            Retry::After(delay) => Some(delay),
            Retry::Soon => {
                let mut failures = self.lock();
                let failed = failures.entry(account.clone()).or_default();
                let delay = FIRST.saturating_mul(2_u32.saturating_pow(*failed)).min(LONGEST);
                *failed = failed.saturating_add(1);
                Some(delay)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AccountRef, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_limit_and_starts_again() {
        let backoff = Backoff::default();
        let account = AccountRef { namespace: "n".to_owned(), name: "a".to_owned() };
        let delay = || backoff.delay(&account, Retry::Soon).expect("a delay").as_secs();
        assert_eq!((delay(), delay(), delay()), (1, 2, 4));
        assert!((0..60).any(|_| delay() == LONGEST.as_secs()));
        assert_eq!(delay(), LONGEST.as_secs());
        backoff.reset(&account);
        assert_eq!(delay(), 1);
    }

    #[test]
    fn what_the_spec_must_mend_is_not_tried_again() {
        let account = AccountRef { namespace: "n".to_owned(), name: "a".to_owned() };
        assert_eq!(Backoff::default().delay(&account, Retry::Never), None);
    }
}
