//! One reconcile: an account is provided for, or it is being deleted and released.

use std::sync::Arc;

use kube::runtime::controller::Action;

use super::{
    Context, World,
    error::{DEADLINE, Error},
    provide::provide,
    release::release,
};
use crate::api::StreamerAccount;

/// Makes an account's resources as its spec says, or takes them away.
pub async fn reconcile<W: World>(
    account: Arc<StreamerAccount>,
    context: Arc<Context<W>>,
) -> Result<Action, Error> {
    let started = std::time::Instant::now();
    let work = async {
        if account.metadata.deletion_timestamp.is_some() {
            release(&account, &context).await
        } else {
            provide(&account, &context).await
        }
    };
    let result = tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(Error::Deadline));
    let label = match &result {
        Ok(action) if *action == Action::await_change() => "success",
        Ok(_) => "requeue_after",
        Err(_) => "error",
    };
    context.metrics.reconciled(label, started.elapsed());
    result
}
