//! The retry delays of accounts whose reconcile failed.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use super::lock;
use crate::{api::AccountRef, controller::blocker::Retry};

/// Delay after the first failure. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// Maximum delay of the exponential backoff.
const MAX_DELAY: Duration = Duration::from_mins(2);

/// Delay between retries when somebody has to act outside of the controller.
pub const FIXED_DELAY: Duration = Duration::from_mins(2);

/// Delay between retries of what a resync notices.
const HOURLY_DELAY: Duration = Duration::from_hours(1);

/// The consecutive failures of each account.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<AccountRef, u32>>,
}

impl Backoff {
    /// Forgets the failures of an account that succeeded or is gone.
    pub fn reset(&self, account: &AccountRef) {
        lock(&self.failures).remove(account);
    }

    /// Returns the delay until the next try; None if only a change triggers it.
    pub fn delay(&self, account: &AccountRef, retry: Retry) -> Option<Duration> {
        match retry {
            Retry::Never | Retry::WithSharedCause | Retry::WithOtherResources => None,
            Retry::FixedDelay => Some(FIXED_DELAY),
            Retry::Hourly => Some(HOURLY_DELAY),
            Retry::After(delay) => Some(delay),
            Retry::Backoff => {
                let mut failures = lock(&self.failures);
                let failed = failures.entry(account.clone()).or_default();
                let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(*failed)).min(MAX_DELAY);
                *failed = failed.saturating_add(1);
                Some(delay)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_the_maximum_until_it_is_reset() {
        let backoff = Backoff::default();
        let account = AccountRef { namespace: "n".to_owned(), name: "a".to_owned() };
        let delay = || backoff.delay(&account, Retry::Backoff).expect("a delay").as_secs();
        assert_eq!((delay(), delay(), delay()), (1, 2, 4));
        assert!((0..60).any(|_| delay() == MAX_DELAY.as_secs()));
        assert_eq!(delay(), MAX_DELAY.as_secs());
        backoff.reset(&account);
        assert_eq!(delay(), 1);
    }

    #[test]
    fn an_account_whose_spec_must_change_is_not_retried() {
        let account = AccountRef { namespace: "n".to_owned(), name: "a".to_owned() };
        assert_eq!(Backoff::default().delay(&account, Retry::Never), None);
    }
}
