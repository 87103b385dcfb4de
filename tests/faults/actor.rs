//! A person with kubectl, the AWS console, and the backups.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::ResourceExt;
use serde_json::json;
use streamcat_operator::api::{
    ABANDON_ANNOTATION, AccountRef, FINALIZER, ObservedAccount, RECONCILE_AT_ANNOTATION, ResourceKind,
    StreamerAccountSpec, StreamerAccountStatus, USER_ID_ANNOTATION,
    condition::{READY, is_true},
    tags,
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    aws::Resource,
    controller::supervise,
    database::Database,
    oracle::end,
    workloads::{edited, spec},
    world::{INSTALLATION, REGION, World, calendar},
};

/// A person with kubectl, the AWS console, and the backups.
pub struct Actor {
    pub world: Arc<World>,
}

fn key(name: &str) -> AccountRef {
    AccountRef { namespace: "team".to_owned(), name: name.to_owned() }
}

impl Actor {
    /// Creates foreign resources with the same names as ours. They must survive everything.
    pub fn create_foreign_resources(&self) {
        let foreign = |installation: Option<&str>| {
            let installation = installation.map(|id| (tags::INSTALLATION.to_owned(), id.to_owned()));
            let account = (tags::ACCOUNT.to_owned(), "team/todd".to_owned());
            installation.into_iter().chain([account]).collect()
        };
        self.world.act("foreign resources of the same names are created", |state, now, _| {
            for kind in ResourceKind::ALL {
                for tags in [foreign(None), foreign(Some("other_cluster"))] {
                    let resource = Resource {
                        kind,
                        name: "todd".to_owned(),
                        tags,
                        settings: json!({}),
                        in_use: false,
                        updated_at: calendar(now),
                    };
                    state.aws.create(now, resource);
                }
            }
        });
    }

    /// Applies a manifest. While an object of that name is being deleted, retries.
    pub async fn apply(&self, name: &str, spec: StreamerAccountSpec) {
        let apply = || {
            let (spec, what) = (spec.clone(), format!("apply {name}"));
            self.world.act(&what, |state, _, time| state.cluster.apply(&key(name), spec, time))
        };
        while apply().is_none() {
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Creates a chat room with our tags that belongs to no account.
    pub fn create_unowned_room(&self, name: &str) {
        self.world.act(&format!("a room {name} without an account is created"), |state, now, _| {
            let tags = [
                (tags::INSTALLATION, INSTALLATION.to_owned()),
                (tags::ACCOUNT, format!("team/{name}")),
                (tags::USER, Uuid::from_u128(name.len() as u128).to_string()),
            ];
            let resource = Resource {
                kind: ResourceKind::ChatRoom,
                name: name.to_owned(),
                tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
                settings: json!({}),
                in_use: false,
                updated_at: calendar(now),
            };
            state.aws.create(now, resource);
        });
    }

    /// Deletes the resources of this name in AWS.
    pub fn delete_by_name_in_aws(&self, name: &str) {
        self.world.act(&format!("{name} is deleted in AWS"), |state, now, _| {
            let found = state.aws.resources().iter().filter(|(_, resource)| resource.name == name);
            for arn in found.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.delete(now, &arn);
            }
        });
    }

    /// Gives each list of AWS pages of this size, or one page.
    pub fn set_page_size(&self, page_size: Option<usize>) {
        self.world.act("the lists of AWS have other pages", |state, _, _| state.aws.page_size = page_size);
    }

    /// Checks the names on the orphan list, and that no resource counts as missing. After a fault it may take
    /// longer.
    pub fn check_resync_findings(&self, orphans: &[&str]) {
        self.world.act("what has the resync found?", |state, _, _| {
            let listed = state.database.orphans.values();
            let listed: Vec<_> = listed.filter_map(|listed| listed.orphan.username.as_deref()).collect();
            let missing: Vec<_> = state.database.missing.keys().collect();
            if (listed != orphans || !missing.is_empty()) && state.failed_calls == 0 {
                let found = format!("the orphans are {listed:?}, not {orphans:?}; missing: {missing:?}");
                state.violations.push(found);
            }
        });
    }

    /// Waits until an account is Ready, like `kubectl wait`.
    pub async fn wait_until_ready(&self, name: &str) {
        let is_ready = |status: &StreamerAccountStatus| is_true(&status.conditions, READY);
        let account = key(name);
        self.world
            .wait_until(|state| {
                state
                    .cluster
                    .accounts
                    .get(&account)
                    .and_then(|found| found.status.as_ref())
                    .is_some_and(is_ready)
            })
            .await;
    }

    /// Waits until each account has our finalizer.
    pub async fn wait_until_finalizer(&self) {
        let is_held =
            |account: &Arc<ObservedAccount>| account.finalizers().iter().any(|name| name == FINALIZER);
        self.world.wait_until(|state| state.cluster.accounts.values().all(is_held)).await;
    }

    /// Creates a foreign Secret with the name of an account's Secret.
    pub fn create_foreign_secret(&self, name: &str) {
        self.world.act(&format!("a foreign Secret for {name} is created"), |state, _, _| {
            state.cluster.put_secret("team", &format!("{name}-stream-key"));
        });
    }

    /// Deletes the stream keys of our channels in AWS. A rotation also creates new ones.
    pub fn delete_stream_keys(&self, are_rotated: bool) {
        self.world.act("the stream keys are deleted in AWS", |state, _, _| {
            let is_ours = |resource: &Resource| resource.tags.contains_key(tags::USER);
            let ours = state.aws.resources().iter().filter(|(_, resource)| is_ours(resource));
            for arn in ours.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                let had_one = state.aws.stream_key(&arn).is_some();
                state.aws.delete_key(&arn);
                if are_rotated && had_one {
                    state.aws.create_key(&arn);
                }
            }
        });
    }

    /// Overwrites an account's Secret, if it exists.
    pub fn overwrite_secret(&self, name: &str) {
        self.change_secret(name, "overwritten", |secret| {
            let data = secret.data.get_or_insert_default();
            data.insert("streamKey".to_owned(), ByteString(b"sk_foreign".to_vec()));
            data.insert("playbackUrl".to_owned(), ByteString(b"https://foreign".to_vec()));
        });
    }

    /// Removes the owner reference from an account's Secret, if it exists.
    pub fn orphan_secret(&self, name: &str) {
        self.change_secret(name, "without an owner", |secret| secret.metadata.owner_references = None);
    }

    fn change_secret(&self, name: &str, what: &str, change: impl FnOnce(&mut Secret)) {
        self.world.act(&format!("the Secret of {name} is {what}"), |state, _, _| {
            state.cluster.change_secret("team", &format!("{name}-stream-key"), change);
        });
    }

    /// Begins or ends the time in which nothing may be changed in AWS for an account.
    pub fn watch_suspended(&self, name: &str, is_suspended: bool) {
        self.world.act(&format!("{name} is suspended: {is_suspended}"), |state, _, _| {
            if is_suspended {
                state.suspended.insert(key(name));
            } else {
                state.suspended.remove(&key(name));
            }
        });
    }

    /// Requests a reconcile of an account.
    pub fn request_reconcile(&self, name: &str) {
        self.world.act(&format!("a reconcile of {name} is requested"), |state, now, _| {
            state.cluster.annotate(&key(name), RECONCILE_AT_ANNOTATION, &format!("{now:?}"));
        });
    }

    pub fn delete(&self, name: &str) {
        self.world.act(&format!("delete {name}"), |state, now, time| {
            state.cluster.delete(&key(name), now, time);
        });
    }

    /// Registers a person on the page, which creates the account.
    pub async fn register(&self, name: &str) {
        self.world.act(&format!("{name} registers"), |state, _, _| {
            if state.database.registered(name).is_none() {
                state.database.register(Uuid::from_u128(state.rng.u128(..)), name);
            }
        });
        self.apply_as_registered(name).await;
    }

    /// Creates the account of a registered person as the page does, if it does not exist.
    pub async fn apply_as_registered(&self, name: &str) {
        let apply = || {
            self.world.act(&format!("the page applies {name}"), |state, _, time| {
                let id = state.database.registered(name).expect("a registered user").to_string();
                state.ownership.username_registered(name, &id);
                state.cluster.apply(&key(name), spec(name), time)?;
                state.cluster.annotate(&key(name), USER_ID_ANNOTATION, &id);
                Some(())
            })
        };
        while apply().is_none() {
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Replaces the account with a manifest that has no annotations.
    pub fn replace_without_annotations(&self, name: &str, spec: StreamerAccountSpec) {
        self.world.act(&format!("replace {name}"), |state, _, time| {
            state.cluster.drop_annotations(&key(name));
            state.cluster.apply(&key(name), spec, time);
        });
    }

    /// Waits until an object is gone.
    pub async fn wait_until_gone(&self, name: &str) {
        let account = key(name);
        self.world.wait_until(|state| !state.cluster.accounts.contains_key(&account)).await;
    }

    /// Adds our finalizer to an account.
    pub fn add_finalizer(&self, name: &str) {
        self.world.act(&format!("our finalizer is added to {name}"), |state, _, _| {
            state.cluster.add_finalizer(&key(name));
        });
    }

    /// Loses an object; its row and its resources stay.
    pub fn lose_object(&self, name: &str) {
        self.world.act(&format!("the object {name} is lost"), |state, now, _| {
            state.cluster.lose(&key(name), now);
        });
    }

    /// Deletes an account at the moment at which its finalizer is added: the API server removes the object
    /// without waiting for the finalizer.
    pub async fn delete_while_finalizer_is_added(&self, name: &str) {
        let account = key(name);
        self.world
            .wait_until(|state| {
                let found = state.cluster.accounts.get(&account);
                found.is_some_and(|account| !account.finalizers().is_empty())
            })
            .await;
        self.world.act(&format!("delete {name} while its finalizer is added"), |state, now, _| {
            state.cluster.remove_early(&account, now);
        });
    }

    /// Checks that nothing of an account is left. After a fault it may take longer.
    pub fn check_gone(&self, name: &str) {
        self.world.act("is everything gone?", |state, _, _| {
            let rows = state.database.users.values().filter(|user| user.account == key(name)).count();
            let resources = end::ours(state).len();
            if rows + resources > 0 && state.failed_calls == 0 {
                state
                    .violations
                    .push(format!("I3: {rows} rows and {resources} resources of {name} are left"));
            }
        });
    }

    /// Applies the accounts in another cluster with the same database, and makes it the one that people use.
    /// The previous cluster continues to run.
    pub async fn open_other_cluster(&self) {
        self.world.act("the accounts are applied in another cluster", |state, now, time| {
            let other = state.cluster.copy_from_git("another", now, &time);
            state.other_cluster = Some(std::mem::replace(&mut state.cluster, other));
        });
        tokio::spawn(supervise(Arc::clone(&self.world), "other", "another".to_owned()));
        sleep(Duration::from_millis(1)).await;
    }

    /// Deletes an account in the previous cluster.
    pub fn delete_in_other_cluster(&self, name: &str) {
        self.world.act(&format!("delete {name} in the previous cluster"), |state, now, time| {
            if let Some(cluster) = &mut state.other_cluster {
                cluster.delete(&key(name), now, time);
            }
        });
    }

    /// Stops or starts the controllers of the previous cluster.
    pub fn set_other_cluster_running(&self, controllers_run: bool) {
        self.world.act(
            &format!("the controllers of the previous cluster run: {controllers_run}"),
            |state, _, _| {
                let Some(cluster) = &state.other_cluster else { return };
                if controllers_run {
                    state.stopped_clusters.remove(&cluster.id);
                } else {
                    state.stopped_clusters.insert(cluster.id.clone());
                }
            },
        );
    }

    /// Removes the previous cluster.
    pub fn remove_other_cluster(&self) {
        self.set_other_cluster_running(false);
        self.world.act("the previous cluster is removed", |state, _, _| state.other_cluster = None);
    }

    pub fn abandon(&self, name: &str) {
        self.world.act(&format!("abandon {name}"), |state, _, _| {
            state.cluster.annotate(&key(name), ABANDON_ANNOTATION, "true");
        });
    }

    pub fn delete_namespace(&self) {
        self.world.act("delete the namespace", |state, now, time| {
            state.cluster.delete_namespace("team", now, &time);
        });
    }

    pub async fn three_accounts(&self) {
        for name in ["todd", "ann", "bea"] {
            self.apply(name, spec(name)).await;
        }
        sleep(Duration::from_secs(2)).await;
        self.apply("ann", edited("ann")).await;
        self.delete("bea");
    }

    /// Sets a value in the account's spec that this version does not know.
    pub fn apply_unknown_value(&self, name: &str) {
        let key = key(name);
        self.world.act(&format!("{name} gets an unknown value"), |state, _, _| {
            state.cluster.apply_unknown_value(&key);
        });
    }

    /// Sets the time for which a Create waits for its call budget.
    pub fn set_budget_wait(&self, wait: Duration) {
        self.world.act("the call budgets change", |state, _, _| state.budget_wait = wait);
    }

    /// Lets AWS create no further stages, or any number.
    pub fn set_stage_quota_used_up(&self, is_used_up: bool) {
        self.world.act("the quota of stages is used up or raised", |state, _, _| {
            state.aws.stage_quota = is_used_up.then(|| state.aws.stages());
        });
    }

    /// Checks that an object is gone. After a fault it may take longer.
    pub fn check_object_gone(&self, name: &str) {
        self.world.act("is it gone?", |state, _, _| {
            if state.cluster.accounts.contains_key(&key(name)) && state.failed_calls == 0 {
                state.violations.push(format!("the deletion of {name} waits"));
            }
        });
    }

    /// Checks the number of calls of an operation by one controller since the workload began to act. A fault
    /// can cause more.
    pub fn check_calls(&self, operation: &str, at_most: usize) {
        self.world.act("were there few calls?", |state, _, _| {
            let calls = state.calls.iter().filter(|call| call.name == operation).count();
            if calls > at_most && state.failed_calls == 0 && !state.has_two_controllers {
                state.violations.push(format!("{operation} was called {calls} times, not {at_most}"));
            }
        });
    }

    /// Checks the number of accounts that are Ready. After a fault it may take longer.
    pub fn check_ready_accounts(&self, expected: usize) {
        self.world.act("how many are Ready?", |state, _, _| {
            let statuses = state.cluster.accounts.values().filter_map(|account| account.status.as_ref());
            let ready = statuses.filter(|status| is_true(&status.conditions, READY)).count();
            if ready != expected && state.failed_calls == 0 && !state.has_two_controllers {
                state.violations.push(format!("{ready} accounts are Ready, not {expected}"));
            }
        });
    }

    /// Lets AWS deny every list, or no longer.
    pub fn set_lists_denied(&self, is_denied: bool) {
        self.world.act("lists are denied or permitted", |state, _, _| state.aws.denies_lists = is_denied);
    }

    /// Lets the API server refuse every event, or no longer.
    pub fn set_events_refused(&self, is_refused: bool) {
        self.world.act("events are refused or accepted", |state, _, _| {
            state.cluster.refuses_events = is_refused;
        });
    }

    /// Checks whether an account is Ready. After a fault it may take longer.
    pub fn check_ready(&self, name: &str, expected: bool) {
        let key = key(name);
        self.world.act("is it Ready?", |state, _, _| {
            let account = state.cluster.accounts.get(&key);
            let status = account.and_then(|account| account.status.as_ref());
            let is_ready = status.is_some_and(|status| is_true(&status.conditions, READY));
            if is_ready != expected && state.failed_calls == 0 {
                state.violations.push(format!("I10: that {key} is Ready is {is_ready}"));
            }
        });
    }

    /// Deletes one of our resources in AWS, if there is one.
    pub fn delete_in_aws(&self, kind: ResourceKind) {
        self.world.act(&format!("the {kind} is deleted in AWS"), |state, now, _| {
            let is_match =
                |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_match(resource));
            let Some(arn) = found.map(|(arn, _)| arn.clone()) else { return };
            state.aws.delete(now, &arn);
            state.aws.external_deletes.insert(arn);
        });
    }

    /// Hides all our resources of a kind, which still exist.
    pub fn hide(&self, kind: ResourceKind) {
        self.world.act(&format!("AWS hides the {kind}"), |state, now, _| {
            let is_match =
                |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().filter(|(_, resource)| is_match(resource));
            for arn in found.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.hide(now, &arn);
            }
        });
    }

    /// Shows everything again.
    pub fn show(&self) {
        self.world.act("AWS shows everything again", |state, now, _| {
            state.is_braked = false;
            state.aws.show(now);
        });
    }

    /// Starts streams to all our channels that AWS shows.
    pub fn start_streams(&self) {
        self.world.act("streams start", |state, now, _| {
            let is_match = |resource: &Resource| {
                resource.kind == ResourceKind::Channel && resource.tags.contains_key(tags::USER)
            };
            let found = state.aws.resources().iter().filter(|(_, resource)| is_match(resource));
            for arn in found.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.modify(now, &arn, |resource| resource.in_use = true);
            }
        });
    }

    /// Makes more resources missing than the brake allows.
    pub fn engage_brake(&self) {
        self.world.act("many resources go missing", |state, _, _| state.is_braked = true);
    }

    /// Releases the brake.
    pub fn release_brake(&self) {
        self.world.act("the brake is released", |state, now, _| {
            state.is_braked = false;
            state.database.release_brake(now);
        });
    }

    /// Restarts the controllers where none of our resources are: in another region, or by mistake with
    /// another endpoint.
    pub async fn restart_elsewhere(&self, region: Option<&'static str>) {
        self.world.act("the controllers are started elsewhere", |state, _, _| {
            state.region = region.unwrap_or(REGION);
            state.aws.is_wrong_endpoint = true;
        });
        self.restart_controllers().await;
    }

    /// Restarts the controllers with the correct region and endpoint.
    pub async fn restart_here(&self) {
        self.world.act("the controllers are started with the correct settings", |state, _, _| {
            state.region = REGION;
            state.aws.is_wrong_endpoint = false;
        });
        self.restart_controllers().await;
    }

    /// Renames one of our resources in AWS.
    pub fn rename(&self, kind: ResourceKind) {
        self.world.act(&format!("the {kind} is renamed"), |state, now, _| {
            let is_match =
                |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_match(resource));
            let Some(arn) = found.map(|(arn, _)| arn.clone()) else { return };
            state.aws.modify(now, &arn, |resource| "another-name".clone_into(&mut resource.name));
        });
    }

    /// Changes the name, settings, and tags of our resources in AWS.
    pub fn change_in_aws(&self) {
        self.world.act("somebody changes the resources in AWS", |state, now, _| {
            let ours = state.aws.resources().iter().filter(|(_, found)| found.tags.contains_key(tags::USER));
            for arn in ours.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.modify(now, &arn, |resource| match resource.kind {
                    ResourceKind::Channel => {
                        resource.settings["type"] = "STANDARD".into();
                        resource.settings["latencyMode"] = "LOW".into();
                    }
                    ResourceKind::ChatRoom => {
                        resource.tags.insert("team".to_owned(), "another".to_owned());
                        resource.tags.remove("new");
                    }
                    ResourceKind::Stage => "another-name".clone_into(&mut resource.name),
                });
                state.aws.external_changes.insert(arn);
            }
        });
    }

    /// Makes AWS accept a room's maximum message length and not keep it.
    pub fn discard_message_length(&self) {
        self.world.act("AWS does not keep a setting", |state, _, _| {
            state.aws.discarded_setting = Some("maximumMessageLength");
        });
    }

    /// Records a foreign channel as ours in the database.
    pub fn record_foreign_channel(&self) {
        self.world.act("a foreign channel is recorded as ours", |state, now, _| {
            let kind = ResourceKind::Channel;
            // A resource without any owner's tags counts as the user's once it is recorded, because it may
            // have lost its tags.
            let is_foreign = |resource: &Resource| {
                let installation = resource.tags.get(tags::INSTALLATION);
                resource.kind == kind && installation.is_some_and(|id| id != INSTALLATION)
            };
            let found = state.aws.resources().iter().find(|(_, resource)| is_foreign(resource));
            let arn = found.map(|(arn, _)| arn.clone()).expect("a foreign channel");
            state.database.record_channel(now, "todd", &arn);
        });
    }

    /// Overwrites names and addresses in the rows of a user.
    pub fn overwrite_rows(&self, username: &str) {
        self.world.act("names and addresses in the database are changed", |state, _, _| {
            state.database.overwrite_addresses(username);
        });
    }

    /// Restores the accounts without their status.
    pub fn lose_status(&self) {
        self.world.act("status is lost", |state, _, _| state.cluster.clear_status());
    }

    /// Removes all our tags from our resources.
    pub fn lose_tags(&self) {
        self.world.act("our tags are lost", |state, now, _| {
            let resources = state.aws.resources().iter();
            let ours = resources.filter(|(_, resource)| resource.tags.contains_key(tags::USER));
            for arn in ours.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.modify(now, &arn, |resource| {
                    resource.tags.retain(|key, _| !tags::is_reserved(key));
                });
            }
        });
    }

    /// Removes the user's tag from one of our resources, if there is one.
    pub fn lose_user_tag(&self, kind: ResourceKind) {
        self.world.act(&format!("the user's tag of the {kind} is lost"), |state, now, _| {
            let is_match =
                |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_match(resource));
            let Some(arn) = found.map(|(arn, _)| arn.clone()) else { return };
            state.aws.modify(now, &arn, |resource| drop(resource.tags.remove(tags::USER)));
        });
    }

    /// Backs up the database.
    pub fn back_up(&self) {
        self.world.act("the database is backed up", |state, _, _| state.backup = state.database.clone());
    }

    /// Restores the database from the backup.
    pub fn restore(&self) {
        self.world.act("the database is restored", |state, now, _| {
            state.replace_database(now, state.backup.clone());
        });
    }

    /// Replaces the database with an empty one.
    pub fn empty_database(&self) {
        self.world.act("the database is empty", |state, now, _| {
            state.replace_database(now, Database::default());
        });
    }

    /// Replaces the cluster with a new one that has the accounts from Git.
    pub fn rebuild_cluster(&self) {
        self.world
            .act("the cluster is re-created from Git", |state, now, time| state.cluster.rebuild(now, &time));
    }

    /// Restarts the controllers.
    pub async fn restart_controllers(&self) {
        self.world.act("the controllers are stopped", |state, _, _| state.controllers_run = false);
        sleep(Duration::from_millis(1)).await;
        self.world.act("the controllers are started", |state, _, _| state.controllers_run = true);
    }
}
