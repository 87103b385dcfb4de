//! The four views of an account: the API server, PostgreSQL, AWS, and the web page.

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use serde_json::Value;
use testbed::http::{self, Response};
use testbed::{Error, Output, Tenant};
use tokio::process::Command;

use super::{USERNAME, html};
use crate::accounts::accounts;
use crate::transcript::Transcript;

/// Query of a user's resources in the application's tables.
pub(super) const ROWS: &str = "
     select username, channels.arn as channel, chat_rooms.arn as chat_room, stages.arn as stage
     from users left join channels on channels.user_id = users.id
       left join chat_rooms on chat_rooms.user_id = users.id left join stages on stages.user_id = users.id";

/// The three ARNs, in the order channel, chat room, stage.
pub(super) type Arns = Vec<String>;

/// Client for the Secrets in the namespace.
pub(super) fn secrets(tenant: &Tenant) -> Api<Secret> {
    Api::namespaced(tenant.kube(), tenant.namespace())
}

/// Returns the status of the account, if it exists.
pub(super) async fn status(tenant: &Tenant) -> Result<Option<Value>, Error> {
    let found = accounts(tenant).get_opt(USERNAME).await;
    let found = found.map_err(Error::kube(format!("read the account {USERNAME}")))?;
    Ok(found.map(|account| account.data["status"].clone()))
}

/// Returns the ARNs in a status.
pub(super) fn arns(status: &Value) -> Arns {
    let kinds = ["channel", "chatRoom", "stage"];
    kinds.iter().filter_map(|kind| status[kind]["arn"].as_str().map(str::to_owned)).collect()
}

/// Returns the ARNs in PostgreSQL.
pub(super) async fn recorded(tenant: &Tenant) -> Result<Arns, Error> {
    let query = "select arn from (select 1 as n, arn from channels union select 2, arn from chat_rooms \
                 union select 3, arn from stages) as all_of_them order by n";
    let arns = sqlx::query_scalar(query).fetch_all(&tenant.pool()).await;
    arns.map_err(|source| Error::Sql { action: "read the ARNs".into(), source })
}

/// A resource in AWS.
pub(super) struct ResourceView {
    pub(super) kind: &'static str,
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) tags: Vec<String>,
}

/// Returns all resources in AWS.
pub(super) async fn resources(tenant: &Tenant) -> Result<Vec<ResourceView>, Error> {
    let state = http::get(&format!("{}/_simulator/state", tenant.simulator().url())).await?.json()?;
    let mut found = Vec::new();
    for (kind, member) in [("channel", "channels"), ("chat room", "rooms"), ("stage", "stages")] {
        for row in state[member].as_array().into_iter().flatten() {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let tags = row["tags"].as_object().into_iter().flatten();
            let tags =
                tags.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
            found.push(ResourceView { kind, arn: text("arn"), name: text("name"), tags });
        }
    }
    Ok(found)
}

/// Shows all resources in AWS, and returns them.
pub(super) async fn show_resources(
    transcript: &Transcript,
    tenant: &Tenant,
) -> Result<Vec<ResourceView>, Error> {
    transcript.command("curl -s $IVS_ENDPOINT/_simulator/state     # shortened");
    let found = resources(tenant).await?;
    for resource in &found {
        transcript.output(&format!("{:<9}  {}  name={}", resource.kind, resource.arn, resource.name));
        for tag in &resource.tags {
            transcript.output(&format!("             {tag}"));
        }
    }
    if found.is_empty() {
        transcript.output("no channel, chat room, or stage");
    }
    Ok(found)
}

/// Fetches a web page and shows its text.
pub(super) async fn page(transcript: &Transcript, url: &str) -> Result<Response, Error> {
    transcript.command(&format!("curl -i {url}     # as text"));
    let response = http::get(url).await?;
    transcript.output(&format!("HTTP/1.1 {}", response.status));
    transcript.output(&html::readable(&response.body));
    Ok(response)
}

/// Runs kubectl, shows its output, and returns it. The demo ends if kubectl fails.
pub(super) async fn kubectl(
    transcript: &Transcript,
    tenant: &Tenant,
    arguments: &[&str],
) -> Result<String, Error> {
    let shown: Vec<_> = arguments.iter().map(|word| shell_word(word)).collect();
    transcript.command(&format!("kubectl {}", shown.join(" ")));
    let Output { success, stdout, stderr } = tenant.try_kubectl(arguments).await?;
    transcript.output(&stdout);
    transcript.output(&stderr);
    if success {
        Ok(stdout + &stderr)
    } else {
        Err(Error::Unexpected("kubectl failed; see its output above".into()))
    }
}

/// Runs psql, shows its output, and returns it.
pub(super) async fn psql(transcript: &Transcript, tenant: &Tenant, query: &str) -> Result<String, Error> {
    transcript.command(&format!("psql \"$DATABASE_URL\" -c {}", shell_word(query)));
    let output = Command::new("psql")
        .args([tenant.database_url(), "--no-psqlrc", "--expanded", "-P", "pager=off", "-c", query])
        .output()
        .await
        .map_err(|_| Error::Missing {
            program: "psql".into(),
            advice: "apt-get install postgresql-client".into(),
        })?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    transcript.output(&text);
    Ok(text)
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{word}'") }
}
