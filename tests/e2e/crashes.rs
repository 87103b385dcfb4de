//! The controller dies, as by `kill -9`, before or after each effect (a write to Kubernetes, a write to PostgreSQL, a
//! call to AWS) of a create, of an edit and of a delete. Started again, it finds its way without anybody's help.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use streamcat_operator::api::{
    StreamerAccount,
    condition::{READY, is_true},
};
use testbed::{Operator, Tenant, wait};

use crate::support::{PATIENCE, arns, assert_nothing_left, effects, operator_with_fail_points, recorded};

/// How many controllers crash at the same time.
const SIDE_BY_SIDE: usize = 16;

/// The signal of `kill -9`.
pub const SIGKILL: i32 = 9;

/// A side of one effect of a run: of several of one name, the so-manieth.
#[derive(Clone, Debug)]
struct FailPoint {
    side: &'static str,
    effect: String,
    number: u64,
}

impl FailPoint {
    /// Whether every run comes by. What is done more than once is done more or less often, as the clock has it: a Get
    /// more of what is new, a status more of what takes long.
    fn is_certain(&self) -> bool {
        self.number == 1
    }
}

/// What is waited for.
#[derive(Clone, Copy)]
enum Goal {
    Ready,
    Gone,
}

/// One account in a namespace of its own, with controllers of its own.
struct Place<'a> {
    tenant: &'a Tenant,
    /// Of the namespace, the account and the user.
    name: String,
}

impl<'a> Place<'a> {
    async fn make(tenant: &'a Tenant, number: usize) -> Self {
        let name = format!("{}-{number}", tenant.namespace());
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let namespaces: Api<Namespace> = Api::all(tenant.kube());
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        Self { tenant, name }
    }

    fn accounts(&self) -> Api<StreamerAccount> {
        Api::namespaced(self.tenant.kube(), &self.name)
    }

    async fn create(&self) {
        let spec = serde_json::from_value(json!({ "username": self.name, "tags": { "old": "o" } })).unwrap();
        let account = StreamerAccount::new(&self.name, spec);
        self.accounts().create(&PostParams::default(), &account).await.unwrap();
    }

    /// Changes settings of two resources, and the tags of all three.
    async fn edit(&self) {
        let spec = json!({
            "channel": { "latencyMode": "NORMAL" },
            "chatRoom": { "maximumMessageLength": 300 },
            "tags": { "old": null, "new": "n" },
        });
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.accounts().patch(&self.name, &PatchParams::default(), &patch).await.unwrap();
    }

    async fn delete(&self) {
        self.accounts().delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    async fn controller(&self, point: Option<&FailPoint>) -> Operator {
        let mut controller = self.tenant.controller().env("STREAMCAT_NAMESPACE", &self.name);
        if let Some(FailPoint { side, effect, number }) = point {
            controller = controller.env("STREAMCAT_FAILPOINT", format!("{side} {effect} {number}"));
        }
        let impatient = controller.env("STREAMCAT_CREATE_TIMEOUT", "3s").env("STREAMCAT_CREATE_GRACE", "1s");
        impatient.start_unready().await
    }

    /// Whether the goal is reached; else what there is.
    async fn look(&self, goal: Goal) -> Result<(), String> {
        let account = self.accounts().get_opt(&self.name).await.map_err(|error| error.to_string())?;
        let status = account.and_then(|account| Some((account.metadata.generation, account.status?)));
        match (goal, status) {
            (Goal::Gone, None) => Ok(()),
            (Goal::Ready, Some((generation, status)))
                if Some(status.observed_generation) == generation && is_true(&status.conditions, READY) =>
            {
                Ok(())
            }
            (_, status) => Err(format!("{status:#?}")),
        }
    }

    /// Runs a controller until the goal is reached, and ends it; all it has logged.
    async fn reach(&self, goal: Goal) -> String {
        let mut controller = self.controller(None).await;
        let reached = wait::until(format!("{} has its goal", self.name), PATIENCE, || self.look(goal)).await;
        reached.unwrap_or_else(|error| panic!("{error:?}"));
        assert!(controller.terminate().await.success());
        controller.log()
    }

    /// Runs a controller that dies at the fail point.
    async fn crash(&self, point: &FailPoint, goal: Goal) {
        let mut controller = self.controller(Some(point)).await;
        let ended = wait::until(format!("{} died or has its goal", self.name), PATIENCE, || {
            let exited = controller.exited().is_ok_and(|status| status.is_some());
            async move { if exited { Ok(()) } else { self.look(goal).await } }
        });
        ended.await.unwrap_or_else(|error| panic!("{point:?}: {error:?}"));
        // What is under way is finished first, and may yet come by the fail point.
        let died = controller.terminate().await.signal() == Some(SIGKILL);
        if !died {
            println!("it came through {point:?}");
        }
        assert!(died || !point.is_certain(), "it came through {point:?}:\n{}", controller.log());
    }

    /// What AWS made of this account and has not deleted since, by its journal.
    fn made(&self) -> BTreeSet<String> {
        let calls = self.tenant.simulator().calls();
        let done = calls.iter().filter(|call| call.effected.is_some() && call.error.is_none());
        let mut made = BTreeSet::new();
        for call in done {
            match &call.created {
                Some(arn) if call.is_about(&self.name) => assert!(made.insert(arn.clone())),
                _ if call.operation.starts_with("Delete") => {
                    made.remove(call.resource.as_deref().unwrap_or_default());
                }
                _ => {}
            }
        }
        made
    }

    /// Cluster, PostgreSQL and AWS name the same three.
    async fn assert_one_of_each(&self) {
        let arns = arns(&self.accounts().get(&self.name).await.unwrap());
        assert_eq!(recorded(self.tenant, &self.name).await, arns);
        assert_eq!(self.made(), arns.into());
    }

    /// A whole life, with a crash while it begins, one while it changes and one while it ends.
    async fn live(&self, [at_create, at_edit, at_delete]: [Option<&FailPoint>; 3]) {
        self.create().await;
        if let Some(point) = at_create {
            self.crash(point, Goal::Ready).await;
        }
        self.reach(Goal::Ready).await;
        self.assert_one_of_each().await;
        if let Some(point) = at_edit {
            self.edit().await;
            self.crash(point, Goal::Ready).await;
            self.reach(Goal::Ready).await;
            self.assert_one_of_each().await;
            self.assert_edited();
        }
        self.delete().await;
        if let Some(point) = at_delete {
            self.crash(point, Goal::Gone).await;
        }
        self.reach(Goal::Gone).await;
        assert_eq!(self.made(), BTreeSet::new(), "{at_create:?}, {at_edit:?}, {at_delete:?}");
    }

    /// AWS has what the edit asked for, and nothing of before.
    fn assert_edited(&self) {
        let state = self.tenant.simulator().state();
        let of = |kind: &str| {
            state[kind].as_array().unwrap().iter().find(|row| row["name"] == self.name).unwrap().clone()
        };
        for kind in ["channels", "rooms", "stages"] {
            let tags = of(kind)["tags"].clone();
            assert!(tags["new"] == "n" && tags["old"].is_null(), "{kind}: {tags}");
        }
        assert_eq!(of("channels")["latencyMode"], "NORMAL");
        assert_eq!(of("rooms")["maximumMessageLength"], 300);
    }
}

/// The fail points that a controller has come by.
fn fail_points(log: &str) -> Vec<FailPoint> {
    let both = |(effect, number): (String, u64)| {
        ["before", "after"].map(|side| FailPoint { side, effect: effect.clone(), number })
    };
    effects(log).into_iter().flat_map(both).collect()
}

#[tokio::test]
async fn killed_at_each_effect_of_a_create_of_an_edit_and_of_a_delete_it_finds_its_way() {
    let tenant = operator_with_fail_points().await.tenant_apart("crashes").await;

    let place = Place::make(&tenant, 0).await;
    place.create().await;
    let of_a_create = fail_points(&place.reach(Goal::Ready).await);
    place.edit().await;
    let of_an_edit = fail_points(&place.reach(Goal::Ready).await);
    place.delete().await;
    let of_a_delete = fail_points(&place.reach(Goal::Gone).await);
    for effect in
        ["add_finalizer", "claim", "open", "CreateStage", "record_made", "write_secret", "write_status"]
    {
        assert!(of_a_create.iter().any(|point| point.effect == effect), "{effect}: {of_a_create:#?}");
    }
    for effect in ["UpdateChannel", "UpdateRoom", "TagResource", "UntagResource", "write_status"] {
        assert!(of_an_edit.iter().any(|point| point.effect == effect), "{effect}: {of_an_edit:#?}");
    }
    for effect in ["leave", "DeleteRoom", "release", "remove_finalizer"] {
        assert!(of_a_delete.iter().any(|point| point.effect == effect), "{effect}: {of_a_delete:#?}");
    }

    let points = [of_a_create, of_an_edit, of_a_delete];
    println!("fail points of a create, of an edit and of a delete: {:?}", points.each_ref().map(Vec::len));
    let longest = points.iter().map(Vec::len).max().unwrap_or_default();
    let lives = (0..longest).map(|number| {
        let (tenant, points) = (&tenant, &points);
        async move {
            let place = Place::make(tenant, number + 1).await;
            place.live(points.each_ref().map(|points| points.get(number))).await;
        }
    });
    stream::iter(lives).buffer_unordered(SIDE_BY_SIDE).collect::<Vec<_>>().await;
    assert_nothing_left(&tenant).await;
}
