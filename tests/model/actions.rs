//! The actions of the model: users, AWS, time, faults, and single steps of one controller.

use super::state::Nonce;

/// An action of a user. A scenario is a sequence of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAction {
    /// Deletes the object.
    Delete,
    /// Creates an object of the same name, once the previous one is gone.
    Recreate,
}

/// Index of one of the two controllers.
pub type ControllerId = usize;

/// One transition of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    User(UserAction),
    /// The call creates the resource.
    CallExecuted(Nonce),
    /// Get and List show the resource from now on.
    ResourceShown(Nonce),
    /// The call never reaches AWS.
    CallLost(Nonce),
    /// The deadline and the grace period of the attempt pass.
    AttemptExpires(Nonce),
    Crash(ControllerId),
    /// The call was executed, but its caller gets no response.
    ResponseLost(ControllerId),
    /// The caller gets the response.
    ResponseReceived(ControllerId),
    /// The caller gives up on a call that never reached AWS or is still in flight.
    CallTimesOut(ControllerId),
    /// A controller runs a resync.
    Resync(ControllerId),
    /// A controller takes its next step.
    Step(ControllerId, Step),
}

/// The next step of a controller. Each variant has the name of the function in `src/` that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Current,
    AddFinalizer,
    Claim,
    Transfer,
    Recorded,
    ListOwned,
    Get,
    Record,
    DeleteDuplicate,
    End,
    Open,
    Create,
    RecordMade,
    Delete,
    WriteStatus,
    MarkDeleting,
    DeleteUser,
    RemoveFinalizer,
    DeleteLateCreate,
}
