//! Budgets of calls: AWS allows a number of calls a second for each operation, and no more (I8).

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Tag operations have twice the budget of the others (ivs.md, Quotas).
const TAG_OPERATIONS: [&str; 2] = ["TagResource", "UntagResource"];

/// One token bucket for each operation, shared by all work of this process.
#[derive(Debug)]
pub struct Budgets {
    per_second: NonZeroU32,
    buckets: Mutex<HashMap<&'static str, Arc<DefaultDirectRateLimiter>>>,
}

impl Budgets {
    /// Budgets that allow `per_second` calls a second for each operation; AWS's own limit is 5.
    #[must_use]
    pub fn new(per_second: NonZeroU32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Waits until the operation may be called.
    pub async fn admit(&self, operation: &'static str) {
        self.bucket(operation).until_ready().await;
    }

    fn bucket(&self, operation: &'static str) -> Arc<DefaultDirectRateLimiter> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket =
            buckets.entry(operation).or_insert_with(|| Arc::new(RateLimiter::direct(self.quota(operation))));
        Arc::clone(bucket)
    }

    /// Evenly spaced: a burst on top would be more than AWS allows in some seconds.
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
    fn each_operation_has_a_budget_of_its_own() {
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
