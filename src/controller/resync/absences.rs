//! Absences: recorded resources that a complete list does not contain, and the brakes that follow.

use std::{collections::BTreeSet, time::Duration};

use uuid::Uuid;

use crate::{
    controller::{backends::Backends, blocker::Blocker, context::Context},
    provision::{CompleteList, KnownResource, find_absences},
    store::{Absences, Evidence},
};

/// Compares a complete list, which ended this long ago, with the recorded resources. Records which of them
/// are missing, and sets the brakes. Returns the users whose evidence changed. The evidence counts from the
/// end of the list: when it began, a resource may still have been on a page that was not read yet.
pub(super) async fn note_absences<B: Backends>(
    context: &Context<B>,
    list: &CompleteList,
    known: &[KnownResource<'_>],
    absences: &Absences,
    age: Duration,
) -> Result<BTreeSet<Uuid>, Blocker> {
    let target = context.target();
    let findings = find_absences(list, known, absences, &target, context.limits, context.timing);
    // The list says nothing about resources that are recorded in another AWS account or region.
    if !findings.changes.is_empty() && context.halt().is_none() {
        context.backends.store().note_absences(&findings.changes, age).await?;
    }
    context.metrics.set_absences(&findings.missing, &findings.brakes.keys().copied().collect());
    context.set_brakes(findings.brakes);
    Ok(findings.users)
}
