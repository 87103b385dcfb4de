//! What is noted before a call, and holds until it is known what came of it.

use std::time::Duration;

use uuid::Uuid;

/// An attempt to create or a change whose outcome is not certain: the call may be under way, here or elsewhere, or may have been
/// lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Its nonce; an attempt's is also a tag on what it makes.
    pub nonce: Uuid,
    /// How long until its deadline, by the database's clock; zero when it has passed.
    pub due_in: Duration,
    /// How long ago its deadline passed, by the database's clock; zero when it has not.
    pub overdue: Duration,
}

impl Unsettled {
    /// One whose deadline is in so many seconds; below zero, it has passed.
    #[must_use]
    pub fn new(nonce: Uuid, seconds: f64) -> Self {
        Self::until(nonce, super::seconds(seconds), super::seconds(-seconds))
    }

    /// One with this deadline; it and `now` are times of one clock.
    #[must_use]
    pub fn until(nonce: Uuid, deadline: Duration, now: Duration) -> Self {
        Self { nonce, due_in: deadline.saturating_sub(now), overdue: now.saturating_sub(deadline) }
    }

    /// How long until the call must have ended and AWS must show what it did; None when that is so.
    #[must_use]
    pub fn settles_in(&self, grace: Duration) -> Option<Duration> {
        let left = self.due_in.saturating_add(grace).saturating_sub(self.overdue);
        (!left.is_zero()).then_some(left)
    }
}
