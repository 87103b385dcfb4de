//! A few people who act while the controller has much to do for others: the time until AWS receives the first
//! call for a person who registers, creates, edits, or deletes an account.

use std::time::{Duration, Instant};

use ivs_simulator::Call;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use testbed::threshold::Threshold;
use testbed::{Error, Operator, Tenant};

use super::fleet::{self, ReadyWatch};
use super::report::Report;
use super::rig;
use crate::accounts;

/// Namespace of the many accounts.
pub(super) const IMPORT: &str = "import";
/// Namespace of a few accounts of people, besides the one in which the registration page creates them.
const PEOPLE: &str = "people";
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Maximum time until a call, as a goal.
const GOAL: Threshold = Threshold::Below(1.0);

/// A few people with accounts, and the registration page.
pub(super) struct People<'a> {
    tenant: &'a Tenant,
    accounts: Api<DynamicObject>,
    registration: Operator,
}

impl<'a> People<'a> {
    /// Creates both namespaces, an account to edit and one to delete, and starts the registration page.
    pub(super) async fn settle(tenant: &'a Tenant) -> Result<Self, Error> {
        for namespace in [IMPORT, PEOPLE] {
            create_namespace(tenant, namespace).await?;
        }
        let registration = tenant.registration().try_start().await?;
        let accounts = accounts::accounts_in(tenant, PEOPLE);
        let mut watch = ReadyWatch::new(accounts.clone());
        for name in ["to-edit", "to-delete"] {
            fleet::create(&accounts, name).await?;
            watch.one(name, READY_TIMEOUT).await?;
        }
        Ok(Self { tenant, accounts, registration })
    }

    /// Lets four people act at the same moment, and adds the time until AWS receives the first call for each.
    /// A time that is longer than `patience` is reported as infinite.
    pub(super) async fn add_first_calls(&self, report: &mut Report, patience: Duration) -> Result<(), Error> {
        self.tenant.simulator().clear_calls();
        let asked = Instant::now();
        let (register, create, edit, delete) = tokio::try_join!(
            self.register("registered"),
            self.create("created"),
            self.edit("to-edit"),
            self.delete("to-delete"),
        )?;
        let people = [
            ("s until the first Create of a person who registers", "Create", "registered", register),
            ("s until the first Create of a new account", "Create", "created", create),
            ("s until the first call of an edit", "Update", "to-edit", edit),
            ("s until the first call of a deletion", "Delete", "to-delete", delete),
        ];
        let mut first = people.map(|_| f64::INFINITY);
        while asked.elapsed() < patience && first.iter().any(|took| took.is_infinite()) {
            let (now, calls) = (Instant::now(), self.tenant.simulator().calls());
            for ((_, operation, name, asked), took) in people.iter().zip(&mut first) {
                if took.is_infinite() && calls.iter().any(|call| is_call(call, operation, name)) {
                    *took = now.duration_since(*asked).as_secs_f64();
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        for ((what, ..), took) in people.iter().zip(first) {
            report.add_with_goal(*what, took, GOAL);
        }
        Ok(())
    }

    /// Registers a person on the page, and returns the time of the request.
    async fn register(&self, username: &str) -> Result<Instant, Error> {
        let asked = Instant::now();
        rig::register(&self.registration, username).await?;
        Ok(asked)
    }

    async fn create(&self, name: &str) -> Result<Instant, Error> {
        let asked = Instant::now();
        fleet::create(&self.accounts, name).await?;
        Ok(asked)
    }

    async fn edit(&self, name: &str) -> Result<Instant, Error> {
        let asked = Instant::now();
        let changes = json!({ "spec": { "channel": { "latencyMode": "NORMAL" } } });
        let edited = self.accounts.patch(name, &PatchParams::default(), &Patch::Merge(changes)).await;
        edited.map_err(Error::kube(format!("edit {name}")))?;
        Ok(asked)
    }

    async fn delete(&self, name: &str) -> Result<Instant, Error> {
        let asked = Instant::now();
        let deleted = self.accounts.delete(name, &DeleteParams::default()).await;
        deleted.map_err(Error::kube(format!("delete {name}")))?;
        Ok(asked)
    }
}

fn is_call(call: &Call, operation: &str, name: &str) -> bool {
    call.operation.starts_with(operation) && call.is_about(name)
}

async fn create_namespace(tenant: &Tenant, name: &str) -> Result<(), Error> {
    let metadata = ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    let created = Api::all(tenant.kube()).create(&PostParams::default(), &namespace).await;
    created.map_err(Error::kube(format!("create the namespace {name}")))?;
    Ok(())
}
