//! One that is known and that AWS does not show: not believed at once, then replaced as the spec says.

use std::time::Duration;

use super::{
    Change, Error, Outcome, Result, Wait,
    converge::Work,
    decide::{Absence, absence},
};
use crate::{
    api::RecreatePolicy,
    ivs::Kind,
    store::{Journal, Recorded, Resources},
};

impl<K, S> Work<'_, K, S>
where
    K: Kind,
    S: Journal + Resources,
{
    /// AWS does not show the one that is known.
    pub(super) async fn miss(&self, recorded: &Recorded, arn: &str) -> Result<Outcome<K::Status>> {
        match absence(arn, recorded, self.timing.grace) {
            Absence::Note => {
                self.store.note_missing(self.order.owner.user, K::KIND, arn).await?;
                tracing::warn!(arn, kind = %K::KIND, "AWS does not show it: it is looked for again after the grace");
                Ok(missing::<K>(arn, self.timing.grace))
            }
            Absence::Wait(left) => Ok(missing::<K>(arn, left)),
            Absence::Believe => self.replace(recorded, arn).await,
        }
    }

    /// Another takes the place of one that is gone, if there is one or the spec says to make it.
    async fn replace(&self, recorded: &Recorded, gone: &str) -> Result<Outcome<K::Status>> {
        if let Some(outcome) = self.take_elsewhere(recorded, gone).await? {
            return Ok(outcome);
        }
        match (self.find_ours(recorded, Some(gone)).await?.split_first(), self.order.recreate) {
            (Some((keep, surplus)), _) => self.adopt(recorded, keep, surplus).await,
            (None, RecreatePolicy::Always) => self.create(recorded, Change::Recreated).await,
            (None, RecreatePolicy::Never) => Err(Error::Gone { kind: K::KIND, arn: gone.to_owned() }),
        }
    }

    /// It is shown: if it was missed before, it is not any more.
    pub(super) async fn seen(&self, recorded: &Recorded) -> Result<()> {
        match recorded.missing {
            Some(_) => Ok(self.store.note_seen(self.order.owner.user, K::KIND).await?),
            None => Ok(()),
        }
    }
}

fn missing<K: Kind>(arn: &str, wait: Duration) -> Outcome<K::Status> {
    let message = format!("AWS does not show the {} {arn}: waiting, then looking again", K::KIND);
    Outcome::Waiting(Wait { wait, reason: "ResourceMissing", message })
}
