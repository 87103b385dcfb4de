//! What was measured, with the goals beside it.

use std::fmt;
use std::time::Duration;

use testbed::load_generator::Outcome;
use testbed::threshold::Threshold;

/// What a hash needs, in MiB: the default.
const HASH_MEMORY: usize = 19;
/// What the process needs besides hashes, in MiB.
const OTHER_MEMORY: usize = 160;
const MIB: u64 = 1024 * 1024;

/// What was measured.
pub(super) struct Figures<'a> {
    /// A second.
    pub(super) registered: f64,
    /// A second, by the same cores.
    pub(super) hashed: f64,
    /// What 99 of 100 answers of /healthz latencies at most during the flood.
    pub(super) health: Duration,
    /// The most that there ever was, in bytes.
    pub(super) memory: u64,
    /// How many hashes there are at the same time.
    pub(super) hashers: usize,
    /// The flood.
    pub(super) ended: &'a [Outcome],
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Outcome) -> bool| self.ended.iter().filter(|ended| wanted(ended)).count();
        let accepted = count(|ended| *ended == Outcome::Accepted);
        let retry_later = count(|ended| *ended == Outcome::RetryLater);
        let no_response = count(|ended| matches!(ended, Outcome::NoResponse(_)));
        let unexpected = count(|ended| matches!(ended, Outcome::Unexpected(_)));
        let (ratio, health) = (self.registered / self.hashed, self.health.as_secs_f64() * 1000.0);
        let (memory, most) = (self.memory / MIB, self.hashers * HASH_MEMORY + OTHER_MEMORY);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let (memory, most, none, strange) =
            (memory as f64, most as f64, no_response as f64, unexpected as f64);
        writeln!(f, "{:<42} {:>8}   goal", "", "")?;
        row(f, "registrations a second", &format!("{:.1}", self.registered), "")?;
        row(f, "Argon2id a second, on the same cores", &format!("{:.1}", self.hashed), "")?;
        row(f, "the one stop the other", &format!("{ratio:.2}"), &Threshold::AtLeast(0.9).verdict(ratio))?;
        row(f, "flood: accepted", &accepted.to_string(), "")?;
        row(f, "flood: put off (429, 503)", &retry_later.to_string(), "")?;
        row(
            f,
            "flood: answered unexpected",
            &unexpected.to_string(),
            &Threshold::AtMost(0.0).verdict(strange),
        )?;
        row(f, "flood: not answered", &no_response.to_string(), &Threshold::AtMost(0.0).verdict(none))?;
        row(f, "flood: /healthz p99, ms", &format!("{health:.1}"), &Threshold::Below(50.0).verdict(health))?;
        row(f, "memory at its peak, MiB", &format!("{memory:.0}"), &Threshold::AtMost(most).verdict(memory))
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
        let figures = Figures { registered: 9.0, hashed: 10.0, health, memory: 0, hashers: 1, ended: &ended };
        let text = figures.to_string();
        let goal = |what: &str| {
            let line = text.lines().find(|line| line.starts_with(what)).expect(what);
            line.rsplit("   ").next().expect("a goal").to_owned()
        };
        assert_eq!(goal("the one stop the other"), "at least 0.9: met");
        assert_eq!(goal("flood: answered unexpected"), "at most 0: met");
        assert_eq!(goal("flood: not answered"), "at most 0: NOT met");
        assert_eq!(goal("flood: /healthz"), "below 50: NOT met");
        assert_eq!(goal("memory"), "at most 179: met");
    }
}
