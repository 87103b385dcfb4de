//! The next step on the way to one resource that is as the spec says.

use std::time::Duration;

use uuid::Uuid;

use super::{Absence, Observed, Sight, absence};
use crate::{
    api::{RecreatePolicy, tags},
    ivs::Listed,
    provision::{Change, Circumstances},
    store::{PendingUpdate, ResourceRecord, InFlight},
};

/// What is wanted, and what other records than the database say.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer of its own, and any of them may be true with any other"
)]
pub(in crate::provision) struct Wanted<'a> {
    /// Its ARN in status.
    pub status: Option<&'a str>,
    /// Its ARN as the last sweep saw it by its tags.
    pub swept: Option<&'a str>,
    /// Whether another record than the database has known the user before.
    pub known: bool,
    /// Whether all was seen to be as this generation of the spec says, and nothing has cast doubt on it since.
    pub settled: bool,
    /// True if this generation's settings and tags were sent before, so that a difference is drift.
    pub sent: bool,
    /// Whether somebody doubts that all is well: then what there is beside the one that is recorded is looked for too.
    pub doubted: bool,
    /// What to do when it is gone from AWS.
    pub recreate: RecreatePolicy,
}

impl Wanted<'_> {
    /// What another record than the database says of its ARN.
    fn elsewhere(&self) -> Option<&str> {
        self.status.or(self.swept)
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provision) enum Step {
    /// It is as it should be. An end.
    Ready(String),
    /// Nothing can be done just now. An end.
    Wait(Waiting),
    /// Nothing is there, and nothing can come: create. An end.
    Create(Change),
    /// The one that is recorded is another's, and there is none of ours. An end.
    Foreign(String),
    /// It is gone, and the spec says not to make another. An end.
    Gone(String),
    /// It is missing, and so is too much else. An end.
    Braked(String),
    /// The record names an AWS account or region that this controller does not work in. An end.
    Elsewhere(String),
    /// It carries the id of another installation. An end.
    OtherInstallation(String),
    /// It was updated, and AWS does not show it so. An end.
    DriftPersists(String),
    /// Ask for one by its ARN.
    Get(String),
    /// List what carries the user's tags.
    Look,
    /// The attempt made nothing, and is over.
    GiveUp(Uuid),
    /// From here on this one is the user's.
    Record(String),
    /// Send what differs from the spec.
    Edit(String),
    /// What was changed has been seen to stay.
    EndEdit(Uuid),
    /// Delete one beside the one to keep, if it is ours to delete.
    DeleteDuplicate(String),
}

/// Returns true if a change was sent so often, and did not stay, that it is left as it is.
pub(in crate::provision) fn is_left(edit: &PendingUpdate) -> bool {
    edit.repeats >= REPEATS
}

/// How often what does not stay is sent again: somebody else changes it back, or AWS shows it otherwise than it takes it. An
/// older change that lands later does so once.
const REPEATS: u32 = 3;

/// What is waited for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provision) enum Waiting {
    /// A Create may be under way: it must have ended, and AWS must show what it made.
    Outcome(Duration),
    /// AWS does not show the one that is known: the next resync lists everything again.
    Missing(String),
    /// AWS lists one and does not show it yet.
    Shown,
}

/// The step that what is known asks for.
pub(in crate::provision) fn next(
    wanted: &Wanted<'_>,
    recorded: &ResourceRecord,
    observed: &Observed,
    circumstances: &Circumstances,
) -> Step {
    let grace = circumstances.timing.grace;
    let known = recorded.arn.as_deref().or(wanted.elsewhere());
    if let Some(arn) = known.filter(|arn| !circumstances.target.holds(arn)) {
        return Step::Elsewhere(arn.to_owned());
    }
    if let Some(left) = recorded.remaining(grace) {
        return Step::Wait(Waiting::Outcome(left));
    }
    if let Some(attempt) = &recorded.attempt {
        return resolve(attempt, observed);
    }
    let Some(arn) = known else {
        return first(wanted, recorded, observed);
    };
    if is_settled(wanted, recorded, grace) {
        return Step::Ready(arn.to_owned());
    }
    match observed.sight(arn) {
        // Ten thousand that are missing are not asked for one by one: the next list shows them.
        None if absence(arn, recorded, circumstances) == Absence::Braked => Step::Braked(arn.to_owned()),
        None => Step::Get(arn.to_owned()),
        Some(Sight::Ours | Sight::Untagged) => settle(arn, wanted, recorded, observed, grace),
        Some(Sight::OtherInstallation) => Step::OtherInstallation(arn.to_owned()),
        Some(Sight::Foreign) => {
            another(arn, wanted, observed).unwrap_or_else(|| Step::Foreign(arn.to_owned()))
        }
        Some(Sight::Absent) => match absence(arn, recorded, circumstances) {
            Absence::Unproven => Step::Wait(Waiting::Missing(arn.to_owned())),
            Absence::Braked => Step::Braked(arn.to_owned()),
            Absence::Confirmed => {
                another(arn, wanted, observed).unwrap_or_else(|| replace(arn, wanted, recorded))
            }
        },
    }
}

/// No record names one. Of a user that the journal does not know, there may be one all the same: a person has let go of it, or
/// the database was lost.
fn first(wanted: &Wanted<'_>, recorded: &ResourceRecord, observed: &Observed) -> Step {
    if (wanted.known || recorded.is_abandoned) && !recorded.is_tried {
        if observed.ours.is_none() {
            return Step::Look;
        }
        return adopt(None, observed).unwrap_or(Step::Create(Change::Created));
    }
    Step::Create(Change::Created)
}

/// Whether nothing is to be looked at: status and database name the same one, and no change of it waits for a look.
fn is_settled(wanted: &Wanted<'_>, recorded: &ResourceRecord, grace: Duration) -> bool {
    wanted.settled
        && wanted.status.is_some()
        && wanted.status == recorded.arn.as_deref()
        && due_look(recorded, grace).is_none()
}

/// How long until what was changed is looked at once more: an older change may land until its grace has passed, and AWS may
/// show that as much later. None when that is so.
pub(in crate::provision) fn look_in(edit: &PendingUpdate, grace: Duration) -> Option<Duration> {
    edit.in_flight.remaining(grace.saturating_mul(2))
}

/// The change that is to be looked at once more now.
fn due_look(recorded: &ResourceRecord, grace: Duration) -> Option<&PendingUpdate> {
    recorded.pending_update.as_ref().filter(|edit| look_in(edit, grace).is_none())
}

/// The outcome of an attempt is unknown: what there is of ours is adopted; else it made nothing.
fn resolve(attempt: &InFlight, observed: &Observed) -> Step {
    match &observed.ours {
        None => Step::Look,
        Some(_) => adopt(None, observed).unwrap_or(Step::GiveUp(attempt.nonce)),
    }
}

/// The one that is known is not to be had: the one that another record names is taken, else one that carries our tags.
fn another(but: &str, wanted: &Wanted<'_>, observed: &Observed) -> Option<Step> {
    if let Some(arn) = wanted.elsewhere().filter(|arn| *arn != but) {
        match observed.sight(arn) {
            None => return Some(Step::Get(arn.to_owned())),
            Some(Sight::Ours | Sight::Untagged) => return Some(Step::Record(arn.to_owned())),
            Some(_) => {}
        }
    }
    if observed.ours.is_none() { Some(Step::Look) } else { adopt(Some(but), observed) }
}

/// Takes on the first of those that were found. Recorded before the others go, so that whoever looks meanwhile keeps the same.
fn adopt(but: Option<&str>, observed: &Observed) -> Option<Step> {
    // A list may still show what a Get does not.
    let is_another = |arn: &&String| {
        but != Some(arn.as_str())
            && !matches!(observed.sight(arn), Some(Sight::Foreign | Sight::OtherInstallation))
    };
    let arn = observed.ours.iter().flatten().find(is_another)?;
    Some(match observed.sight(arn) {
        None => Step::Get(arn.clone()),
        Some(Sight::Absent) => Step::Wait(Waiting::Shown),
        Some(_) => Step::Record(arn.clone()),
    })
}

/// It is gone. One that only the last sweep has seen was not the account's: somebody has let go of it, and deleted it.
fn replace(gone: &str, wanted: &Wanted<'_>, recorded: &ResourceRecord) -> Step {
    if recorded.arn.is_none() && wanted.status.is_none() {
        return Step::Create(Change::Created);
    }
    match wanted.recreate {
        RecreatePolicy::Always => Step::Create(Change::Recreated),
        RecreatePolicy::Never => Step::Gone(gone.to_owned()),
    }
}

/// This one is the user's and there: records, settings and tags are set right, and what there is beside it goes.
fn settle(arn: &str, wanted: &Wanted<'_>, recorded: &ResourceRecord, observed: &Observed, grace: Duration) -> Step {
    if recorded.arn.as_deref() != Some(arn) {
        return Step::Record(arn.to_owned());
    }
    // Before it is changed, which AWS may not take.
    if wanted.doubted && observed.ours.is_none() {
        return Step::Look;
    }
    if let Some(step) = earlier(recorded, observed).or_else(|| duplicate(arn, observed)) {
        return step;
    }
    if observed.differing.contains(arn) {
        return drift(arn, wanted, recorded, observed, grace);
    }
    match due_look(recorded, grace) {
        Some(edit) => Step::EndEdit(edit.in_flight.nonce),
        None => Step::Ready(arn.to_owned()),
    }
}

/// It is not as the spec says. What was sent and does not stay is sent again when no older change can land any more, and
/// after some repeats left as it is.
fn drift(arn: &str, wanted: &Wanted<'_>, recorded: &ResourceRecord, observed: &Observed, grace: Duration) -> Step {
    let is_sent = match &recorded.pending_update {
        Some(edit) if wanted.sent => look_in(edit, grace).is_some() || is_left(edit),
        _ => false,
    };
    if is_sent || observed.unconfirmed.contains(arn) {
        Step::DriftPersists(arn.to_owned())
    } else {
        Step::Edit(arn.to_owned())
    }
}

/// One that was recorded before the one that is now, was thought gone, and is there: it is the one that people use.
fn earlier(recorded: &ResourceRecord, observed: &Observed) -> Option<Step> {
    let is_listed = |arn: &&String| observed.ours.iter().flatten().any(|listed| listed == *arn);
    let candidates = recorded.former.iter().filter(is_listed);
    candidates.map(|arn| (arn, observed.sight(arn))).find_map(|(arn, sight)| match sight {
        None => Some(Step::Get(arn.clone())),
        Some(Sight::Ours) => Some(Step::Record(arn.clone())),
        Some(_) => None,
    })
}

/// One of ours beside the one to keep. Its tags are read once more before it goes.
fn duplicate(keep: &str, observed: &Observed) -> Option<Step> {
    let others =
        observed.ours.iter().flatten().filter(|arn| *arn != keep && !observed.deleted.contains(*arn));
    others.map(|arn| (arn, observed.sight(arn))).find_map(|(arn, sight)| match sight {
        None => Some(Step::Get(arn.clone())),
        Some(Sight::Ours) => Some(Step::DeleteDuplicate(arn.clone())),
        Some(_) => None,
    })
}

/// Of several that are ours, the one to keep comes first: the one that was recorded first, else the one that another
/// record has, else the one of the oldest attempt, else the first by ARN. So whoever looks comes to the same result.
pub(in crate::provision) fn rank(
    ours: &mut [Listed],
    wanted: &Wanted<'_>,
    recorded: &ResourceRecord,
    attempts: &[Uuid],
) {
    let age = |listed: &Listed| {
        let nonce = listed.tags.get(tags::ATTEMPT);
        attempts.iter().position(|attempt| Some(&attempt.to_string()) == nonce).unwrap_or(usize::MAX)
    };
    ours.sort_by_cached_key(|listed| {
        let records = recorded.former.iter().chain(&recorded.arn);
        let place =
            records.enumerate().find(|(_, arn)| **arn == listed.arn).map_or(usize::MAX, |(place, _)| place);
        let is_elsewhere = wanted.elsewhere() == Some(listed.arn.as_str());
        (place, !is_elsewhere, age(listed), listed.arn.clone())
    });
}

#[cfg(test)]
mod tests;
