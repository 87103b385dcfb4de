//! The account is deleted, with everything that belongs to it.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::ListParams;
use testbed::{Error, Tenant, wait};

use super::{USERNAME, views};
use crate::stack::Stack;
use crate::transcript::Transcript;

/// Maximum time until the garbage collector deletes the Secret.
const SECRET_GONE_TIMEOUT: Duration = Duration::from_mins(1);

pub(super) async fn run(transcript: &mut Transcript, stack: &Stack) -> Result<(), Error> {
    let tenant = &stack.tenant;
    transcript.step(&format!("kubectl delete removes everything of {USERNAME}"));
    views::kubectl(transcript, tenant, &["delete", "streamer", USERNAME, "--timeout=60s"]).await?;
    check_gone_from_kubernetes(transcript, tenant).await?;
    check_gone_from_postgres(transcript, tenant).await?;
    let left = views::show_resources(transcript, tenant).await?;
    transcript.check(
        "AWS has no resource of the account",
        left.is_empty(),
        format!("{} resources", left.len()),
    )?;
    let page = format!("{}/accounts/{USERNAME}", stack.registration.url());
    let response = views::page(transcript, &page).await?;
    transcript.check("the account page is gone", response.status == 404, response.status)
}

async fn check_gone_from_kubernetes(transcript: &Transcript, tenant: &Tenant) -> Result<(), Error> {
    wait::until("the Secret is gone", SECRET_GONE_TIMEOUT, || async {
        let secrets = views::secrets(tenant).list(&ListParams::default()).await.map_err(|e| e.to_string())?;
        let names: Vec<_> =
            secrets.iter().map(ResourceExt::name_any).filter(|name| name.contains(USERNAME)).collect();
        if names.is_empty() { Ok(()) } else { Err(names.join(", ")) }
    })
    .await?;
    let left = views::kubectl(transcript, tenant, &["get", "streamer,secrets"]).await?;
    transcript.check("Kubernetes has neither the account nor its Secret", !left.contains(USERNAME), left)
}

async fn check_gone_from_postgres(transcript: &Transcript, tenant: &Tenant) -> Result<(), Error> {
    let rows = views::psql(transcript, tenant, views::ROWS).await?;
    transcript.check("PostgreSQL has no row of the account", !rows.contains(USERNAME), rows)
}
