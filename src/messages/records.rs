//! Records and resources that differ: from the spec, from each other, or from what this controller works
//! with.

use crate::api::{Field, FieldDifference, RECONCILE_AT_ANNOTATION, ResourceKind, tags::INSTALLATION};

// Drift.

/// Names fields with the value in AWS and the desired one.
pub(crate) fn differences(differences: &[FieldDifference]) -> String {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "unset".to_owned(), shortened);
    let describe = |FieldDifference { field, live, desired }: &FieldDifference| {
        format!("{field} is {}, not {}", text(live), text(desired))
    };
    differences.iter().map(describe).collect::<Vec<_>>().join("; ")
}

/// Maximum length of a value in a text.
const MAX_VALUE: usize = 160;

fn shortened(value: &str) -> String {
    if value.chars().count() <= MAX_VALUE {
        return value.to_owned();
    }
    value.chars().take(MAX_VALUE).chain(['…']).collect()
}

/// `found`: what differed, before it was changed back.
pub(crate) fn drift_corrected(kind: ResourceKind, found: &[FieldDifference]) -> String {
    format!(
        "Something else had changed the {kind} in AWS, and it was changed back. Found: {}.",
        differences(found)
    )
}

pub(crate) fn drift_retried(noun: &str, found: &[FieldDifference]) -> String {
    format!(
        "Updated the {noun}, but AWS still returns other values than the spec has ({}). The update is sent again shortly.",
        differences(found)
    )
}

pub(crate) fn drift_detected(noun: &str, found: &[FieldDifference]) -> String {
    format!(
        "Something else has changed the {noun} in AWS: {}. It is left as it is, because the drift policy is Report. Change the spec to the new values, change AWS back, or set spec.driftPolicy to Correct.",
        differences(found)
    )
}

pub(crate) fn drift_not_kept(noun: &str, found: &[FieldDifference]) -> String {
    format!(
        "The {noun} does not keep the values of the spec ({}): AWS does not keep them, or something else changes them at once. They were sent four times, and are not sent again. {}",
        differences(found),
        how_to_resend()
    )
}

pub(crate) fn drift_contested(noun: &str, found: &[FieldDifference]) -> String {
    format!(
        "Something else keeps changing the {noun} ({}). It was changed back five times within 24 hours, and is left as it is until fewer of these are that recent. {}",
        differences(found),
        how_to_resend()
    )
}

fn how_to_resend() -> String {
    format!("Change the spec, or request another update with the annotation {RECONCILE_AT_ANNOTATION}.")
}

// Owners.

pub(crate) fn foreign(kind: ResourceKind, arn: &str) -> String {
    format!(
        "The {kind} {arn} is recorded for this user, but its tags or another user's record say that it belongs to someone else. Correct the tags, or the row in the database."
    )
}

/// One resource is recorded in another AWS account or region.
pub(crate) fn resource_elsewhere(kind: ResourceKind, arn: &str, recorded: &str, target: &str) -> String {
    recorded_elsewhere(&format!("The {kind} {arn} is"), recorded, target)
}

/// Several resources are recorded in another AWS account or region.
pub(crate) fn resources_elsewhere(elsewhere: usize, all: usize, recorded: &str, target: &str) -> String {
    recorded_elsewhere(&format!("{elsewhere} of {all} resources are"), recorded, target)
}

fn recorded_elsewhere(resources_are: &str, recorded: &str, target: &str) -> String {
    format!(
        "{resources_are} recorded in {recorded}, but this controller works in {target}. Nothing is created or deleted for what is recorded there. Start the controller with the region and the credentials of the records."
    )
}

/// The location of an ARN that names none.
pub(crate) const UNKNOWN_LOCATION: &str = "an unknown location";

pub(crate) fn resource_of_other_installation(kind: ResourceKind, arn: &str) -> String {
    other_installation(&format!("The {kind} {arn} belongs to another installation (tag {INSTALLATION})"))
}

/// `known`: the id in the database. `set`: the id that the controller is set to.
pub(crate) fn database_of_other_installation(known: &str, set: &str) -> String {
    other_installation(&format!(
        "The database belongs to installation {known:?}, but this controller is set to {set:?}"
    ))
}

fn other_installation(finding: &str) -> String {
    format!(
        "{finding}. Nothing is created or deleted. Set --installation-id to that installation's id, or use another database."
    )
}

// Changes.

pub(crate) fn record_corrected(kind: ResourceKind, now: &str) -> String {
    format!("The database named another {kind}, which does not exist. It now names {now}.")
}

/// `replaced`: the ARNs before and after, if they are known.
pub(crate) fn recreated(kind: ResourceKind, replaced: Option<(&str, &str)>) -> String {
    let (before, now) =
        replaced.map_or_else(Default::default, |(before, now)| (format!(" {before}"), format!(": {now}")));
    format!("Created the {kind}{before} again, because it was gone from AWS{now}.")
}

pub(crate) fn arn_changed(kind: ResourceKind, before: &str, now: &str) -> String {
    format!("The records of the {kind} differed: {now} replaces {before} in status.")
}

pub(crate) fn adopted(kind: ResourceKind) -> String {
    format!("Adopted the {kind} of an earlier attempt.")
}

pub(crate) fn recovered(kind: ResourceKind) -> String {
    format!(
        "Adopted the {kind} by its tags, because no record named it. Only the current spec is applied: settings and tags of an earlier spec stay as they are in AWS."
    )
}

/// `fields`: settings that the spec no longer names.
pub(crate) fn kept<'f>(fields: impl IntoIterator<Item = &'f Field>) -> String {
    let fields: Vec<_> = fields.into_iter().map(Field::to_string).collect();
    format!(
        "The spec no longer names {}. AWS has no default for that, so the last value stays.",
        fields.join(", ")
    )
}

pub(crate) fn updated(kind: ResourceKind) -> String {
    format!("Updated the {kind} to match the spec.")
}
