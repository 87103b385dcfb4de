//! The verification: each settled account is read from AWS once in an interval, with its stream key and its
//! Secret, because no list shows everything.
//!
//! Each account has its own moment in the interval, which its UID determines. So a restart repeats nothing, and
//! the reads are spread evenly.

use std::{num::NonZeroU32, time::Duration};

use super::{
    backends::Backends,
    cache::CachedAccount,
    context::{Context, Mark},
    kubernetes::Kubernetes,
};
use crate::hash::hash;

/// Maximum time between two looks at which accounts are due.
const MAX_STEP: Duration = Duration::from_secs(10);

/// Minimum number of looks in an interval.
const MIN_STEPS: u32 = 10;

/// Share of the calls per second of each operation that the reads use at most.
const BUDGET_SHARE: f64 = 0.2;

/// The settings of the verification.
#[derive(Clone, Copy, Debug)]
pub struct VerificationSettings {
    /// Time in which each account is read once, unless there are too many.
    pub interval: Duration,
    /// Maximum number of calls per second of each operation.
    pub calls_per_second: NonZeroU32,
}

impl VerificationSettings {
    /// Returns the time in which this number of accounts is read once: the interval, or longer if the share
    /// of the budget does not suffice.
    fn period(&self, accounts: usize) -> Duration {
        let calls_per_second = f64::from(self.calls_per_second.get()) * BUDGET_SHARE;
        let accounts = u32::try_from(accounts).unwrap_or(u32::MAX);
        let needed = Duration::try_from_secs_f64(f64::from(accounts) / calls_per_second);
        self.interval.max(needed.unwrap_or(Duration::MAX))
    }

    fn step(&self) -> Duration {
        MAX_STEP.min(self.interval / MIN_STEPS)
    }
}

/// Marks accounts unverified when their moment comes.
pub async fn run<B: Backends>(context: &Context<B>, settings: VerificationSettings) {
    let cache = context.backends.kubernetes().cache();
    cache.wait_until_listed().await;
    let now = || u64::try_from(context.backends.now().0.as_millisecond()).unwrap_or_default();
    let mut looked = now();
    loop {
        tokio::time::sleep(settings.step()).await;
        let (before, accounts) = (std::mem::replace(&mut looked, now()), cache.accounts());
        let period = settings.period(accounts.len());
        let due =
            |account: &&CachedAccount| account.is_settled && is_due(moment(account), before, looked, period);
        for account in accounts.iter().map(AsRef::as_ref).filter(due) {
            context.mark_unverified(account.reference.clone(), Mark::Due);
        }
    }
}

/// Returns a number that determines the moment of an account.
fn moment(account: &CachedAccount) -> u64 {
    hash(&account.uid)
}

/// Returns true if the moment comes after the time `before` and not after the time `now`. It comes once in
/// each period. The times are in milliseconds since the epoch.
fn is_due(moment: u64, before: u64, now: u64, period: Duration) -> bool {
    let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    // The time since the latest moment of this account.
    let since = (now % period + period - moment % period) % period;
    since < now.saturating_sub(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(interval: Duration) -> VerificationSettings {
        VerificationSettings { interval, calls_per_second: NonZeroU32::new(5).expect("not zero") }
    }

    #[test]
    fn each_moment_comes_once_in_a_period() {
        let (start, step) = (1_800_000_000_123, 10_000);
        let period = Duration::from_mins(7);
        for moment in [0, 1, 419_999, 420_000, 7_777_777_777, u64::MAX] {
            let looks = (0..42).map(|look| start + look * step);
            let due = looks.filter(|now| is_due(moment, now - step, *now, period)).count();
            assert_eq!(due, 1, "{moment}");
        }
    }

    #[test]
    fn the_period_is_longer_only_if_the_share_of_the_budget_does_not_suffice() {
        let day = Duration::from_hours(24);
        assert_eq!(settings(day).period(86_400), day);
        assert_eq!(settings(day).period(172_800), day * 2);
        assert_eq!(settings(day).step(), MAX_STEP);
        assert_eq!(settings(Duration::from_secs(20)).step(), Duration::from_secs(2));
    }
}
