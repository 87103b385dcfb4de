//! The limit on new accounts per minute. A returning user does not count.

use std::num::NonZeroU32;

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// The limit on new accounts of one process.
#[derive(Debug)]
pub struct SignupRateLimiter(DefaultDirectRateLimiter);

impl SignupRateLimiter {
    /// Creates a limiter of `accounts` per minute. The burst is a sixth of that: the number that AWS can
    /// create in ten seconds at this rate.
    #[must_use]
    pub fn per_minute(accounts: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(accounts.get() / 6).unwrap_or(NonZeroU32::MIN);
        Self(RateLimiter::direct(Quota::per_minute(accounts).allow_burst(burst)))
    }

    /// Counts one new account.
    ///
    /// # Errors
    /// Returns the number of seconds after which the next account is admitted.
    pub fn admit(&self) -> Result<(), u64> {
        self.0.check().map_err(|until| until.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signup_burst_is_a_sixth_of_the_rate_and_at_least_one() {
        let limiter = SignupRateLimiter::per_minute(NonZeroU32::new(12).expect("not zero"));
        assert_eq!([limiter.admit(), limiter.admit()], [Ok(()), Ok(())]);
        assert!(limiter.admit().is_err_and(|seconds| (1..=6).contains(&seconds)));
        assert_eq!(SignupRateLimiter::per_minute(NonZeroU32::MIN).admit(), Ok(()));
    }
}
