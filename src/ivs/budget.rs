//! Call budgets: AWS limits the calls per second of each operation (I8).

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Operations with twice the budget of the others (docs/ivs.md).
const TAG_OPERATIONS: [&str; 2] = ["TagResource", "UntagResource"];

/// Call budgets: one token bucket per operation, for the whole process.
#[derive(Debug)]
pub struct Budgets {
    per_second: NonZeroU32,
    buckets: Mutex<HashMap<&'static str, Arc<DefaultDirectRateLimiter>>>,
}

impl Budgets {
    /// Returns budgets of `per_second` calls per second and operation. AWS's own limit is 5.
    #[must_use]
    pub fn new(per_second: NonZeroU32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Waits until the budget of the operation allows a call.
    pub async fn admit(&self, operation: &'static str) {
        self.bucket(operation).until_ready().await;
    }

    fn bucket(&self, operation: &'static str) -> Arc<DefaultDirectRateLimiter> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket =
            buckets.entry(operation).or_insert_with(|| Arc::new(RateLimiter::direct(self.quota(operation))));
        Arc::clone(bucket)
    }

    /// Returns the quota of an operation. Calls are evenly spaced, because a burst would exceed AWS's limit
    /// in some seconds.
    fn quota(&self, operation: &str) -> Quota {
        let factor = if TAG_OPERATIONS.contains(&operation) { 2 } else { 1 };
        let rate = self.per_second.saturating_mul(NonZeroU32::MIN.saturating_add(factor - 1));
        Quota::per_second(rate).allow_burst(NonZeroU32::MIN)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_operation_has_its_own_budget() {
        let budgets = Budgets::new(NonZeroU32::MIN);
        assert!(budgets.bucket("CreateChannel").check().is_ok());
        assert!(budgets.bucket("CreateChannel").check().is_err());
        assert!(budgets.bucket("CreateStage").check().is_ok());
    }

    #[test]
    fn tag_operations_have_twice_the_budget() {
        let budgets = Budgets::new(NonZeroU32::new(5).expect("not zero"));
        assert_eq!(budgets.quota("CreateStage").replenish_interval(), Duration::from_millis(200));
        assert_eq!(budgets.quota("TagResource").replenish_interval(), Duration::from_millis(100));
    }
}
