//! Resources that are missing from AWS, and the brake.

use crate::api::{RECONCILE_AT_ANNOTATION, ResourceKind};

pub(crate) fn missing(kind: ResourceKind, arn: &str) -> String {
    format!(
        "The {kind} {arn} is missing from AWS, but the operator did not delete it. It counts as gone once two complete lists, one resync apart, do not contain it."
    )
}

pub(crate) fn gone(kind: ResourceKind, arn: &str) -> String {
    format!(
        "The {kind} {arn} is gone from AWS and is not replaced, because recreatePolicy is Never. Set spec.recreatePolicy to Always, or delete the account. To check AWS again, change the annotation {RECONCILE_AT_ANNOTATION}."
    )
}

/// `brake`: the reason of the brake, and how to release it.
pub(crate) fn braked(kind: ResourceKind, arn: &str, brake: &str) -> String {
    format!("The {kind} {arn} is missing from AWS, and the brake is engaged. {brake}")
}

/// Too many resources of one kind are missing.
pub(crate) fn too_many_missing(kind: ResourceKind, missing: usize, recorded: usize) -> String {
    let finding = format!(
        "{missing} of {recorded} {kind}s are missing or were replaced within 24 hours, although the operator did not delete them"
    );
    brake(kind, &finding)
}

/// AWS lists nothing of this installation.
pub(crate) fn nothing_listed(kind: ResourceKind, recorded: usize) -> String {
    let finding = format!(
        "AWS lists no resource of this installation, although {recorded} {kind}s are recorded: check the endpoint, the region, and the credentials"
    );
    brake(kind, &finding)
}

fn brake(kind: ResourceKind, finding: &str) -> String {
    format!(
        "{finding}. Nothing is created or deleted in their place until AWS lists them again. If they are really gone, run: streamcat-operator release-brake --kind {}",
        kind.label()
    )
}

pub(crate) const NO_RECENT_LIST: &str = "No complete list of AWS was received recently, so it is not known how much is missing. Nothing is created or deleted in place of a missing resource until the next resync.";
