//! The state of a controller: its position in the code and its local variables.

use super::{
    actions::Step,
    state::{Nonce, Uid, UserId},
};

/// The object that a controller reconciles, and its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    pub uid: Uid,
    pub user: UserId,
}

/// The purpose of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    Apply { dirty: bool },
    Cleanup,
}

/// A set of resources, by nonce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NonceSet(u8);

impl NonceSet {
    pub fn without(self, nonce: Nonce) -> Self {
        Self(self.0 & !(1 << nonce))
    }

    pub fn first(self) -> Option<Nonce> {
        (self.0 != 0).then(|| Nonce::try_from(self.0.trailing_zeros()).expect("eight bits"))
    }

    pub fn contains(self, nonce: Nonce) -> bool {
        self.0 & (1 << nonce) != 0
    }
}

impl FromIterator<Nonce> for NonceSet {
    fn from_iter<I: IntoIterator<Item = Nonce>>(nonces: I) -> Self {
        Self(nonces.into_iter().fold(0, |set, nonce| set | 1 << nonce))
    }
}

/// The state of a controller: its position in the code and its local variables. All of them may be outdated
/// by the time the next step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ControllerState {
    Idle,
    /// The resync found that the records disagree.
    Dirty,
    AddingFinalizer(Uid),
    Claiming {
        uid: Uid,
        purpose: Purpose,
    },
    /// The row names another object. `seen`: the current object exists.
    Transferring {
        owner: Owner,
        from: Uid,
        purpose: Purpose,
        seen: bool,
    },
    Converging {
        owner: Owner,
        dirty: bool,
    },
    ListingOwned {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        except: Option<Nonce>,
    },
    /// Reads the resource that it keeps.
    Adopting {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: NonceSet,
    },
    Recording {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: NonceSet,
    },
    DeletingDuplicates {
        owner: Owner,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: NonceSet,
    },
    /// Ends an attempt after searching for its result. Nothing was found if `keep` is None.
    EndingAttempt {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Nonce,
        keep: Option<Nonce>,
    },
    Getting {
        owner: Owner,
        recorded: Option<Nonce>,
        arn: Nonce,
        dirty: bool,
    },
    ListingDuplicates {
        owner: Owner,
        arn: Nonce,
    },
    Opening {
        owner: Owner,
        known: Option<Nonce>,
    },
    Creating {
        owner: Owner,
        nonce: Nonce,
    },
    /// The call was sent.
    AwaitingResponse {
        owner: Owner,
        nonce: Nonce,
    },
    RecordingMade {
        owner: Owner,
        nonce: Nonce,
    },
    /// The attempt was no longer open, so the created resource is a duplicate.
    DeletingMade(Nonce),
    WritingStatus {
        uid: Uid,
        arn: Nonce,
    },
    MarkingDeleting(Owner),
    DeletingAll(Owner),
    ListingToDelete {
        owner: Owner,
        recorded: Option<Nonce>,
    },
    Deleting {
        owner: Owner,
        to_delete: NonceSet,
    },
    DeletingUser(Owner),
    RemovingFinalizer(Uid),
    /// The resync deletes resources of deleted users.
    DeletingLateCreates(NonceSet),
}

impl ControllerState {
    /// Returns the next step.
    pub fn step(self) -> Step {
        match self {
            Self::Idle | Self::Dirty => Step::Current,
            Self::AddingFinalizer(_) => Step::AddFinalizer,
            Self::Claiming { .. } => Step::Claim,
            Self::Transferring { .. } => Step::Transfer,
            Self::Converging { .. } | Self::DeletingAll(_) => Step::Recorded,
            Self::ListingOwned { .. } | Self::ListingDuplicates { .. } | Self::ListingToDelete { .. } => {
                Step::ListOwned
            }
            Self::Adopting { .. } | Self::Getting { .. } => Step::Get,
            Self::Recording { .. } => Step::Record,
            Self::DeletingDuplicates { .. } => Step::DeleteDuplicate,
            Self::EndingAttempt { .. } => Step::End,
            Self::Opening { .. } => Step::Open,
            Self::Creating { .. } | Self::AwaitingResponse { .. } => Step::Create,
            Self::RecordingMade { .. } => Step::RecordMade,
            Self::WritingStatus { .. } => Step::WriteStatus,
            Self::MarkingDeleting(_) => Step::MarkDeleting,
            Self::DeletingMade(_) | Self::Deleting { .. } => Step::Delete,
            Self::DeletingUser(_) => Step::DeleteUser,
            Self::RemovingFinalizer(_) => Step::RemoveFinalizer,
            Self::DeletingLateCreates(_) => Step::DeleteLateCreate,
        }
    }
}
