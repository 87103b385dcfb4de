//! The two ways to uninstall the release: with its accounts, and without.

use std::time::{Duration, Instant};

use kube::api::{DeleteParams, ListParams};
use testbed::{Error, wait};

use super::release::{Release, SECOND_TAG};
use super::{evidence, report};

const CRD: &str = "streameraccounts.streamcat.dev";
/// Time until all accounts are deleted.
const DELETE_TIMEOUT: Duration = Duration::from_mins(10);

/// Uninstalls the release as its values say, with `crds.keep`, and installs it again: the accounts must stay
/// as they are.
pub(super) async fn keeping_accounts(release: &Release, accounts: usize) -> Result<(), Error> {
    let (start, before) = (Instant::now(), release.simulator().counts());
    release.uninstall().await?;
    report("helm uninstall with crds.keep", start);
    evidence::count(release, accounts).await?;
    let start = Instant::now();
    release.install(SECOND_TAG).await?;
    evidence::count(release, accounts).await?;
    let after = release.simulator().counts();
    if format!("{before:?}") != format!("{after:?}") {
        return Err(Error::Unexpected(format!("AWS resources changed: {before:?}, then {after:?}")));
    }
    report("the accounts are as before after helm install", start);
    Ok(())
}

/// Deletes all accounts and uninstalls the release with its CustomResourceDefinition: nothing must be left,
/// except the rows of the audit log.
pub(super) async fn everything(release: &Release) -> Result<(), Error> {
    release.upgrade(&["crds.keep=false"]).await?;
    let start = Instant::now();
    let (accounts, all) = (release.cluster().accounts(), ListParams::default());
    let deleted = accounts.delete_collection(&DeleteParams::default(), &all).await;
    deleted.map_err(Error::kube("delete the accounts"))?;
    wait::until("all accounts are deleted", DELETE_TIMEOUT, || async {
        let left = accounts.list(&all).await.map_err(|e| e.to_string())?.items.len();
        if left == 0 { Ok(()) } else { Err(format!("{left} are left")) }
    })
    .await?;
    report("all accounts are deleted", start);
    release.uninstall().await?;
    evidence::nothing_left(release, CRD).await
}
