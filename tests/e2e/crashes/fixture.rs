//! One account in a namespace of its own, with controllers of its own.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt};

use k8s_openapi::api::{core::v1::Namespace, events::v1::Event};
use kube::{
    Api,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use streamcat_operator::api::{
    StreamerAccount,
    condition::{READY, find, is_true},
};
use testbed::{OperatorBuilder, Tenant, wait};

use super::{
    Scenario,
    fail_point::{FailPoint, SIGKILL},
};
use crate::support::{TIMEOUT, arns, create_in, recorded};

/// Consistency grace period of the controllers.
const GRACE: &str = "1s";

/// Counts the resources that were recorded for a user less than the grace period ago.
const NEW: &str = "select count(*) from resources join users on users.id = user_id
                   where username = $1 and resources.created_at > now() - interval '1 s'";

/// A check of a condition. The error describes the current state.
pub trait Check: Future<Output = Result<(), String>> {}
impl<F: Future<Output = Result<(), String>>> Check for F {}

/// One account in a namespace of its own, with controllers of its own.
pub struct Fixture<'a> {
    pub tenant: &'a Tenant,
    /// The name of the namespace, the account, and the user.
    pub name: String,
    settings: &'static [(&'static str, &'static str)],
}

impl<'a> Fixture<'a> {
    /// Creates the namespace for one run of a scenario. No name is a part of another one.
    pub async fn new<S: Scenario>(tenant: &'a Tenant, number: usize) -> Self {
        let name = format!("{}-{number:03}", tenant.namespace());
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let namespaces: Api<Namespace> = Api::all(tenant.kube());
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        Self { tenant, name, settings: S::SETTINGS }
    }

    fn accounts(&self) -> Api<StreamerAccount> {
        Api::namespaced(self.tenant.kube(), &self.name)
    }

    /// Returns the account, if it exists.
    pub async fn account(&self) -> Option<StreamerAccount> {
        self.accounts().get_opt(&self.name).await.unwrap()
    }

    /// Creates the account.
    pub async fn create(&self, spec: Value) {
        create_in(&self.accounts(), &self.name, &self.name, spec).await;
    }

    /// Creates the account, lets a controller make it ready, and waits until its resources are older than the
    /// grace period, so that the scenario does not depend on timing.
    pub async fn create_ready(&self, spec: Value) {
        self.create_ready_and_new(spec).await;
        let aged = wait::until(
            format!("the resources of {} are older than the grace period", self.name),
            TIMEOUT,
            || async { self.count(NEW).await == 0 },
        );
        aged.await.unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// Creates the account and lets a controller make it ready. Its resources are new.
    pub async fn create_ready_and_new(&self, spec: Value) {
        self.create(spec).await;
        self.run_until(|| self.agrees()).await;
    }

    /// Changes the account, as `kubectl patch --type merge` does.
    pub async fn patch(&self, patch: Value) {
        self.accounts().patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Removes its status.
    pub async fn clear_status(&self) {
        let nothing = Patch::Merge(json!({ "status": null }));
        self.accounts().patch_status(&self.name, &PatchParams::default(), &nothing).await.unwrap();
    }

    /// Requests its deletion.
    pub async fn delete(&self) {
        self.accounts().delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    /// Removes the account from the cluster without a controller, as if the cluster were lost.
    pub async fn lose(&self) {
        self.patch(json!({ "metadata": { "finalizers": null } })).await;
        self.delete().await;
        let gone = wait::until(format!("{} is gone", self.name), TIMEOUT, || self.is_gone()).await;
        gone.unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// Deletes the user from PostgreSQL.
    pub async fn forget_user(&self) {
        let delete = sqlx::query("delete from users where username = $1").bind(&self.name);
        delete.execute(&self.tenant.pool()).await.unwrap();
    }

    /// Returns the number of rows that a query counts. Its parameter is the name.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).bind(&self.name).fetch_one(&self.tenant.pool()).await.unwrap()
    }

    /// Returns the number of users that have the name.
    pub async fn users(&self) -> i64 {
        self.count("select count(*) from users where username = $1").await
    }

    /// Returns the ARNs on the orphan list.
    pub async fn listed(&self) -> BTreeSet<String> {
        let list = sqlx::query_scalar("select arn from orphans where account_namespace = $1");
        let listed: Vec<String> = list.bind(&self.name).fetch_all(&self.tenant.pool()).await.unwrap();
        listed.into_iter().collect()
    }

    /// Checks that the orphan list contains exactly the resources in AWS.
    pub async fn lists_all(&self) -> Result<(), String> {
        let (listed, live) = (self.listed().await, self.live());
        if listed == live { Ok(()) } else { Err(format!("{listed:?} of {live:?}")) }
    }

    /// Returns the resources in AWS of one kind (`channels`, `rooms`, `stages`) that have the name.
    pub fn in_aws(&self, kind: &str) -> Vec<Value> {
        let state = self.tenant.simulator().state();
        let all = state[kind].as_array().into_iter().flatten();
        all.filter(|resource| resource["name"] == self.name).cloned().collect()
    }

    /// Returns the ARNs of all resources in AWS that have the name.
    pub fn live(&self) -> BTreeSet<String> {
        let all = ["channels", "rooms", "stages"].into_iter().flat_map(|kind| self.in_aws(kind));
        all.map(|resource| resource["arn"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the number of resources that were ever created for the account.
    pub fn created_count(&self) -> usize {
        let calls = self.tenant.simulator().calls();
        let made = calls.iter().filter(|call| call.created.is_some() && call.operation.starts_with("Create"));
        made.filter(|call| call.is_about(&self.name)).count()
    }

    /// Checks that the account is gone.
    pub async fn is_gone(&self) -> Result<(), String> {
        let account = self.accounts().get_opt(&self.name).await.map_err(|error| error.to_string())?;
        account.map_or(Ok(()), |account| Err(format!("{:#?}", account.status)))
    }

    /// Checks that the account is ready, and that status, PostgreSQL, and AWS name the same three resources.
    pub async fn agrees(&self) -> Result<(), String> {
        let account = self.accounts().get_opt(&self.name).await.map_err(|error| error.to_string())?;
        let account = account.ok_or("it does not exist")?;
        let status = account.status.as_ref().ok_or("it has no status")?;
        let is_observed = Some(status.observed_generation) == account.metadata.generation;
        if !is_observed || !is_true(&status.conditions, READY) {
            return Err(format!("{status:#?}"));
        }
        let (arns, recorded, live) = (arns(&account), recorded(self.tenant, &self.name).await, self.live());
        if recorded == arns && live == BTreeSet::from(arns.clone()) {
            return Ok(());
        }
        Err(format!("status has {arns:?}, PostgreSQL {recorded:?}, AWS {live:?}"))
    }

    /// Checks that its conditions have these reasons.
    pub async fn has_reasons(&self, reasons: &[(&str, &str)]) -> Result<(), String> {
        let status = self.account().await.and_then(|account| account.status).unwrap_or_default();
        let has = |(condition, reason): &(&str, &str)| {
            find(&status.conditions, condition).is_some_and(|found| found.reason == *reason)
        };
        if reasons.iter().all(has) { Ok(()) } else { Err(format!("{status:#?}")) }
    }

    /// Returns the reasons of all events in the namespace.
    pub async fn events(&self) -> BTreeSet<String> {
        let events: Api<Event> = Api::namespaced(self.tenant.kube(), &self.name);
        let all = events.list(&ListParams::default()).await.unwrap();
        all.into_iter().filter_map(|event| event.reason).collect()
    }

    /// Returns a controller of this namespace, with short timeouts.
    fn controller(&self) -> OperatorBuilder {
        let mut controller = self.tenant.controller().env("STREAMCAT_WATCH_NAMESPACE", &self.name);
        controller =
            controller.env("STREAMCAT_AWS_CALL_TIMEOUT", "3s").env("STREAMCAT_CONSISTENCY_GRACE", GRACE);
        for (name, value) in self.settings {
            controller = controller.env(*name, *value);
        }
        controller
    }

    /// Runs a controller until the condition holds, and stops it. Returns its log.
    pub async fn run_until<F: Check>(&self, condition: impl Fn() -> F) -> String {
        self.run_controller(self.controller(), condition).await
    }

    /// Runs a controller with a long consistency grace period until the condition holds, and stops it.
    pub async fn run_until_with_long_grace<F: Check>(&self, condition: impl Fn() -> F) {
        self.run_controller(self.controller().env("STREAMCAT_CONSISTENCY_GRACE", "10m"), condition).await;
    }

    async fn run_controller<F: Check>(
        &self,
        controller: OperatorBuilder,
        condition: impl Fn() -> F,
    ) -> String {
        let mut controller = controller.start_unready().await;
        let reached = wait::until(format!("{} meets the condition", self.name), TIMEOUT, condition).await;
        reached.unwrap_or_else(|error| panic!("{error:?}"));
        assert!(controller.terminate().await.success());
        controller.log()
    }

    /// Runs a controller until it dies at the fail point or the condition holds. Returns true if it died.
    pub async fn crash<F: Check>(&self, point: &FailPoint, condition: impl Fn() -> F) -> bool {
        let controller = self.controller().env("STREAMCAT_FAILPOINT", point.to_string());
        let mut controller = controller.start_unready().await;
        let ended = wait::until(format!("{} died or meets the condition", self.name), TIMEOUT, || {
            let condition = controller.exited().is_ok_and(|status| status.is_none()).then(&condition);
            async move { if let Some(condition) = condition { condition.await } else { Ok(()) } }
        });
        ended.await.unwrap_or_else(|error| panic!("{point}: {error:?}"));
        // Calls in flight finish first, and may still reach the fail point.
        let died = controller.terminate().await.signal() == Some(SIGKILL);
        if !died {
            println!("{} was not killed {point}", self.name);
        }
        died
    }
}
