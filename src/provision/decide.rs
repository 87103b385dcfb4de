//! What to do next for one kind of a user's resources: pure functions of what is wanted, what the database has (with ages by its
//! clock) and what AWS has shown in this pass. Each answers with one step. The step is taken, what has come of it is noted, and
//! the question is asked again, until the answer is an end. So they read like the protocol in design.md.

pub(super) mod provide;
pub(super) mod retire;

use std::collections::{BTreeMap, BTreeSet};

use super::{Circumstances, Owner};
use crate::{ivs::Tags, store::ResourceRecord};

/// What a Get says of one ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Its tags say that it is the user's.
    Ours,
    /// It has lost tags of ours; what is left says nothing against its being the user's.
    Untagged,
    /// Its tags name this user, and another installation.
    OtherInstallation,
    /// Its tags or a record say that it is another's: it is not touched (I2).
    Foreign,
    /// AWS does not show it.
    Absent,
}

impl Sight {
    /// What the tags of one that is there say, None where it is not.
    pub(super) fn of(owner: &Owner, tags: Option<&Tags>) -> Self {
        match tags {
            None => Self::Absent,
            Some(tags) if owner.owns(tags) => Self::Ours,
            Some(tags) if owner.may_own(tags) => Self::Untagged,
            Some(tags) if owner.is_named(tags) => Self::OtherInstallation,
            Some(_) => Self::Foreign,
        }
    }
}

/// What AWS has shown in this pass.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// What Gets have said, by ARN.
    pub shown: BTreeMap<String, Sight>,
    /// What a list has shown of the user's, the one to keep first; None where none was asked for.
    pub ours: Option<Vec<String>>,
    /// Those that are there, but not as the spec says.
    pub differing: BTreeSet<String>,
    /// Those whose deletion AWS has accepted, and duplicates that went on the orphan list.
    pub deleted: BTreeSet<String>,
    /// Those that were updated in this pass, and whose answer does not show it.
    pub unconfirmed: BTreeSet<String>,
}

/// The meaning of one resource that AWS does not show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It may be shown again: wait for the next complete list.
    Unproven,
    /// Too much is missing at once: a person decides.
    Braked,
    /// It is gone.
    Confirmed,
}

/// Returns true if two complete lists have proved that a recorded resource is gone, and no brake is on.
#[must_use]
pub fn is_proved_absent(arn: &str, recorded: &ResourceRecord, circumstances: &Circumstances) -> bool {
    absence(arn, recorded, circumstances) == Absence::Confirmed
}

/// The meaning of the absence of this resource. One answer proves nothing: it is believed after two complete lists a resync
/// apart, and not while the brake is on.
pub(super) fn absence(arn: &str, recorded: &ResourceRecord, circumstances: &Circumstances) -> Absence {
    let missing = recorded.missing.iter().find(|missing| missing.arn == arn);
    match missing {
        Some(missing) if !missing.released && circumstances.brake.is_some() => Absence::Braked,
        Some(missing) if missing.unlisted_for >= Some(circumstances.timing.evidence()) => Absence::Confirmed,
        _ => Absence::Unproven,
    }
}

impl Observed {
    fn sight(&self, arn: &str) -> Option<Sight> {
        self.shown.get(arn).copied()
    }
}
