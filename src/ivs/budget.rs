//! Call budgets: AWS limits the calls per second of each operation (I8).

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use crate::{
    lanes::{FairQueue, Origin, without_place},
    lock::lock,
};

/// Operations with twice the budget of the others (docs/ivs.md).
const TAG_OPERATIONS: [&str; 2] = ["TagResource", "UntagResource"];

/// The call budgets of one target, an AWS account and region: one for each operation. Those who wait for one
/// wait in lanes.
#[derive(Debug)]
pub struct Budgets {
    per_second: NonZeroU32,
    budgets: Mutex<HashMap<&'static str, Arc<Budget>>>,
}

impl Budgets {
    /// Returns budgets of `per_second` calls per second and operation. AWS's own limit is 5.
    #[must_use]
    pub fn new(per_second: NonZeroU32) -> Self {
        Self { per_second, budgets: Mutex::default() }
    }

    /// Waits until the budget of the operation allows a call, in the lane of the current task and without its
    /// place.
    pub async fn admit(&self, operation: &'static str) {
        let budget = {
            let mut budgets = lock(&self.budgets);
            let new = || Arc::new(Budget::new(self.interval(operation)));
            Arc::clone(budgets.entry(operation).or_insert_with(new))
        };
        budget.admit(&Origin::current()).await;
    }

    /// Returns the time between two calls of an operation. Calls are evenly spaced, because a burst would
    /// exceed AWS's limit in some seconds.
    fn interval(&self, operation: &str) -> Duration {
        let factor = if TAG_OPERATIONS.contains(&operation) { 2 } else { 1 };
        Duration::from_secs(1) / self.per_second.get().saturating_mul(factor)
    }
}

/// The budget of one operation.
#[derive(Debug)]
struct Budget {
    interval: Duration,
    state: Mutex<BudgetState>,
}

#[derive(Debug)]
struct BudgetState {
    /// Time from which the next call is allowed.
    next: Instant,
    waiting: FairQueue<oneshot::Sender<()>>,
    /// True while a task admits those who wait.
    is_draining: bool,
}

impl Budget {
    fn new(interval: Duration) -> Self {
        let (next, waiting) = (Instant::now(), FairQueue::default());
        Self { interval, state: Mutex::new(BudgetState { next, waiting, is_draining: false }) }
    }

    async fn admit(self: Arc<Self>, origin: &Origin) {
        let admitted = {
            let mut state = lock(&self.state);
            let now = Instant::now();
            if !state.is_draining && state.next <= now {
                state.next = now + self.interval;
                return;
            }
            let (admit, admitted) = oneshot::channel();
            state.waiting.push(origin, admit);
            if !std::mem::replace(&mut state.is_draining, true) {
                tokio::spawn(Arc::clone(&self).drain());
            }
            admitted
        };
        // The sender is dropped only with the runtime.
        let _ = without_place(admitted).await;
    }

    /// Admits one after another until nobody waits.
    async fn drain(self: Arc<Self>) {
        loop {
            let next = lock(&self.state).next;
            sleep_until(next).await;
            let mut state = lock(&self.state);
            // Those who have given up do not use up the budget.
            let is_admitted =
                std::iter::from_fn(|| state.waiting.pop()).any(|(_, admit)| admit.send(()).is_ok());
            if !is_admitted {
                state.is_draining = false;
                return;
            }
            state.next = Instant::now() + self.interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::lanes::Lane;

    fn budgets(per_second: u32) -> Budgets {
        Budgets::new(NonZeroU32::new(per_second).expect("not zero"))
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_one_operation_are_evenly_spaced() {
        let (budgets, began) = (budgets(5), Instant::now());
        join_all((0..11).map(|_| budgets.admit("CreateChannel"))).await;
        assert_eq!(began.elapsed().as_millis() / 100, 20);
        budgets.admit("CreateStage").await;
        assert_eq!(began.elapsed().as_millis() / 100, 20, "another operation has a budget of its own");
    }

    #[test]
    fn tag_operations_have_twice_the_budget() {
        assert_eq!(budgets(5).interval("CreateStage"), Duration::from_millis(200));
        assert_eq!(budgets(5).interval("TagResource"), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_is_admitted_before_a_backlog() {
        let budgets = Arc::new(budgets(5));
        let origin = |lane| Origin { lane, namespace: "team".to_owned() };
        for _ in 0..100 {
            let budgets = Arc::clone(&budgets);
            tokio::spawn(origin(Lane::Bulk).scope(async move { budgets.admit("CreateStage").await }));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        origin(Lane::Interactive).scope(budgets.admit("CreateStage")).await;
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_does_not_use_up_the_budget() {
        let (budgets, began) = (budgets(1), Instant::now());
        budgets.admit("CreateStage").await;
        for _ in 0..5 {
            let given_up = tokio::time::timeout(Duration::from_millis(1), budgets.admit("CreateStage")).await;
            assert!(given_up.is_err());
        }
        budgets.admit("CreateStage").await;
        assert_eq!(began.elapsed().as_secs(), 1);
    }
}
