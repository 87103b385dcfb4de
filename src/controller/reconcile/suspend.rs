//! A suspended account: nothing is created or changed in AWS for it.

use std::time::Duration;

use crate::{
    api::StreamerAccount,
    controller::{
        account::AccountExt,
        backends::Backends,
        context::{Context, DirtyMark},
        error::Error,
        status::publish_suspended,
    },
};

/// Reports that an account is suspended. Forgets what was to be checked: when the account is resumed, all of
/// it is checked.
pub(super) async fn report_suspended<B: Backends>(
    mut account: StreamerAccount,
    context: &Context<B>,
    dirty: Option<DirtyMark>,
) -> Result<Option<Duration>, Error> {
    let key = account.reference();
    let marks = context.unverified.of(&key);
    publish_suspended(&mut account, context).await?;
    context.clear_dirty(&key, dirty);
    context.unverified.clear(&key, marks, |_| false);
    context.rechecks.schedule(&key, None);
    context.shared_waits.forget(&key);
    context.backoff.reset(&key);
    Ok(None)
}
