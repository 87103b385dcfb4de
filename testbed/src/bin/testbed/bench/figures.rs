//! The measured values, with their thresholds.

use std::fmt;
use std::time::Duration;

use ivs_simulator::Call;
use testbed::threshold::Threshold;

use super::writes::Writes;

/// Measured values.
pub(super) struct BenchFigures<'a> {
    /// The time from apply to Ready, and the slowest Create, of each account.
    pub(super) took: Vec<(Duration, Duration)>,
    pub(super) calls: &'a [Call],
    pub(super) writes: Writes,
}

impl BenchFigures<'_> {
    /// Returns the median and the 95th percentile.
    fn spread(&self, figure: impl Fn(&(Duration, Duration)) -> f64) -> (f64, f64) {
        let mut all: Vec<_> = self.took.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            all.get((all.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        (at(50), at(95))
    }

    fn per_account(&self, count: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let per_account = count as f64 / self.took.len() as f64;
        per_account
    }

    fn calls(&self, operation: &str) -> f64 {
        let calls = self.calls.iter().filter(|call| call.operation.starts_with(operation)).count();
        self.per_account(calls as u64)
    }
}

impl fmt::Display for BenchFigures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let (ready, late) = self.spread(|(ready, _)| millis(*ready));
        let (create, slow) = self.spread(|(_, create)| millis(*create));
        let (ratio, high) = self.spread(|(ready, create)| ready.div_duration_f64(*create));
        let (creates, lists) = (self.calls("Create"), self.calls("List"));
        let Writes { accounts, secrets, events } = self.writes;
        // One write per account is our own create.
        let until_ready = self.per_account(accounts + secrets) - 1.0;
        let events = self.per_account(events);
        writeln!(f, "{:<42} {:>8} {:>8}   threshold", "", "median", "p95")?;
        writeln!(f, "{:<42} {ready:>8.0} {late:>8.0}", "from apply to Ready, ms")?;
        writeln!(f, "{:<42} {create:>8.0} {slow:>8.0}", "slowest Create, ms")?;
        let goal = Threshold::AtMost(1.25).verdict(ratio);
        writeln!(f, "{:<42} {ratio:>8.2} {high:>8.2}   {goal}", "ratio of the two")?;
        for (what, figure, most) in [
            ("Creates per account", creates, 3.0),
            ("List calls per account", lists, 0.0),
            ("Kubernetes writes per account until Ready", until_ready, 4.0),
        ] {
            let goal = Threshold::AtMost(most).verdict(figure);
            writeln!(f, "{what:<42} {figure:>8.1} {:>8}   {goal}", "")?;
        }
        writeln!(f, "{:<42} {events:>8.1}", "events per account after Ready")
    }
}
