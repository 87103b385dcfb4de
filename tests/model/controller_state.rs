//! Where a controller is in the code, and what it remembers.

use super::{
    actions::Step,
    state::{Nonce, Uid, UserId},
};

/// The object and the user that a controller works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    pub uid: Uid,
    pub user: UserId,
}

/// What a claim is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    Apply { dirty: bool },
    Cleanup,
}

/// A set of resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Set(u8);

impl Set {
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

impl FromIterator<Nonce> for Set {
    fn from_iter<I: IntoIterator<Item = Nonce>>(nonces: I) -> Self {
        Self(nonces.into_iter().fold(0, |set, nonce| set | 1 << nonce))
    }
}

/// Where a controller is in the code, and what it remembers: all of it may be out of date when it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ControllerState {
    Idle,
    /// The sweep found that the records do not agree.
    Dirty,
    AddsFinalizer(Uid),
    Claims {
        uid: Uid,
        purpose: Purpose,
    },
    /// The row names another object; `seen`: ours is still there.
    Inherits {
        owner: Owner,
        from: Uid,
        purpose: Purpose,
        seen: bool,
    },
    Converges {
        owner: Owner,
        dirty: bool,
    },
    Looks {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        but: Option<Nonce>,
    },
    /// Looks at the one it keeps.
    Adopts {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: Set,
    },
    Records {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: Set,
    },
    DeletesDuplicates {
        owner: Owner,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: Set,
    },
    /// Ends an attempt that it looked for; nothing was found where there is none to `keep`.
    GivesUp {
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Nonce,
        keep: Option<Nonce>,
    },
    Inspects {
        owner: Owner,
        recorded: Option<Nonce>,
        arn: Nonce,
        dirty: bool,
    },
    RemovesOthers {
        owner: Owner,
        arn: Nonce,
    },
    Opens {
        owner: Owner,
        known: Option<Nonce>,
    },
    Creates {
        owner: Owner,
        nonce: Nonce,
    },
    /// The call is out.
    Awaits {
        owner: Owner,
        nonce: Nonce,
    },
    RecordsMade {
        owner: Owner,
        nonce: Nonce,
    },
    /// Its attempt was not open any more: what it made is one too many.
    DeletesMade(Nonce),
    WritesStatus {
        uid: Uid,
        arn: Nonce,
    },
    Leaves(Owner),
    Retires(Owner),
    Finds {
        owner: Owner,
        recorded: Option<Nonce>,
    },
    Deletes {
        owner: Owner,
        doomed: Set,
    },
    Releases(Owner),
    RemovesFinalizer(Uid),
    /// The sweep deletes what is a released user's.
    Sweeps(Set),
}

impl ControllerState {
    /// What the controller does next.
    pub fn step(self) -> Step {
        match self {
            Self::Idle | Self::Dirty => Step::Current,
            Self::AddsFinalizer(_) => Step::AddFinalizer,
            Self::Claims { .. } => Step::Claim,
            Self::Inherits { .. } => Step::Inherit,
            Self::Converges { .. } => Step::Recorded,
            Self::Looks { .. } => Step::Look,
            Self::Adopts { .. } => Step::Get,
            Self::Records { .. } => Step::Record,
            Self::DeletesDuplicates { .. } => Step::DeleteDuplicates,
            Self::GivesUp { .. } => Step::End,
            Self::Inspects { .. } => Step::Inspect,
            Self::RemovesOthers { .. } => Step::RemoveOthers,
            Self::Opens { .. } => Step::Open,
            Self::Creates { .. } | Self::Awaits { .. } => Step::Create,
            Self::RecordsMade { .. } => Step::RecordMade,
            Self::DeletesMade(_) => Step::DeleteMade,
            Self::WritesStatus { .. } => Step::WriteStatus,
            Self::Leaves(_) => Step::Leave,
            Self::Retires(_) => Step::Retire,
            Self::Finds { .. } => Step::Find,
            Self::Deletes { .. } => Step::Delete,
            Self::Releases(_) => Step::Release,
            Self::RemovesFinalizer(_) => Step::RemoveFinalizer,
            Self::Sweeps(_) => Step::DeleteSwept,
        }
    }
}
