//! The figures of a benchmark with their goals, as text and as JSON.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testbed::Error;
use testbed::threshold::Threshold;

const MIB: f64 = 1024.0 * 1024.0;

/// A measured value.
struct Figure {
    name: String,
    value: f64,
    goal: Option<Threshold>,
}

impl Figure {
    /// Returns true unless the figure has a goal that it misses. A value that is not a number misses each
    /// goal.
    fn is_good(&self) -> bool {
        self.goal.is_none_or(|goal| goal.is_met_by(self.value))
    }

    fn json(&self) -> Value {
        let goal = self.goal.map(|goal| goal.to_string());
        let met = self.goal.map(|goal| goal.is_met_by(self.value));
        json!({ "name": self.name, "value": self.value, "goal": goal, "met": met })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.goal.map(|goal| goal.verdict(self.value)).unwrap_or_default();
        write!(f, "{}", format!("  {:<56} {:>9}   {verdict}", self.name, rounded(self.value)).trim_end())
    }
}

/// Formats a value with about three digits. An infinite value stands for something that did not happen.
fn rounded(value: f64) -> String {
    if value.is_infinite() {
        return "never".into();
    }
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// The report of one benchmark.
pub(super) struct Report {
    benchmark: &'static str,
    conditions: String,
    figures: Vec<Figure>,
}

impl Report {
    /// Begins a report, and prints under which conditions its figures are measured.
    pub(super) fn new(benchmark: &'static str, conditions: String) -> Self {
        println!("\n{benchmark}: {conditions}");
        Self { benchmark, conditions, figures: Vec::new() }
    }

    /// Adds and prints a figure without a goal.
    pub(super) fn add(&mut self, name: impl Into<String>, value: f64) {
        self.push(Figure { name: name.into(), value, goal: None });
    }

    /// Adds and prints a figure with its goal.
    pub(super) fn add_with_goal(&mut self, name: impl Into<String>, value: f64, goal: Threshold) {
        self.push(Figure { name: name.into(), value, goal: Some(goal) });
    }

    fn push(&mut self, figure: Figure) {
        println!("{figure}");
        self.figures.push(figure);
    }

    fn json(&self) -> Value {
        let figures: Vec<_> = self.figures.iter().map(Figure::json).collect();
        json!({ "benchmark": self.benchmark, "conditions": self.conditions, "figures": figures })
    }
}

/// Prints the goals that are not met. Returns true if there are none.
pub(super) fn summarize(reports: &[Report]) -> bool {
    let figures = || reports.iter().flat_map(|report| report.figures.iter().map(move |one| (report, one)));
    let goals = figures().filter(|(_, figure)| figure.goal.is_some()).count();
    let missed: Vec<_> = figures().filter(|(_, figure)| !figure.is_good()).collect();
    println!("\n{} of {goals} goals are met", goals - missed.len());
    for (report, figure) in &missed {
        println!("{:<14}{figure}", report.benchmark);
    }
    missed.is_empty()
}

/// Writes the reports to a file as JSON.
pub(super) fn write_json(path: &Path, reports: &[Report]) -> Result<(), Error> {
    let text = json!(reports.iter().map(Report::json).collect::<Vec<_>>());
    let written = std::fs::write(path, format!("{text:#}\n"));
    written.map_err(|source| Error::Io { action: format!("write {}", path.display()), source })
}

/// Converts a count to the type of a figure.
pub(super) fn figure(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let figure = count as f64;
    figure
}

/// Converts bytes to MiB.
pub(super) fn mebibytes(bytes: u64) -> f64 {
    figure(bytes) / MIB
}

/// Returns the CPU time for each account, in milliseconds.
pub(super) fn cpu_per_account(cpu: Duration, accounts: usize) -> f64 {
    cpu.as_secs_f64() * 1000.0 / figure(accounts as u64)
}

/// Returns the value below which this percentage of the values lies; not a number if there are none.
pub(super) fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut all: Vec<_> = values.into_iter().collect();
    all.sort_by(f64::total_cmp);
    let index = (all.len() * percent).div_ceil(100).saturating_sub(1);
    all.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_shows_its_goal_and_whether_it_is_met() {
        let line = |value, goal| Figure { name: "ratio".into(), value, goal }.to_string();
        let words = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(line(1.184, Some(Threshold::AtMost(1.1)))), "ratio 1.18 at most 1.1: NOT met");
        assert_eq!(words(line(1234.5, Some(Threshold::AtLeast(1.0)))), "ratio 1234 at least 1: met");
        assert_eq!(words(line(0.0, None)), "ratio 0");
    }

    #[test]
    fn a_figure_that_was_not_measured_misses_its_goal() {
        let figure = Figure { name: "ratio".into(), value: f64::NAN, goal: Some(Threshold::AtMost(1.1)) };
        assert!(!figure.is_good());
        assert_eq!(figure.json()["met"], false);
    }

    #[test]
    fn percentile_is_one_of_the_values() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!((percentile(values, 50), percentile(values, 95)), (2.0, 4.0));
        assert!(percentile([], 50).is_nan());
    }
}
