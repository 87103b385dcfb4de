//! A snapshot of all accounts in the cluster, PostgreSQL, and AWS, read one after another while nothing
//! changes.

use std::collections::BTreeMap;

use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::Value;
use sqlx::Row as _;
use testbed::{Error, Tenant};

use super::owners::{self, Owners};
use crate::accounts;

/// The kinds of resources, each with its name, its field in status, and its key in the simulator's state.
pub(super) const KINDS: [(&str, &str, &str); 3] =
    [("channel", "channel", "channels"), ("chat room", "chatRoom", "rooms"), ("stage", "stage", "stages")];

/// ARNs of an account, in the order of [`KINDS`].
pub(super) type ArnsByKind = [Option<String>; 3];

/// An account in the cluster.
pub(super) struct Object {
    pub(super) ready: bool,
    pub(super) deleted: bool,
    pub(super) arns: ArnsByKind,
    pub(super) status: String,
}

/// A resource in AWS.
#[derive(Clone)]
pub(super) struct ResourceSnapshot {
    /// Index into [`KINDS`].
    pub(super) kind: usize,
    pub(super) arn: String,
    /// Value of its tag `revision`.
    pub(super) revision: String,
    /// Type, if it is a channel.
    pub(super) channel_type: Option<String>,
}

/// Everything of one installation, by account name.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) cluster: BTreeMap<String, Object>,
    pub(super) database: BTreeMap<String, ArnsByKind>,
    /// Resources by account name; the name is empty if no tag names an account.
    pub(super) aws: BTreeMap<String, Vec<ResourceSnapshot>>,
    /// Accounts with an open attempt or an unverified update in PostgreSQL.
    pub(super) in_flight: Vec<String>,
    /// Account names on the orphan list in PostgreSQL.
    pub(super) orphans: Vec<String>,
    /// Resources of another installation that status or PostgreSQL names: the account name and the ARN.
    pub(super) foreign: Vec<(String, String)>,
}

impl Snapshot {
    /// Takes a snapshot of one installation. `state` is a dump of the simulator, of which only this
    /// installation's resources are kept.
    pub(super) async fn take(tenant: &Tenant, state: &Value, owners: &Owners) -> Result<Self, Error> {
        let access_key = owners::access_key(tenant);
        let is_own = |arn: &str| owners.owns(arn, access_key);
        let (cluster, database) = (cluster(tenant).await?, database(tenant).await?);
        Ok(Self {
            foreign: foreign(&cluster, &database, is_own),
            aws: aws(state, is_own),
            in_flight: names(tenant, IN_FLIGHT).await?,
            orphans: names(tenant, ORPHANS).await?,
            cluster,
            database,
        })
    }
}

/// Returns the foreign resources that this installation records as its own.
fn foreign(
    cluster: &BTreeMap<String, Object>,
    database: &BTreeMap<String, ArnsByKind>,
    is_own: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let in_status = cluster.iter().map(|(name, object)| (name, &object.arns));
    let named =
        in_status.chain(database).flat_map(|(name, arns)| arns.iter().flatten().map(move |arn| (name, arn)));
    named.filter(|(_, arn)| !is_own(arn)).map(|(name, arn)| (name.clone(), format!("has {arn}"))).collect()
}

async fn cluster(tenant: &Tenant) -> Result<BTreeMap<String, Object>, Error> {
    let all = accounts::accounts(tenant).list(&ListParams::default()).await;
    let all = all.map_err(Error::kube("list the accounts"))?;
    let objects = all.into_iter().map(|account| {
        let status = &account.data["status"];
        let object = Object {
            ready: accounts::is_ready(&account),
            deleted: account.metadata.deletion_timestamp.is_some(),
            arns: KINDS.map(|(_, member, _)| status[member]["arn"].as_str().map(str::to_owned)),
            status: status["conditions"].to_string(),
        };
        (account.name_any(), object)
    });
    Ok(objects.collect())
}

async fn database(tenant: &Tenant) -> Result<BTreeMap<String, ArnsByKind>, Error> {
    let query = "select account_name, channels.arn, chat_rooms.arn, stages.arn from users
                 left join channels on channels.user_id = users.id
                 left join chat_rooms on chat_rooms.user_id = users.id
                 left join stages on stages.user_id = users.id";
    let rows = sqlx::query(query).fetch_all(&tenant.pool()).await;
    let rows = rows.map_err(|source| Error::Sql { action: "read the users".into(), source })?;
    Ok(rows.iter().map(|row| (row.get(0), [row.get(1), row.get(2), row.get(3)])).collect())
}

const IN_FLIGHT: &str =
    "select account_name from users join create_attempts on user_id = users.id where state = 'open'
     union select account_name from users join pending_updates on user_id = users.id";
const ORPHANS: &str = "select coalesce(account_name, '') from orphans";

async fn names(tenant: &Tenant, query: &'static str) -> Result<Vec<String>, Error> {
    let names = sqlx::query_scalar(query).fetch_all(&tenant.pool()).await;
    names.map_err(|source| Error::Sql { action: "read attempts and orphans".into(), source })
}

fn aws(state: &Value, is_own: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<ResourceSnapshot>> {
    let mut all: BTreeMap<String, Vec<ResourceSnapshot>> = BTreeMap::new();
    for (kind, (_, _, member)) in KINDS.iter().enumerate() {
        let rows = state[member].as_array().into_iter().flatten();
        for row in rows.filter(|row| row["arn"].as_str().is_none_or(&is_own)) {
            let tag = |key: &str| row["tags"][key].as_str().unwrap_or_default();
            let account = tag("streamcat.dev/account").rsplit('/').next().unwrap_or_default();
            all.entry(account.to_owned()).or_default().push(ResourceSnapshot {
                kind,
                arn: row["arn"].as_str().unwrap_or_default().to_owned(),
                revision: tag("revision").to_owned(),
                channel_type: row["type"].as_str().map(str::to_owned),
            });
        }
    }
    all
}
