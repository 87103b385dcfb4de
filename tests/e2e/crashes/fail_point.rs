//! Fail points: the places before and after an effect at which a controller can kill itself.

use std::fmt;

use crate::support::effects;

/// The signal of `kill -9`.
pub const SIGKILL: i32 = 9;

/// A fail point: before or after the effect with this name and number. The number counts the effects of one
/// name in a run, from 1.
#[derive(Clone, Debug)]
pub struct FailPoint {
    side: &'static str,
    effect: String,
    number: u64,
}

impl FailPoint {
    /// Returns true if every run reaches the fail point. Later effects of one name depend on timing: a new
    /// resource may be read again, and a slow one may cause another write of status.
    pub fn is_certain(&self) -> bool {
        self.number == 1
    }

    pub fn is_first_of(&self, effect: &str) -> bool {
        self.is_certain() && self.effect == effect
    }
}

/// The format of the variable `STREAMCAT_FAILPOINT`.
impl fmt::Display for FailPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.side, self.effect, self.number)
    }
}

/// Returns the fail points that a controller has reached, by its log.
pub fn fail_points(log: &str) -> Vec<FailPoint> {
    let both = |(effect, number): (String, u64)| {
        ["before", "after"].map(|side| FailPoint { side, effect: effect.clone(), number })
    };
    effects(log).into_iter().flat_map(both).collect()
}

/// Numbers of the fail points at which a controller was to be killed, and of those at which it was.
#[derive(Debug, Default)]
pub struct Tally {
    certain: usize,
    others: usize,
    others_died: usize,
}

impl Tally {
    /// Counts the runs. Panics if a controller was not killed at a fail point that every run reaches.
    pub fn of(crashes: &[(FailPoint, bool)]) -> Self {
        let mut tally = Self::default();
        for (point, died) in crashes {
            if point.is_certain() {
                assert!(died, "the controller was not killed {point}");
                tally.certain += 1;
            } else {
                tally.others += 1;
                tally.others_died += usize::from(*died);
            }
        }
        tally
    }

    /// Prints the tally. Panics if less than half of the runs reached the later effects.
    pub fn report(&self, scenario: &str) {
        let Self { certain, others, others_died } = self;
        println!(
            "{scenario}: killed at {certain} first effects, and at {others_died} of {others} later ones"
        );
        assert!(others_died * 2 >= *others, "{scenario}: most later effects were not reached: {self:?}");
    }
}
