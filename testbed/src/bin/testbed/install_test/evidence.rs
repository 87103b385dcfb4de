//! Evidence about the accounts from Kubernetes, PostgreSQL, and AWS.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hyper::header::{CONTENT_TYPE, COOKIE};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sqlx::{Connection as _, PgConnection};
use testbed::{Error, http, wait};

use super::load::PASSWORD;
use super::release::Release;
use super::report;
use crate::accounts::is_ready;

const READY_TIMEOUT: Duration = Duration::from_mins(5);
const GONE_TIMEOUT: Duration = Duration::from_mins(2);
const USERNAME: &str = "zoe";

/// Registers an account on the page, waits until it is Ready, and deletes it on the page.
pub(super) async fn one_account(release: &Release) -> Result<(), Error> {
    let (start, page) = (Instant::now(), format!("http://{}", release.url().await?));
    let fields = [("username", USERNAME), ("password", PASSWORD)];
    let signed_in = http::post_form(&format!("{page}/register"), &fields).await?;
    let cookie =
        signed_in.cookie().ok_or_else(|| unexpected("no session after a registration", &signed_in))?;
    all_ready(release, &[USERNAME.to_owned()]).await?;
    report("an account that registered on the page is Ready", start);

    let (start, url) = (Instant::now(), format!("{page}/accounts/{USERNAME}/delete"));
    let form = http::send(&url, hyper::Request::get("/").header(COOKIE, cookie), String::new()).await?;
    let token = form.form_token().ok_or_else(|| unexpected("no form", &form))?;
    let request = hyper::Request::post("/").header(COOKIE, cookie).header(CONTENT_TYPE, http::FORM);
    let fields = http::encode(&[("password", PASSWORD), ("token", token)]);
    let deleted = http::send(&url, request, fields).await?;
    if !deleted.status.is_redirection() {
        return Err(unexpected("the account was not deleted", &deleted));
    }
    wait::until("the account is deleted", GONE_TIMEOUT, || async {
        let left = release.cluster().accounts().get_opt(USERNAME).await.map_err(|e| e.to_string())?;
        if left.is_none() { Ok(()) } else { Err("it exists".to_owned()) }
    })
    .await?;
    count(release, 0).await?;
    report("the account is deleted, with its rows and AWS resources", start);
    Ok(())
}

/// Checks that each registered account is Ready, and that there are no others.
pub(super) async fn nothing_lost(release: &Release, registered: &[String]) -> Result<(), Error> {
    all_ready(release, registered).await?;
    count(release, registered.len()).await
}

async fn all_ready(release: &Release, usernames: &[String]) -> Result<(), Error> {
    let (api, all) = (release.cluster().accounts(), ListParams::default());
    let expected: BTreeSet<_> = usernames.iter().cloned().collect();
    wait::until(format!("{} accounts are Ready", expected.len()), READY_TIMEOUT, || async {
        let listed = api.list(&all).await.map_err(|e| e.to_string())?;
        let ready: BTreeSet<_> =
            listed.iter().filter(|account| is_ready(account)).map(ResourceExt::name_any).collect();
        let missing: Vec<_> = expected.difference(&ready).take(5).cloned().collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("not Ready, for example: {}", missing.join(", ")))
        }
    })
    .await
}

/// Checks that Kubernetes, PostgreSQL, and AWS have this many accounts.
pub(super) async fn count(release: &Release, expected: usize) -> Result<(), Error> {
    let objects = release.cluster().accounts().list(&ListParams::default()).await;
    let objects = objects.map_err(Error::kube("list the accounts"))?.items.len();
    let (aws, mut counts) = (release.simulator().counts(), vec![("StreamerAccounts", objects)]);
    counts.extend([("channels", aws.channels), ("rooms", aws.rooms), ("stages", aws.stages)]);
    for table in ["users", "channels", "chat_rooms", "stages"] {
        counts.push((table, rows(release, table).await?));
    }
    match counts.iter().find(|(_, count)| *count != expected) {
        None => Ok(()),
        Some(_) => Err(Error::Unexpected(format!("expected {expected} of each, but found {counts:?}"))),
    }
}

async fn rows(release: &Release, table: &str) -> Result<usize, Error> {
    let sql = |source| Error::Sql { action: format!("count the rows of {table}"), source };
    let mut connection = PgConnection::connect(release.database_url()).await.map_err(sql)?;
    let query = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    let count: i64 = sqlx::query_scalar(query).fetch_one(&mut connection).await.map_err(sql)?;
    connection.close().await.map_err(sql)?;
    usize::try_from(count).map_err(|e| Error::Unexpected(e.to_string()))
}

/// Checks that no account is left, and no CustomResourceDefinition.
pub(super) async fn nothing_left(release: &Release, crd: &str) -> Result<(), Error> {
    let (start, crds) = (Instant::now(), Api::<CustomResourceDefinition>::all(release.cluster().client()));
    wait::until("the CustomResourceDefinition is gone", GONE_TIMEOUT, || async {
        crds.get_opt(crd).await.is_ok_and(|crd| crd.is_none())
    })
    .await?;
    for table in ["users", "channels", "chat_rooms", "stages"] {
        if rows(release, table).await? > 0 {
            return Err(Error::Unexpected(format!("{table} has rows after the accounts were deleted")));
        }
    }
    let aws = release.simulator().counts();
    if aws.channels + aws.rooms + aws.stages > 0 {
        return Err(Error::Unexpected(format!("AWS still has {aws:?}")));
    }
    report("nothing is left after helm uninstall without crds.keep", start);
    Ok(())
}

fn unexpected(what: &str, response: &http::Response) -> Error {
    Error::Unexpected(format!("{what}: {} {}", response.status, response.body))
}
