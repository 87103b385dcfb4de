//! Helpers shared by the tests.

use std::{path::Path, time::Duration};

use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    events::v1::Event,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sqlx::Row;
use streamcat_operator::api::{
    StreamerAccount,
    condition::{READY, find, is_true},
};
use testbed::{
    Operator, OperatorBuilder, ScratchDatabase, Tenant, Testbed,
    http::{self, Response},
    wait,
};

/// Maximum time that a test waits for one condition.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// Consistency grace period of the controllers, unless a test sets another one. Reads of the simulator are
/// consistent; the default, meant for AWS, delays each deletion of a new account by 15 s.
pub const GRACE: &str = "1s";

/// Returns the shared environment with this binary as the operator.
async fn with_operator(path: &Path) -> Testbed {
    Testbed::shared().await.with_operator(path).with_controller_env("STREAMCAT_CONSISTENCY_GRACE", GRACE)
}

/// Returns the shared environment with the operator that was built for these tests.
pub async fn operator_under_test() -> Testbed {
    with_operator(Path::new(env!("CARGO_BIN_EXE_streamcat-operator"))).await
}

/// Returns the shared environment with the operator that has fail points, which `testbed/build.sh --tests`
/// puts next to the other. It logs each effect: a write to Kubernetes, a write to PostgreSQL, or a call to
/// AWS.
pub async fn operator_with_fail_points() -> Testbed {
    let path = Path::new(concat!(env!("CARGO_BIN_EXE_streamcat-operator"), "-failpoints"));
    assert!(path.is_file(), "{} is missing: run testbed/build.sh --tests", path.display());
    with_operator(path).await
}

/// Returns the effects that such an operator has logged, in order. Each has its name and its number: 1 for
/// the first effect of that name, 2 for the second, and so on.
pub fn effects(log: &str) -> Vec<(String, u64)> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let effects = lines.map(|line| line["fields"].clone()).filter(|fields| fields["message"] == "effect");
    effects
        .map(|fields| (fields["effect"].as_str().unwrap().to_owned(), fields["number"].as_u64().unwrap()))
        .collect()
}

/// Returns a new installation.
pub async fn tenant(label: &str) -> Tenant {
    operator_under_test().await.tenant(label).await
}

/// Returns a new PostgreSQL server of the test's own.
pub async fn scratch_database() -> ScratchDatabase {
    ScratchDatabase::start().await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Returns a controller with a short resync interval and a short grace period.
pub fn quick(tenant: &Tenant) -> OperatorBuilder {
    tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").env("STREAMCAT_CONSISTENCY_GRACE", "1s")
}

/// Returns the API of the accounts of a tenant, with the rights of an administrator.
pub fn accounts(tenant: &Tenant) -> Api<StreamerAccount> {
    Api::namespaced(tenant.kube(), tenant.namespace())
}

/// Creates an account whose name is its username.
pub async fn create(tenant: &Tenant, username: &str, spec: Value) -> StreamerAccount {
    create_named(tenant, username, username, spec).await
}

/// Creates an account.
pub async fn create_named(tenant: &Tenant, name: &str, username: &str, spec: Value) -> StreamerAccount {
    create_in(&accounts(tenant), name, username, spec).await
}

/// Creates an account with this API.
pub async fn create_in(
    api: &Api<StreamerAccount>,
    name: &str,
    username: &str,
    mut spec: Value,
) -> StreamerAccount {
    spec["username"] = json!(username);
    let account = StreamerAccount::new(name, serde_json::from_value(spec).unwrap());
    api.create(&PostParams::default(), &account).await.unwrap()
}

/// Changes the spec of an account, as `kubectl patch --type merge` does.
pub async fn edit(tenant: &Tenant, name: &str, spec: Value) {
    let patch = Patch::Merge(json!({ "spec": spec }));
    accounts(tenant).patch(name, &PatchParams::default(), &patch).await.unwrap();
}

/// Requests the deletion of an account.
pub async fn delete(tenant: &Tenant, name: &str) {
    accounts(tenant).delete(name, &DeleteParams::default()).await.unwrap();
}

/// Waits until the account satisfies a predicate, and returns it.
pub async fn until(
    tenant: &Tenant,
    name: &str,
    what: &str,
    predicate: impl Fn(&StreamerAccount) -> bool,
) -> StreamerAccount {
    let seen = wait::until(format!("{name} {what}"), TIMEOUT, || async {
        let account = accounts(tenant).get(name).await.map_err(|error| error.to_string())?;
        if predicate(&account) { Ok(account) } else { Err(format!("{:#?}", account.status)) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Waits until an account is Ready for its current generation, and returns it.
pub async fn ready(tenant: &Tenant, name: &str) -> StreamerAccount {
    until(tenant, name, "is ready", |account| {
        let Some(status) = &account.status else { return false };
        Some(status.observed_generation) == account.metadata.generation && is_true(&status.conditions, READY)
    })
    .await
}

/// Waits until `Ready` has this reason for the current generation, and returns the account.
pub async fn reason(tenant: &Tenant, name: &str, reason: &str) -> StreamerAccount {
    until(tenant, name, &format!("has the reason {reason}"), |account| {
        let Some(status) = &account.status else { return false };
        let ready = find(&status.conditions, READY);
        Some(status.observed_generation) == account.metadata.generation
            && ready.is_some_and(|ready| ready.reason == reason)
    })
    .await
}

/// Waits until an account is gone.
pub async fn gone(tenant: &Tenant, name: &str) {
    let seen = wait::until(format!("{name} is gone"), TIMEOUT, || async {
        match accounts(tenant).get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(account)) => Err(format!("{:#?}", account.status)),
            Err(error) => Err(error.to_string()),
        }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Returns the three ARNs in an account's status.
pub fn arns(account: &StreamerAccount) -> [String; 3] {
    let status = account.status.clone().unwrap_or_else(|| panic!("{} has no status", account.name_any()));
    [status.channel.unwrap().arn, status.chat_room.unwrap().arn, status.stage.unwrap().arn]
}

/// Returns the ARNs of a user's resources in PostgreSQL: channel, chat room, stage. Resources without a row
/// are left out.
pub async fn recorded(tenant: &Tenant, username: &str) -> Vec<String> {
    let rows = sqlx::query(
        "select arn from (
           select user_id, arn, 1 as kind from channels
           union all select user_id, arn, 2 from chat_rooms
           union all select user_id, arn, 3 from stages
         ) r join users u on u.id = r.user_id where username_key(u.username) = username_key($1) order by kind",
    )
    .bind(username)
    .fetch_all(&tenant.pool())
    .await
    .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Sets an annotation, `key=value`.
pub async fn annotate(tenant: &Tenant, name: &str, annotation: &str) {
    let output = tenant.kubectl(&["annotate", "--overwrite", "streamer", name, annotation]).await;
    assert!(output.success, "{}", output.stderr);
}

/// Waits for an event with this reason about an account, and returns its note.
pub async fn event(tenant: &Tenant, name: &str, reason: &str) -> String {
    let events: Api<Event> = Api::namespaced(tenant.kube(), tenant.namespace());
    let seen = wait::until(format!("there is an event {reason} of {name}"), TIMEOUT, || async {
        let all = events.list(&ListParams::default()).await.map_err(|error| error.to_string())?.items;
        let matches = |event: &&Event| {
            event.reason.as_deref() == Some(reason)
                && event.regarding.as_ref().is_some_and(|about| about.name.as_deref() == Some(name))
        };
        all.iter().find(matches).map(|event| event.note.clone().unwrap_or_default()).ok_or_else(|| {
            let reasons: Vec<_> = all.iter().filter_map(|event| event.reason.as_deref()).collect();
            format!("the events are: {reasons:?}")
        })
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Forbids what the rule matches in the tenant's namespace, as an administrator's policy may. It takes a
/// moment until the policy is in force. Undo it with [`allow_again`].
pub async fn forbid(tenant: &Tenant, rule: &Value, message: &str) {
    let name = tenant.namespace();
    let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": name } });
    let policy: ValidatingAdmissionPolicy = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "matchConstraints": { "namespaceSelector": here, "resourceRules": [rule] },
            "validations": [{ "expression": "false", "message": message }],
        },
    }))
    .unwrap();
    let binding: ValidatingAdmissionPolicyBinding = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"] },
    }))
    .unwrap();
    let params = PostParams::default();
    Api::all(tenant.kube()).create(&params, &policy).await.unwrap();
    Api::all(tenant.kube()).create(&params, &binding).await.unwrap();
}

/// Undoes [`forbid`].
pub async fn allow_again(tenant: &Tenant) {
    let (name, params) = (tenant.namespace(), DeleteParams::default());
    Api::<ValidatingAdmissionPolicyBinding>::all(tenant.kube()).delete(name, &params).await.unwrap();
    Api::<ValidatingAdmissionPolicy>::all(tenant.kube()).delete(name, &params).await.unwrap();
}

/// Returns the number of rows that a query counts.
pub async fn count(tenant: &Tenant, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&tenant.pool()).await.unwrap()
}

/// Asserts that no resource and no row is left, except in the audit log.
pub async fn assert_nothing_left(tenant: &Tenant) {
    let counts = tenant.simulator().counts();
    let resources = [counts.channels, counts.stream_keys, counts.rooms, counts.stages];
    assert_eq!(resources, [0; 4], "channels, stream keys, rooms and stages are left");
    for table in [
        "users",
        "channels",
        "chat_rooms",
        "stages",
        "create_attempts",
        "missing_resources",
        "registrations",
        "sessions",
    ] {
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&tenant.pool())
            .await
            .unwrap();
        assert_eq!(rows, 0, "rows are left in {table}");
    }
}

/// Waits until /readyz of a program satisfies a predicate.
pub async fn until_readyz(program: &Operator, what: &str, predicate: impl Fn(&Response) -> bool) {
    let readyz = format!("{}/readyz", program.admin_url());
    let seen = wait::until(format!("readyz {what}"), TIMEOUT, || async {
        let answer = http::get(&readyz).await.map_err(|error| error.to_string())?;
        if predicate(&answer) { Ok(()) } else { Err(answer.body) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Returns the number of calls of this operation.
pub fn calls(tenant: &Tenant, operation: &str) -> usize {
    tenant.simulator().calls().iter().filter(|call| call.operation == operation).count()
}

/// Waits until AWS has received at least this many calls of the operation.
pub async fn called(tenant: &Tenant, operation: &str, times: usize) {
    let seen = wait::until(format!("{operation} was called"), TIMEOUT, || async {
        calls(tenant, operation) >= times
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}
