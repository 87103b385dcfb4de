//! Fail points: before and after every effect (a write to Kubernetes, a write to PostgreSQL, a call to AWS),
//! a build with the feature `failpoints` can be told to kill itself. Other builds have no fail points.
//!
//! The usual crate `fail` is not used: it can panic or return, but it can neither kill the process nor log
//! which fail points were reached.

/// Effects of the controller: on Kubernetes, on PostgreSQL and on AWS.
pub const CONTROLLER: [&str; 46] = [
    "add_finalizer",
    "publish",
    "remove_finalizer",
    "write_secret",
    "write_status",
    "abandon",
    "begin_update",
    "change_orphans",
    "claim",
    "correct",
    "delete_stale_user",
    "delete_user",
    "end",
    "end_update",
    "mark_deleting",
    "mark_retained",
    "note_absences",
    "note_deletion",
    "open",
    "record",
    "record_made",
    "tombstone",
    "transfer",
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

/// Effects of the registration page: on Kubernetes and on PostgreSQL.
pub const REGISTRATION: [&str; 12] = [
    "create_account",
    "delete_account",
    "begin_session",
    "change_password",
    "complete_registration",
    "end_session",
    "lease",
    "register",
    "rehash",
    "request_deletion",
    "rollback_registration",
    "sign_out",
];

/// Carries out an effect; in a build with fail points, between the two of the effect.
///
/// # Panics
/// With debug assertions, if neither list has the name: the tests kill at each name in the lists, and would
/// miss this one.
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

    /// Environment variable with the fail point at which to die, such as `before CreateStage 1`.
    const VARIABLE: &str = "STREAMCAT_FAILPOINT";

    /// Fail point at which to die, if any.
    static ARMED: LazyLock<Option<FailPoint>> =
        LazyLock::new(|| match std::env::var(VARIABLE).ok()?.parse() {
            Ok(point) => Some(point),
            Err(problem) => {
                eprintln!("streamcat-operator: {problem}");
                std::process::abort()
            }
        });

    /// Number of times that each effect has begun.
    static BEGUN: Mutex<BTreeMap<&str, u64>> = Mutex::new(BTreeMap::new());

    /// Side of an effect.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Side {
        Before,
        After,
    }

    /// A fail point of one run: a side of the nth effect of a name. A number among all effects would mean
    /// another effect in each run, because the three kinds are reconciled concurrently.
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
                    "{VARIABLE} is {text:?}: specify a side, an effect and its number, for example `before CreateStage 1`"
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

    /// Carries out an effect between its two fail points, and logs when it begins: a run that does not die
    /// reveals all of its fail points.
    pub(super) fn effect<F: Future>(name: &'static str, effect: F) -> impl Future<Output = F::Output> {
        // On the heap, because the futures of the AWS SDK overflow the stack of a debug build.
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

    /// Kills the process if this is the fail point at which to die. SIGKILL ensures that nothing is dropped
    /// or flushed.
    fn reach(side: Side, effect: &str, number: u64) {
        let here = |point: &FailPoint| point.side == side && point.effect == effect && point.number == number;
        if ARMED.as_ref().is_some_and(here) {
            // This cannot fail: a process may always signal itself.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
