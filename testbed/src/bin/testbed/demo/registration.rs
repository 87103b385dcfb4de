//! A streamer registers and gets a channel, a chat room, and a stage.

use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Error, Tenant, http};

use super::{USERNAME, html, views};
use crate::stack::Stack;
use crate::transcript::Transcript;

const READY_TIMEOUT: Duration = Duration::from_mins(1);
/// Latency of AWS calls, long enough to show intermediate states.
const AWS_LATENCY: Duration = Duration::from_millis(300);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const SECRET_KEYS: [&str; 4] = ["ingestEndpoint", "ingestUrl", "playbackUrl", "streamKey"];

pub(super) async fn run(transcript: &mut Transcript, stack: &Stack) -> Result<(), Error> {
    let tenant = &stack.tenant;
    tenant.simulator().set_latency(AWS_LATENCY);
    let page = register(transcript, stack.registration.url()).await?;
    let status = wait_until_ready(transcript, tenant).await?;
    let account = views::page(transcript, &page).await?;
    transcript.check(
        "the account page shows the account as ready",
        account.body.contains("ready"),
        &account.body,
    )?;
    let arns = check_kubernetes(transcript, tenant, &status).await?;
    check_postgres(transcript, tenant, &arns).await?;
    check_aws(transcript, tenant, &arns).await?;
    check_secret(transcript, tenant, &status).await
}

/// Registers the streamer and returns the URL of the account page.
async fn register(transcript: &mut Transcript, base: &str) -> Result<String, Error> {
    transcript.step(&format!("{USERNAME} opens the registration page and submits the form"));
    transcript.command(&format!("curl {base}/register"));
    let form = http::get(&format!("{base}/register")).await?;
    transcript.output(&html::fields(&form.body).join("\n"));
    let complete = form.status == 200 && form.body.contains("<form") && html::fields(&form.body).len() >= 2;
    transcript.check(
        "the page has a form with fields for the username and the password",
        complete,
        &form.body,
    )?;

    // A random password, which is never shown.
    let password = format!("{}-{}", uuid::Uuid::new_v4(), uuid::Uuid::new_v4().simple());
    transcript.command(&format!(
        "curl -i --cookie … --data-urlencode token=… --data-urlencode username={USERNAME} --data-urlencode password=… {base}/register"
    ));
    let response =
        http::post_form(&format!("{base}/register"), &[("username", USERNAME), ("password", &password)])
            .await?;
    let location = response.header("location").unwrap_or_default().to_owned();
    transcript.output(&format!("HTTP/1.1 {}\nlocation: {location}", response.status));
    let sent_on = response.status == 303 && location.ends_with(&format!("/accounts/{USERNAME}"));
    transcript.check("the response redirects to the account page", sent_on, &response.body)?;

    let page = if location.starts_with("http") { location } else { format!("{base}{location}") };
    let account = views::page(transcript, &page).await?;
    let shown = account.status == 200 && account.body.contains(USERNAME);
    transcript.check("the account page exists", shown, format!("{}: {}", account.status, account.body))?;
    Ok(page)
}

/// Waits until the account is Ready, and shows each change of its conditions.
async fn wait_until_ready(transcript: &mut Transcript, tenant: &Tenant) -> Result<Value, Error> {
    transcript.step(
        "the controller creates a channel, a chat room, and a stage, and reports progress in the status",
    );
    transcript
        .note(&format!("(The simulator delays each call by {AWS_LATENCY:?}, about as long as AWS takes.)"));
    transcript.command(&format!(
        "kubectl wait --for=condition=Ready streamer/{USERNAME}     # and its conditions meanwhile"
    ));
    let start = Instant::now();
    let mut shown_before = Vec::new();
    loop {
        let status = views::status(tenant).await?.unwrap_or_default();
        let conditions = conditions(&status);
        for line in conditions.iter().filter(|line| !shown_before.contains(*line)) {
            transcript.output(&format!("{:>6.2} s  {line}", start.elapsed().as_secs_f32()));
        }
        if conditions.iter().any(|line| line.starts_with("Ready=True")) {
            let kubectl =
                tenant.try_kubectl(&["wait", "--for=condition=Ready", "--timeout=5s", &object()]).await?;
            transcript.check("kubectl wait reports the account as Ready", kubectl.success, kubectl.stderr)?;
            return Ok(status);
        }
        shown_before = [shown_before, conditions].concat();
        check_deadline(start, &status)?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn check_deadline(start: Instant, status: &Value) -> Result<(), Error> {
    if start.elapsed() < READY_TIMEOUT {
        return Ok(());
    }
    let what = format!("the streamer {USERNAME} is Ready");
    Err(Error::Deadline { what, waited: READY_TIMEOUT, seen: format!("; its status is {status}") })
}

async fn check_kubernetes(
    transcript: &mut Transcript,
    tenant: &Tenant,
    status: &Value,
) -> Result<views::Arns, Error> {
    transcript.step("kubectl shows the account with its three ARNs");
    let table = views::kubectl(transcript, tenant, &["get", "streamer", USERNAME, "-o", "wide"]).await?;
    let arns = views::arns(status);
    transcript.check("the table shows three ARNs", arns.len() == 3 && contains_all(&arns, &table), status)?;
    transcript.command(&format!("kubectl get streamer {USERNAME} -o yaml     # its status"));
    let yaml = tenant.try_kubectl(&["get", "streamer", USERNAME, "-o", "yaml"]).await?.stdout;
    transcript.output(yaml.find("\nstatus:").map_or(yaml.as_str(), |at| &yaml[at + 1..]));
    transcript.check("the status holds the same three ARNs", contains_all(&arns, &yaml), &yaml)?;
    Ok(arns)
}

async fn check_postgres(
    transcript: &mut Transcript,
    tenant: &Tenant,
    arns: &views::Arns,
) -> Result<(), Error> {
    transcript.step("the application reads the same ARNs from PostgreSQL");
    views::psql(transcript, tenant, views::ROWS).await?;
    let recorded = views::recorded(tenant).await?;
    transcript.check(
        "PostgreSQL has one of each, with the same ARNs",
        recorded == *arns,
        format!("{recorded:?}"),
    )
}

async fn check_aws(transcript: &mut Transcript, tenant: &Tenant, arns: &views::Arns) -> Result<(), Error> {
    transcript.step("AWS has the three resources, tagged with their owner");
    let found = views::show_resources(transcript, tenant).await?;
    let existing: Vec<_> = found.iter().map(|resource| resource.arn.clone()).collect();
    transcript.check("AWS has one of each, with the same ARNs", existing == *arns, existing.join(" "))?;
    let owned = |resource: &views::ResourceView| {
        resource.name == USERNAME
            && resource.tags.iter().any(|tag| tag.starts_with("streamcat.dev/installation="))
    };
    transcript.check(
        "all three have the username as their name, and the operator's tags",
        found.iter().all(owned),
        "no such tags",
    )
}

async fn check_secret(transcript: &mut Transcript, tenant: &Tenant, status: &Value) -> Result<(), Error> {
    transcript.step("a Secret holds what an encoder needs to go live (values are not shown)");
    let name = status["channel"]["streamKeySecretName"].as_str().unwrap_or_default();
    let template = r#"go-template={{range $key, $value := .data}}{{$key}}{{"\n"}}{{end}}"#;
    let keys = views::kubectl(transcript, tenant, &["get", "secret", name, "-o", template]).await?;
    let all = keys.lines().eq(SECRET_KEYS);
    transcript.check("the Secret has the stream key and the three addresses", all, &keys)
}

fn object() -> String {
    format!("streamer/{USERNAME}")
}

fn contains_all(arns: &[String], text: &str) -> bool {
    arns.iter().all(|arn| text.contains(arn.as_str()))
}

/// Returns the conditions of a status, one line each.
fn conditions(status: &Value) -> Vec<String> {
    let rows = status["conditions"].as_array().into_iter().flatten();
    rows.map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        format!("{}={} ({}) {}", text("type"), text("status"), text("reason"), text("message"))
    })
    .collect()
}
