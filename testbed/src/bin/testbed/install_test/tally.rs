//! The outcomes of all requests, by step.

use std::fmt;
use std::time::Duration;

use testbed::http::{Failure, Response};

/// Maximum number of failures that are quoted for a step.
const SAMPLES: usize = 3;

/// Outcome of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A response with a status below 400.
    Answered,
    /// No connection.
    Refused,
    /// The connection was lost before the response.
    Lost,
    /// A response with a status of 500 or more.
    ServerError,
    /// Anything else.
    Unexpected,
}

impl Outcome {
    pub(super) fn of(response: &Result<Response, Failure>) -> Self {
        match response {
            Ok(response) if response.status.is_server_error() => Self::ServerError,
            Ok(response) if response.status.as_u16() < 400 => Self::Answered,
            Ok(_) | Err(Failure::Invalid(_)) => Self::Unexpected,
            Err(Failure::Connect(_)) => Self::Refused,
            Err(Failure::Lost(_)) => Self::Lost,
        }
    }
}

/// A step of the test.
#[derive(Default)]
struct Step {
    name: String,
    /// A process is killed in it, so that requests to this process cannot be answered.
    kills: bool,
    answered: usize,
    refused: usize,
    lost: usize,
    server_errors: usize,
    unexpected: usize,
    slowest: Duration,
    samples: Vec<String>,
}

impl Step {
    fn count(&mut self, outcome: Outcome) -> &mut usize {
        match outcome {
            Outcome::Answered => &mut self.answered,
            Outcome::Refused => &mut self.refused,
            Outcome::Lost => &mut self.lost,
            Outcome::ServerError => &mut self.server_errors,
            Outcome::Unexpected => &mut self.unexpected,
        }
    }

    /// Returns the number of failures that are faults. Requests to a killed process are none: nothing in
    /// front of it can know of its end before they do.
    fn faults(&self) -> usize {
        let unavoidable = if self.kills { 0 } else { self.refused + self.lost };
        self.server_errors + self.unexpected + unavoidable
    }
}

/// Number of a step.
#[derive(Clone, Copy)]
pub(super) struct StepNumber(usize);

/// The outcomes of all requests so far.
#[derive(Default)]
pub(super) struct RequestTally(Vec<Step>);

impl RequestTally {
    pub(super) fn begin(&mut self, name: &str, kills: bool) {
        self.0.push(Step { name: name.to_owned(), kills, ..Step::default() });
    }

    /// Returns the current step.
    pub(super) fn current(&self) -> StepNumber {
        StepNumber(self.0.len().saturating_sub(1))
    }

    /// Adds a request to the step in which it was sent: a request can fail long after its cause.
    pub(super) fn add(
        &mut self,
        step: StepNumber,
        outcome: Outcome,
        took: Duration,
        describe: impl FnOnce() -> String,
    ) {
        let Some(step) = self.0.get_mut(step.0) else { return };
        *step.count(outcome) += 1;
        step.slowest = step.slowest.max(took);
        if outcome != Outcome::Answered && step.samples.len() < SAMPLES {
            step.samples.push(describe());
        }
    }

    /// Returns an error that names the steps with faults, if there are any.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let faulty: Vec<_> = self.0.iter().filter(|step| step.faults() > 0).collect();
        if faulty.is_empty() {
            return Ok(());
        }
        let names = faulty.iter().map(|step| format!("{} ({})", step.name, step.faults()));
        Err(format!("requests failed during: {}", names.collect::<Vec<_>>().join(", ")))
    }
}

impl fmt::Display for RequestTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<36} {:>8} {:>8} {:>8} {:>8} {:>8}   slowest",
            "", "answered", "refused", "lost", "5xx", "other"
        )?;
        for step in &self.0 {
            writeln!(
                f,
                "{:<36} {:>8} {:>8} {:>8} {:>8} {:>8}   {:.2} s",
                step.name,
                step.answered,
                step.refused,
                step.lost,
                step.server_errors,
                step.unexpected,
                step.slowest.as_secs_f32()
            )?;
            for sample in &step.samples {
                writeln!(f, "    {sample}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(kills: bool, outcome: Outcome) -> RequestTally {
        let mut tally = RequestTally::default();
        tally.begin("a step", kills);
        tally.add(tally.current(), Outcome::Answered, Duration::ZERO, String::new);
        tally.add(tally.current(), outcome, Duration::from_secs(1), || "why".into());
        tally
    }

    #[test]
    fn only_a_kill_excuses_a_lost_connection() {
        let verdict = tally(false, Outcome::Lost).verdict();
        assert_eq!(verdict.as_ref().map_err(String::as_str), Err("requests failed during: a step (1)"));
        assert!(tally(false, Outcome::Refused).verdict().is_err());
        assert!(tally(true, Outcome::Lost).verdict().is_ok());
        assert!(tally(true, Outcome::ServerError).verdict().is_err());
    }

    #[test]
    fn a_failure_belongs_to_the_step_in_which_the_request_was_sent() {
        let mut tally = tally(false, Outcome::Answered);
        let sent = tally.current();
        tally.begin("the next step", false);
        tally.add(sent, Outcome::Unexpected, Duration::ZERO, String::new);
        let verdict = tally.verdict();
        assert_eq!(verdict.as_ref().map_err(String::as_str), Err("requests failed during: a step (1)"));
    }

    #[test]
    fn failures_are_quoted() {
        assert!(tally(true, Outcome::Lost).to_string().ends_with("1.00 s\n    why\n"));
    }
}
