//! Seeding: many settled accounts without the work of creating each. One account is created as usual. Then
//! everything that is stored of it in etcd, PostgreSQL, and AWS is copied, with other names and ids.

mod database;
mod etcd;
mod template;

use std::ops::Range;
use std::time::Duration;

use kube::api::ListParams;
use serde_json::Value;
use testbed::{Error, Tenant, wait};

use self::template::{Identifiers, Template};
use super::counters::Work;
use super::fleet::{self, ReadyWatch};
use super::rig::{self, Quotas};
use crate::accounts;

/// Name of the account that is copied. All names have the same length.
const MODEL: &str = "seed-0000000";
/// Members of the simulator's state that hold resources of an account.
const TABLES: [&str; 4] = ["channels", "streamKeys", "rooms", "stages"];
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const LISTED_TIMEOUT: Duration = Duration::from_mins(5);

/// Creates `count` settled accounts. Returns the memory of a controller that has one account, in bytes.
pub(super) async fn seed(tenant: &Tenant, count: usize) -> Result<u64, Error> {
    let memory = create_model(tenant).await?;
    let (objects, rows) = (etcd::stored(tenant, MODEL).await?, database::stored(tenant, MODEL).await?);
    let mut state = tenant.simulator().state();
    let resources: Vec<_> = TABLES.map(|table| state[table].to_string()).into();
    let texts = objects.iter().flat_map(|(key, value)| [key.as_slice(), value.as_slice()]);
    let texts = texts.chain(rows.iter().flat_map(|table| table.rows.iter().map(String::as_bytes)));
    let texts = texts.chain(resources.iter().map(String::as_bytes));
    let identifiers = Identifiers::find(texts, MODEL, &[&database::cluster(tenant, MODEL).await?]);

    let copies = 1..count;
    database::copy(tenant, &rows, &identifiers, copies.clone()).await?;
    copy_resources(&mut state, &identifiers, copies.clone())?;
    let loaded = tenant.simulator().load_state(state);
    loaded.map_err(|error| Error::Unexpected(format!("the simulator rejects its state: {error}")))?;
    etcd::copy(tenant, &objects, &identifiers, copies).await?;
    wait_until_listed(tenant, count).await?;
    Ok(memory)
}

/// Adds copies of the resources to a state of the simulator.
fn copy_resources(state: &mut Value, identifiers: &Identifiers, copies: Range<usize>) -> Result<(), Error> {
    for table in TABLES {
        let template = Template::new(state[table].to_string().as_bytes(), identifiers);
        for number in copies.clone() {
            let rows = serde_json::from_slice::<Vec<Value>>(&template.render(identifiers, number));
            let rows = rows.map_err(|error| Error::Unexpected(format!("a copy is not JSON: {error}")))?;
            state[table].as_array_mut().into_iter().for_each(|all| all.extend(rows.iter().cloned()));
        }
    }
    Ok(())
}

/// Creates the account that is copied, and stops the controller.
async fn create_model(tenant: &Tenant) -> Result<u64, Error> {
    let mut controller = rig::controller(tenant, Quotas::Disabled).try_start().await?;
    let accounts = accounts::accounts(tenant);
    fleet::create(&accounts, MODEL).await?;
    ReadyWatch::new(accounts).one(MODEL, READY_TIMEOUT).await?;
    Work::read_settled(tenant).await?;
    let memory = controller.figures()?.memory;
    controller.try_terminate().await?;
    Ok(memory)
}

/// Waits until the API server, which watches etcd, has all accounts.
async fn wait_until_listed(tenant: &Tenant, count: usize) -> Result<(), Error> {
    let (accounts, first) = (accounts::accounts(tenant), ListParams::default().limit(1));
    wait::until("the API server lists the seeded accounts", LISTED_TIMEOUT, || async {
        let page = accounts.list(&first).await.map_err(|error| error.to_string())?;
        let rest = usize::try_from(page.metadata.remaining_item_count.unwrap_or_default());
        let found = page.items.len() + rest.unwrap_or_default();
        if found == count { Ok(()) } else { Err(format!("{found} of {count}")) }
    })
    .await
}
