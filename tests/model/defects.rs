//! Ways in which the protocol could be wrong, each of which the model must notice.

/// One thing done wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The attempt is journalled with the result of the Create, not before the call.
    JournalAfterCreate,
    /// What an attempt made is looked for at the deadline: lists may not show it yet.
    NoGrace,
    /// The SDK sends a Create again whose answer was lost.
    SdkRetries,
    /// Of several found the first is taken, and the others stay.
    FirstMatchWins,
    /// What has the user's name is taken for the user's, whatever its tags say.
    IgnoresTags,
    /// The finalizer is put on with the first status.
    FinalizerAfterCreate,
    /// The finalizer goes though an attempt is still open.
    FinalizerTooEarly,
    /// Attempts are opened for a user that is leaving or gone.
    OpensWhileLeaving,
    /// A released object may claim a user again.
    ClaimsForReleasedObject,
    /// A new row gets the id of a released user, where tags name it.
    ReusesReleasedUser,
    /// The deletion of an account whose claim was refused goes by the tags in AWS.
    ReleasesRefusedClaim,
    /// An account that holds no user is let go without a note that it was.
    LeavesNoTrace,
    /// Whoever made a resource deletes it when its attempt is not open any more, though somebody may have adopted it.
    DeletesWhatWasAdopted,
    /// What was found is recorded though another attempt was opened since the look began.
    AdoptsBesideAnAttempt,
    /// The sweep leaves alone what a late call made for a released user.
    SparesReleasedUsers,
}
