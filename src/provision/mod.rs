//! Provisioning of a user's AWS resources: create once, adopt, update, and delete. One generic
//! implementation serves all kinds.
//!
//! - [`converge`] brings one kind of resource to what the spec says; [`delete_all`] deletes it. Each is a
//!   loop around a pure function in `decide`, which returns the next step.
//! - [`compare_with_records`] and [`find_absences`] compare a complete list of AWS with the records, at each
//!   resync. Both are pure.
//! - [`orphan_changes`] computes the changes to the orphan list.
//!
//! The protocol is described in docs/architecture.md, section "Creating once".

mod absences;
mod applied;
mod comparison;
mod converge;
mod create;
mod decide;
mod decision_context;
mod declared;
mod delete;
mod desired;
mod differences;
mod error;
mod inventory;
mod observe;
mod orphans;
mod outcome;
mod owner;
mod recorded_rows;
mod status_record;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

pub use absences::{AbsenceFindings, Brake, BrakeLimits, CompleteList, KnownResource, find_absences};
pub use comparison::{ComparisonReport, Duplicates, compare_with_records, pending_rechecks};
pub use converge::converge;
pub use decide::{
    Observed, ObservedOwnership,
    converge::{ConvergeStep, ConvergeWait, DecisionInput, next as next_step},
    is_confirmed_absent,
};
pub use decision_context::{DecisionContext, Timing};
pub use declared::DeclaredFields;
pub use delete::{DeletionOutcome, delete_all, delete_late_create};
pub use desired::DesiredResource;
pub use differences::differences_from_spec;
pub use error::{Error, Result};
pub use inventory::{ContradictedStatus, Inventory, ListScope, Listing, TaggedResource};
pub use orphans::{describe_orphan, orphan_changes};
pub use outcome::{Change, Drift, DriftCause, Outcome, Provisioned, Wait};
pub use owner::Owner;
pub use recorded_rows::RecordedRows;
pub use status_record::{AccountState, StatusEntry, StatusRecord, StatusRecords};
