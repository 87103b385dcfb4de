//! Verification of new orphans: a list that takes long contains resources that are gone when the records are
//! read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    api::tags,
    controller::{backends::Backends, context::Context},
    ivs::{self, Class, Kind, Tags, dispatch_kind},
    store::{Orphan, OrphanRow},
};

/// Maximum duration of a list whose new orphans are not verified.
const MAX_UNVERIFIED: Duration = Duration::from_secs(5);

/// Maximum number of orphans that one resync verifies. The next ones follow with the next resync.
const MAX_GETS: usize = 200;

/// Reads each orphan that is not on the list (`rows`) yet, and removes it from `orphans` unless it still
/// exists with the same owner in its tags: its account may have been deleted with everything since the list
/// showed it. Does nothing if the lists took only a moment. Returns those that are gone.
pub(super) async fn verify_new_orphans<B: Backends>(
    context: &Context<B>,
    rows: &[OrphanRow],
    orphans: &mut BTreeMap<String, Orphan>,
    took: Duration,
) -> BTreeSet<String> {
    if took <= MAX_UNVERIFIED {
        return BTreeSet::new();
    }
    let known: BTreeSet<&str> = rows.iter().filter_map(|row| row.orphan.arn.as_deref()).collect();
    let new: Vec<_> = orphans.keys().filter(|arn| !known.contains(arn.as_str())).cloned().collect();
    let (mut gets, mut unread, mut gone) = (0, 0, BTreeSet::new());
    for arn in new {
        let Some(mut orphan) = orphans.remove(&arn) else { continue };
        if gets >= MAX_GETS {
            unread += 1;
            continue;
        }
        gets += 1;
        match live_tags(context, &orphan, &arn).await {
            Ok(Some(tags)) if is_of(context, &orphan, &tags) => {
                orphan.attempt = orphan.attempt.or_else(|| tags.get(tags::ATTEMPT)?.parse().ok());
                orphans.insert(arn, orphan);
            }
            Ok(_) => {
                tracing::debug!(arn, "no orphan: it was deleted or changed during the list");
                gone.insert(arn);
            }
            Err(error) => {
                tracing::warn!(arn, %error, "a new orphan could not be read");
                unread += 1;
                // A timeout takes long, and the next calls would end in the same way.
                gets = if error.class == Class::Transient { MAX_GETS } else { gets };
            }
        }
    }
    if unread > 0 {
        tracing::warn!(unread, "not all new orphans were read: the next resync goes on with the others");
    }
    gone
}

/// Reads the tags of an orphan.
async fn live_tags<B: Backends>(
    context: &Context<B>,
    orphan: &Orphan,
    arn: &str,
) -> ivs::Result<Option<Tags>> {
    dispatch_kind!(context.backends, orphan.kind, |kind| Ok(kind.get(arn).await?.map(|live| live.tags)))
}

/// Returns true if tags name this installation, and the owner of the orphan.
fn is_of<B: Backends>(context: &Context<B>, orphan: &Orphan, tags: &Tags) -> bool {
    let user = tags.get(tags::USER).and_then(|user| user.parse().ok());
    tags.get(tags::INSTALLATION) == Some(&context.installation) && user == orphan.user
}
