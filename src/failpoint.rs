//! Fail points: before and after every effect (a write to Kubernetes, a write to PostgreSQL, a call to AWS), where a
//! build with the feature `failpoints` can be told to die. Any other build has none.
//!
//! No crate: `fail`, the usual one, can panic and return, but neither die at once nor say what was reached.

/// The controller's effects: those on Kubernetes, on PostgreSQL and on AWS.
pub const CONTROLLER: [&str; 46] = [
    "add_finalizer",
    "publish",
    "remove_finalizer",
    "write_secret",
    "write_status",
    "bar",
    "begin_edit",
    "change_orphans",
    "claim",
    "correct",
    "end",
    "end_edit",
    "evict",
    "inherit",
    "leave",
    "abandon",
    "note_absences",
    "note_deletion",
    "open",
    "record",
    "record_made",
    "release",
    "retain",
    "CreateChannel",
    "CreateRoom",
    "CreateStage",
    "CreateStreamKey",
    "DeleteChannel",
    "DeleteRoom",
    "DeleteStage",
    "DeleteStreamKey",
    "GetChannel",
    "GetRoom",
    "GetStage",
    "GetStream",
    "GetStreamKey",
    "ListChannels",
    "ListRooms",
    "ListStages",
    "ListStreamKeys",
    "StopStream",
    "TagResource",
    "UntagResource",
    "UpdateChannel",
    "UpdateRoom",
    "UpdateStage",
];

/// The registration's effects: those on Kubernetes and on PostgreSQL.
pub const REGISTRATION: [&str; 12] = [
    "create_account",
    "delete_account",
    "begin_session",
    "change_password",
    "end_session",
    "register",
    "rehash",
    "renounce",
    "settle",
    "sign_out",
    "take_back",
    "take_up",
];

/// Carries out an effect; in a build for tests, between its two fail points.
///
/// # Panics
/// With debug assertions, when the name is in neither list: the tests kill at each that is, and would forget it.
pub(crate) fn effect<F: Future>(name: &'static str, effect: F) -> impl Future<Output = F::Output> {
    debug_assert!(CONTROLLER.contains(&name) || REGISTRATION.contains(&name), "{name} is in neither list");
    #[cfg(feature = "failpoints")]
    let effect = armed::effect(name, effect);
    effect
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::{
        collections::BTreeMap,
        str::FromStr,
        sync::{LazyLock, Mutex, PoisonError},
    };

    use rustix::process::{Signal, getpid, kill_process};

    /// Names the fail point at which to die, such as `before CreateStage 1`.
    const VARIABLE: &str = "STREAMCAT_FAILPOINT";

    /// Where to die, if anywhere.
    static ARMED: LazyLock<Option<FailPoint>> =
        LazyLock::new(|| match std::env::var(VARIABLE).ok()?.parse() {
            Ok(point) => Some(point),
            Err(problem) => {
                eprintln!("streamcat-operator: {problem}");
                std::process::abort()
            }
        });

    /// How often each effect was begun.
    static BEGUN: Mutex<BTreeMap<&str, u64>> = Mutex::new(BTreeMap::new());

    /// The side of an effect.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Side {
        Before,
        After,
    }

    /// A point of one run: a side of the effect that is the so-manieth of its name. A number among all effects would be
    /// another effect each time, because the three kinds are worked on at the same time.
    struct FailPoint {
        side: Side,
        effect: String,
        number: u64,
    }

    impl FromStr for FailPoint {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            let wrong = || {
                format!(
                    "{VARIABLE} is {text:?}: write a side, an effect and its number, as in `before CreateStage 1`"
                )
            };
            let mut words = text.split(' ');
            let (Some(side), Some(effect), Some(number), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(wrong());
            };
            let side = match side {
                "before" => Side::Before,
                "after" => Side::After,
                _ => return Err(wrong()),
            };
            let number = number.parse().map_err(|_| wrong())?;
            Ok(Self { side, effect: effect.to_owned(), number })
        }
    }

    /// Carries out an effect between its two fail points, and logs that it begins: so a run without a fail point tells
    /// which there are.
    pub(super) fn effect<F: Future>(name: &'static str, effect: F) -> impl Future<Output = F::Output> {
        // On the heap, because those of the AWS SDK fill the stack of a build for tests.
        let effect = Box::pin(effect);
        async move {
            let number = begin(name);
            tracing::info!(effect = name, number, "effect");
            reach(Side::Before, name, number);
            let output = effect.await;
            reach(Side::After, name, number);
            output
        }
    }

    fn begin(name: &'static str) -> u64 {
        let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
        let number = begun.entry(name).or_default();
        *number += 1;
        *number
    }

    /// Dies here, if told to: by `kill -9`, so that nothing is dropped and nothing flushed.
    fn reach(side: Side, effect: &str, number: u64) {
        let here = |point: &FailPoint| point.side == side && point.effect == effect && point.number == number;
        if ARMED.as_ref().is_some_and(here) {
            // It cannot fail: a process may always signal itself.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
