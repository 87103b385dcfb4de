//! The account is deleted, and all of it is gone.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::ListParams;
use testbed::{Error, Tenant, wait};

use super::{USERNAME, sides};
use crate::scene::Scene;
use crate::story::Story;

/// The garbage collector takes its time with the Secret.
const GONE_DEADLINE: Duration = Duration::from_mins(1);

pub(super) async fn tell(story: &mut Story, scene: &Scene) -> Result<(), Error> {
    let tenant = &scene.tenant;
    story.step(&format!("{USERNAME} leaves: one kubectl delete takes all of it away"));
    sides::kubectl(story, tenant, &["delete", "streamer", USERNAME, "--timeout=60s"]).await?;
    gone_from_kubernetes(story, tenant).await?;
    gone_from_postgres(story, tenant).await?;
    let left = sides::show_resources(story, tenant).await?;
    story.check("AWS has nothing of it", left.is_empty(), format!("{} resources", left.len()))?;
    let page = format!("{}/accounts/{USERNAME}", scene.registration.url());
    let answer = sides::page(story, &page).await?;
    story.check("the page of the account is gone", answer.status == 404, answer.status)
}

async fn gone_from_kubernetes(story: &Story, tenant: &Tenant) -> Result<(), Error> {
    wait::until("the Secret is gone", GONE_DEADLINE, || async {
        let secrets = sides::secrets(tenant).list(&ListParams::default()).await.map_err(|e| e.to_string())?;
        let names: Vec<_> =
            secrets.iter().map(ResourceExt::name_any).filter(|name| name.contains(USERNAME)).collect();
        if names.is_empty() { Ok(()) } else { Err(names.join(", ")) }
    })
    .await?;
    let left = sides::kubectl(story, tenant, &["get", "streamer,secrets"]).await?;
    story.check("Kubernetes has neither the account nor its Secret", !left.contains(USERNAME), left)
}

async fn gone_from_postgres(story: &Story, tenant: &Tenant) -> Result<(), Error> {
    let rows = sides::psql(story, tenant, sides::ROWS).await?;
    story.check("PostgreSQL has no row of it", !rows.contains(USERNAME), rows)
}
