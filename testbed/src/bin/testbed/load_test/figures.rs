//! The measured values, with their thresholds.

use std::fmt;
use std::time::Duration;

use testbed::load_generator::Outcome;
use testbed::threshold::Threshold;

/// Memory of one hash in MiB, by default.
const HASH_MEMORY: usize = 19;
/// Memory of the process without hashes, in MiB.
const OTHER_MEMORY: usize = 160;
const MIB: u64 = 1024 * 1024;

/// Measured values.
pub(super) struct LoadTestFigures<'a> {
    /// Registrations per second.
    pub(super) registered: f64,
    /// Hashes per second on the same cores.
    pub(super) hashed: f64,
    /// 99th percentile of the latency of /healthz under overload.
    pub(super) health: Duration,
    /// Peak memory in bytes.
    pub(super) memory: u64,
    /// Number of concurrent hashes.
    pub(super) hash_pool: usize,
    /// Outcomes of the registrations under overload.
    pub(super) ended: &'a [Outcome],
}

impl fmt::Display for LoadTestFigures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Outcome) -> bool| self.ended.iter().filter(|ended| wanted(ended)).count();
        let accepted = count(|ended| *ended == Outcome::Accepted);
        let retry_later = count(|ended| *ended == Outcome::RetryLater);
        let no_response = count(|ended| matches!(ended, Outcome::NoResponse(_)));
        let unexpected = count(|ended| matches!(ended, Outcome::Unexpected(_)));
        let (ratio, health) = (self.registered / self.hashed, self.health.as_secs_f64() * 1000.0);
        let (memory, most) = (self.memory / MIB, self.hash_pool * HASH_MEMORY + OTHER_MEMORY);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let (memory, most, none, strange) =
            (memory as f64, most as f64, no_response as f64, unexpected as f64);
        writeln!(f, "{:<42} {:>8}   threshold", "", "")?;
        row(f, "registrations per second", &format!("{:.1}", self.registered), "")?;
        row(f, "Argon2id hashes per second, same cores", &format!("{:.1}", self.hashed), "")?;
        row(f, "ratio of the two", &format!("{ratio:.2}"), &Threshold::AtLeast(0.9).verdict(ratio))?;
        row(f, "overload: accepted", &accepted.to_string(), "")?;
        row(f, "overload: told to retry (429, 503)", &retry_later.to_string(), "")?;
        row(
            f,
            "overload: unexpected responses",
            &unexpected.to_string(),
            &Threshold::AtMost(0.0).verdict(strange),
        )?;
        row(f, "overload: no response", &no_response.to_string(), &Threshold::AtMost(0.0).verdict(none))?;
        row(
            f,
            "overload: /healthz p99, ms",
            &format!("{health:.1}"),
            &Threshold::Below(50.0).verdict(health),
        )?;
        row(f, "peak memory, MiB", &format!("{memory:.0}"), &Threshold::AtMost(most).verdict(memory))
    }
}

fn row(f: &mut fmt::Formatter<'_>, what: &str, figure: &str, goal: &str) -> fmt::Result {
    writeln!(f, "{}", format!("{what:<42} {figure:>8}   {goal}").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_threshold_reports_whether_it_is_met() {
        let (health, ended) =
            (Duration::from_millis(50), [Outcome::Accepted, Outcome::NoResponse("reset".into())]);
        let figures =
            LoadTestFigures { registered: 9.0, hashed: 10.0, health, memory: 0, hash_pool: 1, ended: &ended };
        let text = figures.to_string();
        let goal = |what: &str| {
            let line = text.lines().find(|line| line.starts_with(what)).expect(what);
            line.rsplit("   ").next().expect("a goal").to_owned()
        };
        assert_eq!(goal("ratio of the two"), "at least 0.9: met");
        assert_eq!(goal("overload: unexpected responses"), "at most 0: met");
        assert_eq!(goal("overload: no response"), "at most 0: NOT met");
        assert_eq!(goal("overload: /healthz"), "below 50: NOT met");
        assert_eq!(goal("peak memory"), "at most 179: met");
    }
}
