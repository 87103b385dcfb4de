//! Lines of `/readyz` that name no failure of their own: its notes, and gates that were not checked or that a
//! shutdown closed.

use crate::api::ResourceKind;

pub(crate) const NOT_CHECKED_YET: &str = "not checked yet";

pub(crate) const CHECK_TIMED_OUT: &str = "no answer in time";

pub(crate) const SHUTTING_DOWN: &str = "the process is shutting down";

pub(crate) const LEASE_TIMED_OUT: &str = "the API server did not answer in time";

pub(crate) const CRD_MISSING: &str = "the CustomResourceDefinition of StreamerAccounts is missing; apply it: streamcat-operator crds | kubectl apply -f -";

/// The name of the note about records of another AWS account or region.
pub(crate) const ELSEWHERE_NOTE: &str = "recorded elsewhere";

/// The name of the note about a brake.
pub(crate) fn brake_note(kind: ResourceKind) -> String {
    format!("brake on {kind}s")
}
