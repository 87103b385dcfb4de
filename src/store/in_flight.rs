//! Calls whose outcome is not certain yet.

use std::time::Duration;

use uuid::Uuid;

/// A call that was recorded before it was sent, and whose outcome is not certain: it may be in progress, here
/// or in another process, or its response may be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Nonce of the record. That of a create attempt is also a tag on the resource.
    pub nonce: Uuid,
    /// Time until the deadline, by the database's clock. Zero if it has passed.
    pub due_in: Duration,
    /// Time since the deadline, by the database's clock. Zero if it has not passed.
    pub overdue: Duration,
}

impl InFlight {
    /// Returns a call whose deadline is in this number of seconds, or has passed if the number is negative.
    #[must_use]
    pub fn new(nonce: Uuid, seconds: f64) -> Self {
        Self::until(nonce, super::seconds(seconds), super::seconds(-seconds))
    }

    /// Returns a call with this deadline. `deadline` and `now` are times of the same clock.
    #[must_use]
    pub fn until(nonce: Uuid, deadline: Duration, now: Duration) -> Self {
        Self { nonce, due_in: deadline.saturating_sub(now), overdue: now.saturating_sub(deadline) }
    }

    /// Returns the time until the call has ended and AWS returns its effect. None if that time has passed.
    #[must_use]
    pub fn remaining(&self, grace: Duration) -> Option<Duration> {
        let left = self.due_in.saturating_add(grace).saturating_sub(self.overdue);
        (!left.is_zero()).then_some(left)
    }
}
