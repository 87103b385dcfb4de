//! Fail points: places before and after each effect (a write to Kubernetes, a write to PostgreSQL, a call to
//! AWS) at which a build with the feature `failpoints` can kill itself. Other builds have none.
//!
//! The crate `fail` does not serve: it can panic or return early, but neither kill the process nor log which
//! fail points a run reached.

use std::collections::BTreeSet;

use crate::api::ResourceKind;

/// Effects of the controller, except the calls to AWS that every kind of resource has: those are in the
/// registry of kinds.
const CONTROLLER: [&str; 32] = [
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
    "replace_applied_fields",
    "tombstone",
    "transfer",
    "CreateStreamKey",
    "DeleteStreamKey",
    "GetStream",
    "GetStreamKey",
    "ListStreamKeys",
    "StopStream",
    "TagResource",
    "UntagResource",
];

/// Effects of the registration, on Kubernetes and PostgreSQL.
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

/// Returns the names of all effects of the controller, on Kubernetes, PostgreSQL, and AWS.
#[must_use]
pub fn controller_effects() -> BTreeSet<&'static str> {
    let calls = ResourceKind::ALL.into_iter().flat_map(ResourceKind::calls);
    CONTROLLER.into_iter().chain(calls).collect()
}

/// Performs an effect; with the feature `failpoints`, between its two fail points.
///
/// # Panics
/// With debug assertions, if the name is not listed here: the crash tests kill only at listed effects.
pub(crate) fn effect<F: Future>(name: &'static str, effect: F) -> impl Future<Output = F::Output> {
    debug_assert!(
        controller_effects().contains(name) || REGISTRATION.contains(&name),
        "effect {name} is not listed in failpoint.rs or in the registry of kinds"
    );
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

    /// The variable with the fail point at which to kill the process, such as `before CreateStage 1`.
    const VARIABLE: &str = "STREAMCAT_FAILPOINT";

    /// The fail point at which to kill the process.
    static ARMED: LazyLock<Option<FailPoint>> =
        LazyLock::new(|| match std::env::var(VARIABLE).ok()?.parse() {
            Ok(point) => Some(point),
            Err(problem) => {
                eprintln!("streamcat-operator: {problem}");
                std::process::abort()
            }
        });

    /// Number of times that each effect was begun.
    static BEGUN: Mutex<BTreeMap<&str, u64>> = Mutex::new(BTreeMap::new());

    /// The side of an effect.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Side {
        Before,
        After,
    }

    /// A fail point of one run: a side of the n-th effect of a name. Effects are numbered by name, because
    /// their overall order differs between runs: all kinds are reconciled concurrently.
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
                    "{VARIABLE} is {text:?}: write a side, an effect, and its number, such as `before CreateStage 1`"
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

    /// Performs an effect between its two fail points, and logs its start. A run without a fail point thus
    /// lists them all.
    pub(super) fn effect<F: Future>(name: &'static str, effect: F) -> impl Future<Output = F::Output> {
        // Boxed because the AWS SDK's futures would fill the stack of a debug build.
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

    /// Counts the start of an effect. Returns its number.
    fn begin(name: &'static str) -> u64 {
        let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
        let number = begun.entry(name).or_default();
        *number += 1;
        *number
    }

    /// Kills the process if this is its fail point: with SIGKILL, so that nothing is dropped or flushed.
    fn reach(side: Side, effect: &str, number: u64) {
        let here = |point: &FailPoint| point.side == side && point.effect == effect && point.number == number;
        if ARMED.as_ref().is_some_and(here) {
            // A process may always signal itself, so this cannot fail.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
