//! A streamer registers, and gets a channel, a chat room and a stage.

use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Error, Tenant, http};

use super::{USERNAME, html, sides};
use crate::scene::Scene;
use crate::story::Story;

const READY_DEADLINE: Duration = Duration::from_mins(1);
/// So that something is to be seen on the way.
const AWS_LATENCY: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(50);
const SECRET_KEYS: [&str; 4] = ["ingestEndpoint", "ingestUrl", "playbackUrl", "streamKey"];

pub(super) async fn tell(story: &mut Story, scene: &Scene) -> Result<(), Error> {
    let tenant = &scene.tenant;
    tenant.simulator().set_latency(AWS_LATENCY);
    let page = register(story, scene.registration.url()).await?;
    let status = wait(story, tenant).await?;
    let account = sides::page(story, &page).await?;
    story.check("the page of the account says so too", account.body.contains("ready"), &account.body)?;
    let arns = look_in_kubernetes(story, tenant, &status).await?;
    look_in_postgres(story, tenant, &arns).await?;
    look_in_aws(story, tenant, &arns).await?;
    look_at_the_secret(story, tenant, &status).await
}

/// Gives the page of the account.
async fn register(story: &mut Story, base: &str) -> Result<String, Error> {
    story.step(&format!("{USERNAME} opens the registration page and fills in the form"));
    story.command(&format!("curl {base}/register"));
    let form = http::get(&format!("{base}/register")).await?;
    story.output(&html::fields(&form.body).join("\n"));
    let complete = form.status == 200 && form.body.contains("<form") && html::fields(&form.body).len() >= 2;
    story.check(
        "the page has a form with a field for the name and one for the password",
        complete,
        &form.body,
    )?;

    // Random, so that it is nobody's password; it is never shown.
    let password = format!("{}-{}", uuid::Uuid::new_v4(), uuid::Uuid::new_v4().simple());
    story.command(&format!(
        "curl -i --cookie … --data-urlencode token=… --data-urlencode username={USERNAME} --data-urlencode password=… {base}/register"
    ));
    let answer =
        http::post_form(&format!("{base}/register"), &[("username", USERNAME), ("password", &password)])
            .await?;
    let location = answer.header("location").unwrap_or_default().to_owned();
    story.output(&format!("HTTP/1.1 {}\nlocation: {location}", answer.status));
    let sent_on = answer.status == 303 && location.ends_with(&format!("/accounts/{USERNAME}"));
    story.check("the answer sends the browser on to the page of the account", sent_on, &answer.body)?;

    let page = if location.starts_with("http") { location } else { format!("{base}{location}") };
    let account = sides::page(story, &page).await?;
    let shown = account.status == 200 && account.body.contains(USERNAME);
    story.check(
        "the page of the account is there",
        shown,
        format!("{}: {}", account.status, account.body),
    )?;
    Ok(page)
}

/// Waits until the account is ready, and tells each change on the way.
async fn wait(story: &mut Story, tenant: &Tenant) -> Result<Value, Error> {
    story.step("the controller makes a channel, a chat room and a stage, and says so in the status");
    story.say(&format!("(the simulator takes {AWS_LATENCY:?} for each call, about as long as AWS does)"));
    story.command(&format!(
        "kubectl wait --for=condition=Ready streamer/{USERNAME}     # and what happens meanwhile"
    ));
    let start = Instant::now();
    let mut told = Vec::new();
    loop {
        let status = sides::status(tenant).await?.unwrap_or_default();
        let conditions = conditions(&status);
        for line in conditions.iter().filter(|line| !told.contains(*line)) {
            story.output(&format!("{:>6.2} s  {line}", start.elapsed().as_secs_f32()));
        }
        if conditions.iter().any(|line| line.starts_with("Ready=True")) {
            let kubectl =
                tenant.try_kubectl(&["wait", "--for=condition=Ready", "--timeout=5s", &object()]).await?;
            story.check("kubectl wait sees the account ready", kubectl.success, kubectl.stderr)?;
            return Ok(status);
        }
        told = [told, conditions].concat();
        story_deadline(start, &status)?;
        tokio::time::sleep(PAUSE).await;
    }
}

fn story_deadline(start: Instant, status: &Value) -> Result<(), Error> {
    if start.elapsed() < READY_DEADLINE {
        return Ok(());
    }
    let what = format!("the streamer {USERNAME} is Ready");
    Err(Error::Deadline { what, waited: READY_DEADLINE, seen: format!("; its status is {status}") })
}

async fn look_in_kubernetes(
    story: &mut Story,
    tenant: &Tenant,
    status: &Value,
) -> Result<sides::Arns, Error> {
    story.step("kubectl shows the account with its three ARNs");
    let table = sides::kubectl(story, tenant, &["get", "streamer", USERNAME, "-o", "wide"]).await?;
    let arns = sides::arns(status);
    story.check(
        "there are three ARNs, and the table shows them",
        arns.len() == 3 && all_in(&arns, &table),
        status,
    )?;
    story.command(&format!("kubectl get streamer {USERNAME} -o yaml     # its status"));
    let yaml = tenant.try_kubectl(&["get", "streamer", USERNAME, "-o", "yaml"]).await?.stdout;
    story.output(yaml.find("\nstatus:").map_or(yaml.as_str(), |at| &yaml[at + 1..]));
    story.check("the status holds the same three ARNs", all_in(&arns, &yaml), &yaml)?;
    Ok(arns)
}

async fn look_in_postgres(story: &mut Story, tenant: &Tenant, arns: &sides::Arns) -> Result<(), Error> {
    story.step("the application finds the same in PostgreSQL");
    sides::psql(story, tenant, sides::ROWS).await?;
    let recorded = sides::recorded(tenant).await?;
    story.check("PostgreSQL has one of each, with the same ARNs", recorded == *arns, format!("{recorded:?}"))
}

async fn look_in_aws(story: &mut Story, tenant: &Tenant, arns: &sides::Arns) -> Result<(), Error> {
    story.step("AWS has the three resources, tagged with their owner");
    let found = sides::show_resources(story, tenant).await?;
    let existing: Vec<_> = found.iter().map(|resource| resource.arn.clone()).collect();
    story.check("AWS has one of each, with the same ARNs", existing == *arns, existing.join(" "))?;
    let owned = |resource: &sides::Resource| {
        resource.name == USERNAME
            && resource.tags.iter().any(|tag| tag.starts_with("streamcat.dev/installation="))
    };
    story.check(
        "all three carry the name of the streamer and our tags",
        found.iter().all(owned),
        "no such tags",
    )
}

async fn look_at_the_secret(story: &mut Story, tenant: &Tenant, status: &Value) -> Result<(), Error> {
    story.step("what an encoder needs to go live lies in a Secret (the values are not shown)");
    let name = status["channel"]["streamKeySecretName"].as_str().unwrap_or_default();
    let template = r#"go-template={{range $key, $value := .data}}{{$key}}{{"\n"}}{{end}}"#;
    let keys = sides::kubectl(story, tenant, &["get", "secret", name, "-o", template]).await?;
    let all = keys.lines().eq(SECRET_KEYS);
    story.check("the Secret has the stream key and the three addresses", all, &keys)
}

fn object() -> String {
    format!("streamer/{USERNAME}")
}

fn all_in(arns: &[String], text: &str) -> bool {
    arns.iter().all(|arn| text.contains(arn.as_str()))
}

/// The conditions of a status, one line each.
fn conditions(status: &Value) -> Vec<String> {
    let rows = status["conditions"].as_array().into_iter().flatten();
    rows.map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        format!("{}={} ({}) {}", text("type"), text("status"), text("reason"), text("message"))
    })
    .collect()
}
