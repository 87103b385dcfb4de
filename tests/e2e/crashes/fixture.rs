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
use crate::support::{PATIENCE, arns, recorded};

/// How long a controller here waits before it believes that something is not there.
const GRACE: &str = "1s";

/// Counts what was recorded for a user less than the grace ago.
const NEW: &str = "select count(*) from resources join users on users.id = user_id
                   where username = $1 and resources.created_at > now() - interval '1 s'";

/// A look at whether something is so; else what there is.
pub trait Check: Future<Output = Result<(), String>> {}
impl<F: Future<Output = Result<(), String>>> Check for F {}

/// One account in a namespace of its own, with controllers of its own.
pub struct Fixture<'a> {
    pub tenant: &'a Tenant,
    /// Of the namespace, the account and the user.
    pub name: String,
    settings: &'static [(&'static str, &'static str)],
}

impl<'a> Fixture<'a> {
    /// A place of a story. No name is a part of another's.
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

    /// The account, if it is there.
    pub async fn account(&self) -> Option<StreamerAccount> {
        self.accounts().get_opt(&self.name).await.unwrap()
    }

    /// Creates the account.
    pub async fn create(&self, mut spec: Value) {
        spec["username"] = json!(self.name);
        let account = StreamerAccount::new(&self.name, serde_json::from_value(spec).unwrap());
        self.accounts().create(&PostParams::default(), &account).await.unwrap();
    }

    /// Creates the account and has a controller make it ready; then waits until nothing of it is new any more: what is done
    /// afterwards is not to depend on how soon it is done.
    pub async fn create_ready(&self, spec: Value) {
        self.create_ready_now(spec).await;
        let shown = wait::until(format!("{} is shown by every read", self.name), PATIENCE, || async {
            self.count(NEW).await == 0
        });
        shown.await.unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// Creates the account and has a controller make it ready, a moment ago.
    pub async fn create_ready_now(&self, spec: Value) {
        self.create(spec).await;
        self.run_until(|| self.agrees()).await;
    }

    /// Changes the account, as `kubectl patch --type merge` does.
    pub async fn patch(&self, patch: Value) {
        self.accounts().patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Takes its status away.
    pub async fn clear_status(&self) {
        let nothing = Patch::Merge(json!({ "status": null }));
        self.accounts().patch_status(&self.name, &PatchParams::default(), &nothing).await.unwrap();
    }

    /// Asks for its deletion.
    pub async fn delete(&self) {
        self.accounts().delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    /// Has it gone from the cluster without a controller, as when the cluster is lost.
    pub async fn lose(&self) {
        self.patch(json!({ "metadata": { "finalizers": null } })).await;
        self.delete().await;
        let gone = wait::until(format!("{} is gone", self.name), PATIENCE, || self.is_gone()).await;
        gone.unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// Has PostgreSQL forget the user.
    pub async fn forget_user(&self) {
        let delete = sqlx::query("delete from users where username = $1").bind(&self.name);
        delete.execute(&self.tenant.pool()).await.unwrap();
    }

    /// How many rows a query counts that is told the name.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).bind(&self.name).fetch_one(&self.tenant.pool()).await.unwrap()
    }

    /// How many users have the name.
    pub async fn users(&self) -> i64 {
        self.count("select count(*) from users where username = $1").await
    }

    /// The ARNs on the list of orphans.
    pub async fn listed(&self) -> BTreeSet<String> {
        let list = sqlx::query_scalar("select arn from orphans where account_namespace = $1");
        let listed: Vec<String> = list.bind(&self.name).fetch_all(&self.tenant.pool()).await.unwrap();
        listed.into_iter().collect()
    }

    /// Whether exactly what is in AWS is on the list of orphans; else what is.
    pub async fn lists_all(&self) -> Result<(), String> {
        let (listed, live) = (self.listed().await, self.live());
        if listed == live { Ok(()) } else { Err(format!("{listed:?} of {live:?}")) }
    }

    /// What AWS has of a kind (`channels`, `rooms`, `stages`) by this name.
    pub fn in_aws(&self, kind: &str) -> Vec<Value> {
        let state = self.tenant.simulator().state();
        let all = state[kind].as_array().into_iter().flatten();
        all.filter(|resource| resource["name"] == self.name).cloned().collect()
    }

    /// The ARNs of all that AWS has by this name.
    pub fn live(&self) -> BTreeSet<String> {
        let all = ["channels", "rooms", "stages"].into_iter().flat_map(|kind| self.in_aws(kind));
        all.map(|resource| resource["arn"].as_str().unwrap().to_owned()).collect()
    }

    /// How many resources were ever made for it.
    pub fn created_count(&self) -> usize {
        let calls = self.tenant.simulator().calls();
        let made = calls.iter().filter(|call| call.created.is_some() && call.operation.starts_with("Create"));
        made.filter(|call| call.is_about(&self.name)).count()
    }

    /// Whether it is gone; else what there is.
    pub async fn is_gone(&self) -> Result<(), String> {
        let account = self.accounts().get_opt(&self.name).await.map_err(|error| error.to_string())?;
        account.map_or(Ok(()), |account| Err(format!("{:#?}", account.status)))
    }

    /// Whether it is ready, and cluster, PostgreSQL and AWS name the same three; else what there is.
    pub async fn agrees(&self) -> Result<(), String> {
        let account = self.accounts().get_opt(&self.name).await.map_err(|error| error.to_string())?;
        let account = account.ok_or("it is not there")?;
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

    /// Whether its conditions have these reasons; else what it says.
    pub async fn has_reasons(&self, reasons: &[(&str, &str)]) -> Result<(), String> {
        let status = self.account().await.and_then(|account| account.status).unwrap_or_default();
        let has = |(condition, reason): &(&str, &str)| {
            find(&status.conditions, condition).is_some_and(|found| found.reason == *reason)
        };
        if reasons.iter().all(has) { Ok(()) } else { Err(format!("{status:#?}")) }
    }

    /// The reasons of all events in the namespace.
    pub async fn events(&self) -> BTreeSet<String> {
        let events: Api<Event> = Api::namespaced(self.tenant.kube(), &self.name);
        let all = events.list(&ListParams::default()).await.unwrap();
        all.into_iter().filter_map(|event| event.reason).collect()
    }

    /// A controller that does not wait long.
    fn controller(&self) -> OperatorBuilder {
        let mut controller = self.tenant.controller().env("STREAMCAT_NAMESPACE", &self.name);
        controller =
            controller.env("STREAMCAT_AWS_CALL_TIMEOUT", "3s").env("STREAMCAT_CONSISTENCY_GRACE", GRACE);
        for (name, value) in self.settings {
            controller = controller.env(*name, *value);
        }
        controller
    }

    /// Runs a controller until the goal is reached, and ends it; all it has logged.
    pub async fn run_until<F: Check>(&self, goal: impl Fn() -> F) -> String {
        self.run_controller(self.controller(), goal).await
    }

    /// The same with a controller that waits very long before it believes that something is not there.
    pub async fn run_until_with_long_grace<F: Check>(&self, goal: impl Fn() -> F) {
        self.run_controller(self.controller().env("STREAMCAT_CONSISTENCY_GRACE", "10m"), goal).await;
    }

    async fn run_controller<F: Check>(&self, controller: OperatorBuilder, goal: impl Fn() -> F) -> String {
        let mut controller = controller.start_unready().await;
        let reached = wait::until(format!("{} has its goal", self.name), PATIENCE, goal).await;
        reached.unwrap_or_else(|error| panic!("{error:?}"));
        assert!(controller.terminate().await.success());
        controller.log()
    }

    /// Runs a controller that dies at the fail point, or reaches the goal; whether it died.
    pub async fn crash<F: Check>(&self, point: &FailPoint, goal: impl Fn() -> F) -> bool {
        let controller = self.controller().env("STREAMCAT_FAILPOINT", point.to_string());
        let mut controller = controller.start_unready().await;
        let ended = wait::until(format!("{} died or has its goal", self.name), PATIENCE, || {
            let goal = controller.exited().is_ok_and(|status| status.is_none()).then(&goal);
            async move { if let Some(goal) = goal { goal.await } else { Ok(()) } }
        });
        ended.await.unwrap_or_else(|error| panic!("{point}: {error:?}"));
        // What is under way is finished first, and may yet come by the fail point.
        let died = controller.terminate().await.signal() == Some(SIGKILL);
        if !died {
            println!("{} came through {point}", self.name);
        }
        died
    }
}
