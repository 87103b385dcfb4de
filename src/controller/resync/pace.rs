//! The pace of resyncs: the pause between two list calls, and the time between two resyncs.

use std::{num::NonZeroU32, time::Duration};

use crate::api::{ByKind, ResourceKind};

/// Share of the interval over which the pages of a list are spread. The rest is for pages that the previous
/// resync did not have.
const SPREAD: f64 = 0.8;

/// Maximum duration of a resync without pauses. 10,000 accounts at 5 calls a second take 40 s, and every call
/// has its own timeout.
const UNPACED_TIMEOUT: Duration = Duration::from_mins(30);

/// The settings of the resyncs.
#[derive(Clone, Copy, Debug)]
pub struct ResyncSettings {
    /// Time between the starts of two resyncs.
    pub interval: Duration,
    /// Maximum number of calls per second of each list operation.
    pub calls_per_second: NonZeroU32,
    /// Maximum percentage of these calls that a paced resync uses.
    pub budget_percent: u8,
}

/// The plan of one resync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// The pause between two list calls of each kind.
    pub pauses: ByKind<Duration>,
    /// The time that the lists are expected to take; zero if it is unknown.
    pub duration: Duration,
}

impl Pace {
    /// Returns the plan without pauses.
    fn unpaced() -> Self {
        Self { pauses: ByKind::new(|_| Duration::ZERO), duration: Duration::ZERO }
    }

    /// Returns true if the lists have pauses.
    pub fn is_paced(&self) -> bool {
        self.pauses.iter().any(|(_, pause)| !pause.is_zero())
    }

    /// Returns the maximum duration of the resync.
    pub fn timeout(&self) -> Duration {
        UNPACED_TIMEOUT + self.duration * 2
    }
}

impl ResyncSettings {
    /// Returns the plan of a resync whose lists have about this many pages. The calls of each list are spread
    /// over the interval, and never use more than the share of the budget.
    fn pace(&self, pages: &ByKind<u32>) -> Pace {
        let pauses = ByKind::new(|kind| self.pause(pages[kind]));
        let duration = |kind: ResourceKind| pauses[kind].saturating_mul(pages[kind]);
        let duration = ResourceKind::ALL.into_iter().map(duration).max().unwrap_or_default();
        Pace { pauses, duration }
    }

    fn pause(&self, pages: u32) -> Duration {
        let calls = f64::from(self.calls_per_second.get()) * f64::from(self.budget_percent) / 100.0;
        let least = Duration::try_from_secs_f64(1.0 / calls).unwrap_or(self.interval);
        least.max(self.interval.mul_f64(SPREAD) / pages.max(1))
    }
}

/// The pace of the resyncs of one term.
#[derive(Debug)]
pub(super) struct Pacing {
    settings: ResyncSettings,
    /// Number of pages of each list in the latest resync; None before the first one, and after a failure.
    pages: Option<ByKind<u32>>,
    /// Time that the latest paced resync took.
    took: Duration,
    /// The period that was logged, if it exceeds the interval.
    stretched: Option<Duration>,
}

impl Pacing {
    /// Returns the pace before the first resync.
    pub fn new(settings: ResyncSettings) -> Self {
        Self { settings, pages: None, took: Duration::ZERO, stretched: None }
    }

    /// Returns the plan of the next resync. The first one and a retry have no pauses, because accounts wait
    /// for them.
    pub fn next(&self) -> Pace {
        self.pages.as_ref().map_or_else(Pace::unpaced, |pages| self.settings.pace(pages))
    }

    /// Returns the expected time between the starts of two paced resyncs.
    pub fn period(&self, pace: &Pace) -> Duration {
        self.settings.interval.max(self.took).max(pace.duration)
    }

    /// Records a success. Returns the time until the next resync.
    pub fn succeed(&mut self, pace: &Pace, pages: ByKind<u32>, took: Duration) -> Duration {
        self.pages = Some(pages);
        if pace.is_paced() {
            self.took = took;
        }
        self.settings.interval.saturating_sub(took)
    }

    /// Records a failure.
    pub fn fail(&mut self) {
        self.pages = None;
    }

    /// Logs that the period begins to exceed the interval, ends to do so, or exceeds it by another amount.
    pub fn log_period(&mut self, period: Duration) {
        let interval = self.settings.interval;
        let stretched = Some(period).filter(|period| *period > interval);
        let is_same = match (self.stretched, stretched) {
            (Some(before), Some(now)) => now.abs_diff(before) < before / 4,
            (before, now) => before == now,
        };
        if is_same {
            return;
        }
        self.stretched = stretched;
        if let Some(period) = stretched {
            tracing::info!(
                "a resync takes longer than its interval of {} s at its share of the call budget: one begins about every {} s, right after the one before",
                interval.as_secs(),
                period.as_secs()
            );
        } else {
            tracing::info!("a resync begins every {} s again", interval.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: ResyncSettings = ResyncSettings {
        interval: Duration::from_mins(10),
        calls_per_second: NonZeroU32::new(5).expect("not zero"),
        budget_percent: 20,
    };

    #[test]
    fn the_pages_of_a_list_are_spread_over_most_of_the_interval() {
        let pace = SETTINGS.pace(&ByKind::new(|_| 100));
        assert_eq!(pace.pauses, ByKind::new(|_| Duration::from_millis(4_800)));
        assert_eq!(pace.duration, Duration::from_mins(8));
        assert!(SETTINGS.pace(&ByKind::new(|_| 0)).duration.is_zero(), "it is not known to have any page");
    }

    #[test]
    fn a_paced_list_never_exceeds_its_share_of_the_budget() {
        let pages = |kind| if kind == ResourceKind::ChatRoom { 2_000 } else { 1_000 };
        let pace = SETTINGS.pace(&ByKind::new(pages));
        assert_eq!(pace.pauses, ByKind::new(|_| Duration::from_secs(1)));
        assert_eq!(
            pace.duration,
            Duration::from_secs(2_000),
            "100,000 accounts take longer than the interval"
        );
        assert!(pace.timeout() > pace.duration * 2);
        let half = ResyncSettings { budget_percent: 50, ..SETTINGS }.pace(&ByKind::new(pages));
        assert_eq!(half.pauses[ResourceKind::ChatRoom], Duration::from_millis(400));
        let whole = ResyncSettings { budget_percent: 100, ..SETTINGS }.pace(&ByKind::new(|_| u32::MAX));
        assert_eq!(whole.pauses[ResourceKind::Stage], Duration::from_millis(200));
    }

    #[test]
    fn the_first_resync_and_a_retry_have_no_pauses() {
        let mut pacing = Pacing::new(SETTINGS);
        assert!(!pacing.next().is_paced());
        let wait = pacing.succeed(&pacing.next(), ByKind::new(|_| 100), Duration::from_secs(40));
        assert_eq!(wait, Duration::from_secs(560));
        assert!(pacing.next().is_paced());
        pacing.fail();
        assert!(!pacing.next().is_paced());
    }

    #[test]
    fn the_period_stretches_if_a_resync_takes_longer_than_the_interval() {
        let mut pacing = Pacing::new(SETTINGS);
        assert_eq!(pacing.period(&pacing.next()), SETTINGS.interval);
        pacing.succeed(&pacing.next(), ByKind::new(|_| 2_000), Duration::from_mins(7));
        let pace = pacing.next();
        assert_eq!(pacing.period(&pace), Duration::from_secs(2_000), "known before it has run");
        let wait = pacing.succeed(&pace, ByKind::new(|_| 2_000), Duration::from_secs(2_200));
        assert!(wait.is_zero(), "the next one follows at once");
        assert_eq!(pacing.period(&pacing.next()), Duration::from_secs(2_200));
        pacing.fail();
        assert_eq!(pacing.period(&pacing.next()), Duration::from_secs(2_200), "also while it is retried");
    }

    #[test]
    fn a_stretched_period_is_logged_once_for_each_change() {
        let mut pacing = Pacing::new(SETTINGS);
        let mut change = |seconds| {
            let before = pacing.stretched;
            pacing.log_period(Duration::from_secs(seconds));
            pacing.stretched != before
        };
        assert!(!change(600), "nothing has changed");
        assert!(change(2_000) && !change(2_200) && !change(2_000));
        assert!(change(3_000) && change(600) && !change(600));
    }
}
