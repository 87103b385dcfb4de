//! Decisions about the next step for one kind of a user's resources. Pure functions of three inputs: the
//! desired state, the records in the database (with ages by its clock), and what AWS has returned in this
//! pass. The caller takes the step, adds its result to the inputs, and asks again, until the step is final.
//! So this code reads like the protocol in docs/architecture.md, section "Creating once".

pub(super) mod converge;
pub(super) mod delete;

use std::collections::{BTreeMap, BTreeSet};

use super::{DecisionContext, Owner};
use crate::{ivs::Tags, store::ResourceRecord};

/// The ownership of one resource, as a Get returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservedOwnership {
    /// The tags name this user and this installation.
    Owned,
    /// Some of the operator's tags are missing, and those that remain do not name another owner.
    Untagged,
    /// The tags name this user and another installation.
    OtherInstallation,
    /// The tags or a record name another user. The resource is not touched (I2).
    Foreign,
    /// AWS does not return the resource.
    Absent,
}

impl ObservedOwnership {
    /// Returns the ownership by tags; None for a resource that does not exist.
    pub(super) fn of(owner: &Owner, tags: Option<&Tags>) -> Self {
        match tags {
            None => Self::Absent,
            Some(tags) if owner.owns(tags) => Self::Owned,
            Some(tags) if owner.may_own(tags) => Self::Untagged,
            Some(tags) if owner.is_user_of(tags) => Self::OtherInstallation,
            Some(_) => Self::Foreign,
        }
    }
}

/// The state of AWS as this pass has observed it.
#[derive(Debug, Default)]
pub struct Observed {
    /// Results of Gets, by ARN.
    pub ownership: BTreeMap<String, ObservedOwnership>,
    /// ARNs that a list contained with the user's tags, the one to keep first; None before the list.
    pub owned: Option<Vec<String>>,
    /// Resources that exist but differ from the spec.
    pub differing: BTreeSet<String>,
    /// Resources whose deletion AWS has accepted, and duplicates that went onto the orphan list.
    pub deleted: BTreeSet<String>,
    /// Resources that were updated in this pass, but whose update AWS's response does not contain.
    pub unconfirmed: BTreeSet<String>,
}

impl Observed {
    fn ownership_of(&self, arn: &str) -> Option<ObservedOwnership> {
        self.ownership.get(arn).copied()
    }
}

/// The meaning of the absence of one resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// The resource may reappear. The next complete list decides.
    Unproven,
    /// Too many resources are missing at once: a person decides.
    Braked,
    /// The resource is gone.
    Confirmed,
}

/// Returns true if two complete lists have confirmed that a recorded resource is gone, and no brake is
/// engaged.
#[must_use]
pub fn is_confirmed_absent(arn: &str, recorded: &ResourceRecord, context: &DecisionContext) -> bool {
    absence(arn, recorded, context) == Absence::Confirmed
}

/// Returns the meaning of a resource's absence. A single read proves nothing: the absence is confirmed by two
/// complete lists one resync apart, and only while no brake is engaged.
pub(super) fn absence(arn: &str, recorded: &ResourceRecord, context: &DecisionContext) -> Absence {
    let missing = recorded.missing.iter().find(|missing| missing.arn == arn);
    match missing {
        Some(missing) if !missing.released && context.brake.is_some() => Absence::Braked,
        Some(missing) if missing.unlisted_for >= Some(context.timing.min_time_between_lists()) => {
            Absence::Confirmed
        }
        _ => Absence::Unproven,
    }
}
