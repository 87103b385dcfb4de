//! Defects of the protocol, each of which the model must detect.

/// A deliberate defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The attempt is journaled together with the result of the Create instead of before the call.
    JournalAfterCreate,
    /// The result of an attempt is searched for at the deadline, when lists may not show it yet.
    NoGrace,
    /// The SDK sends a Create again whose response was lost.
    SdkRetries,
    /// Of several matches the first is adopted, and the others stay.
    FirstMatchWins,
    /// A resource that has the user's name counts as the user's, whatever its tags are.
    IgnoresTags,
    /// The finalizer is added with the first status.
    FinalizerAfterCreate,
    /// The finalizer is removed while an attempt is still open.
    FinalizerTooEarly,
    /// Attempts are opened for a user that is being deleted or is gone.
    OpensWhileDeleting,
    /// An object with a tombstone may claim a user again.
    ClaimsDespiteTombstone,
    /// A new row gets the id of a deleted user if tags name it.
    ReusesDeletedUser,
    /// The deletion of an account whose claim was refused deletes what the tags in AWS name.
    DeletesForRefusedClaim,
    /// An account without a user is deleted without leaving a tombstone.
    NoTombstone,
    /// The caller of a Create deletes the resource if its attempt is no longer open, although another
    /// controller may have adopted it.
    DeletesAdopted,
    /// A resource that was found is recorded although another attempt was opened since the list.
    AdoptsDespiteOpenAttempt,
    /// The resync ignores late creates of deleted users.
    SparesLateCreates,
}
