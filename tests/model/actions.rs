//! What can happen: people, AWS, time, faults, and one step of one controller.

use super::state::Nonce;

/// What people do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAction {
    /// Deletes the object.
    Delete,
    /// Makes it again under the same name, once it is gone.
    Recreate,
}

/// Which of the two controllers.
pub type ControllerId = usize;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    User(UserAction),
    /// The call makes the resource.
    Lands(Nonce),
    /// Lists and reads show the resource.
    IsShown(Nonce),
    /// The call does not arrive.
    IsLost(Nonce),
    /// Deadline and grace pass.
    TimePasses(Nonce),
    Crash(ControllerId),
    /// The call was carried out, and the caller does not hear of it.
    LosesAnswer(ControllerId),
    /// The caller hears of what it made.
    Answers(ControllerId),
    /// The caller stops waiting for a call that did not arrive.
    TimesOut(ControllerId),
    /// A controller lists everything.
    Sweep(ControllerId),
    /// A controller does its next step.
    Does(ControllerId, Step),
}

/// The next effect of a controller, under the name that it has in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Current,
    AddFinalizer,
    Claim,
    Inherit,
    Recorded,
    Look,
    Get,
    Record,
    DeleteDuplicates,
    End,
    Inspect,
    RemoveOthers,
    Open,
    Create,
    RecordMade,
    DeleteMade,
    WriteStatus,
    Leave,
    Retire,
    Find,
    Delete,
    Release,
    RemoveFinalizer,
    DeleteSwept,
}
