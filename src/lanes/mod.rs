//! Lanes: who goes first where many wait for the same thing, such as a place in the work queue, a call of an
//! AWS operation, or a connection to the database.

mod fair_queue;
mod fair_semaphore;
mod places;

pub use fair_queue::FairQueue;
pub use fair_semaphore::{FairSemaphore, Permit};
pub use places::{Openings, Place, Places, branch, timeout, without_place};

/// A lane. None starves: each gets its share as long as something waits in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A person who registers, edits, or deletes: a few objects at a time.
    Interactive,
    /// Many objects of one namespace at once, such as an import.
    Bulk,
    /// Nobody waits for it: resyncs, re-checks, and slow retries.
    #[default]
    Background,
}

impl Lane {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Bulk, Self::Background];

    /// Returns the lane of the current task; that of a resync if it has none.
    #[must_use]
    pub fn current() -> Self {
        ORIGIN.try_with(|origin| origin.lane).unwrap_or_default()
    }

    /// Returns the value of the lane's label in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
            Self::Background => "background",
        }
    }

    /// Returns the lane's share of what is given out while something waits in every lane.
    const fn weight(self) -> i64 {
        match self {
            Self::Interactive => 16,
            Self::Bulk => 4,
            Self::Background => 1,
        }
    }
}

/// The lane of a task, and the namespace of its account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The lane.
    pub lane: Lane,
    /// The namespace; empty for a resync or a renewal.
    pub namespace: String,
}

tokio::task_local! {
    static ORIGIN: Origin;
}

impl Origin {
    /// Runs a task that waits in this lane, for this namespace.
    pub async fn scope<F: Future>(self, task: F) -> F::Output {
        ORIGIN.scope(self, task).await
    }

    /// Returns the origin of the renewal of a lease, which must not wait behind accounts.
    #[must_use]
    pub fn of_renewal() -> Self {
        Self { lane: Lane::Interactive, namespace: String::new() }
    }

    /// Returns the origin of the current task; that of a resync if it has none.
    #[must_use]
    pub fn current() -> Self {
        ORIGIN.try_with(Self::clone).unwrap_or_default()
    }
}
