//! The sides of effects at which a controller can be told to die.

use std::fmt;

use crate::support::effects;

/// The signal of `kill -9`.
pub const SIGKILL: i32 = 9;

/// A side of one effect of a run: of several of one name, the so-manieth.
#[derive(Clone, Debug)]
pub struct FailPoint {
    side: &'static str,
    effect: String,
    number: u64,
}

impl FailPoint {
    /// Whether every run comes by. What is done more than once is done more or less often, as the clock has it: a Get
    /// more of what is new, a status more of what takes long.
    pub fn is_certain(&self) -> bool {
        self.number == 1
    }

    pub fn is_first_of(&self, effect: &str) -> bool {
        self.is_certain() && self.effect == effect
    }
}

/// As the program is told.
impl fmt::Display for FailPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.side, self.effect, self.number)
    }
}

/// The fail points that a controller has come by.
pub fn fail_points(log: &str) -> Vec<FailPoint> {
    let both = |(effect, number): (String, u64)| {
        ["before", "after"].map(|side| FailPoint { side, effect: effect.clone(), number })
    };
    effects(log).into_iter().flat_map(both).collect()
}

/// At how many fail points a controller was to die, and at how many it did.
#[derive(Debug, Default)]
pub struct Tally {
    certain: usize,
    others: usize,
    others_died: usize,
}

impl Tally {
    /// Of what came of each; at one that every run comes by it died.
    pub fn of(crashes: &[(FailPoint, bool)]) -> Self {
        let mut tally = Self::default();
        for (point, died) in crashes {
            if point.is_certain() {
                assert!(died, "it came through {point}");
                tally.certain += 1;
            } else {
                tally.others += 1;
                tally.others_died += usize::from(*died);
            }
        }
        tally
    }

    /// Prints it; most runs come by most of the others, too.
    pub fn judge(&self, story: &str) {
        let Self { certain, others, others_died } = self;
        println!("{story}: killed at {certain} first effects, and at {others_died} of {others} later ones");
        assert!(others_died * 2 >= *others, "{story}: most later effects were not come by: {self:?}");
    }
}
