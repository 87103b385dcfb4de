//! Someone with kubectl, the AWS console and the backups.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::ResourceExt;
use serde_json::json;
use streamcat_operator::api::{
    ABANDON_ANNOTATION, AccountRef, FINALIZER, RECONCILE_AT_ANNOTATION, ResourceKind, StreamerAccount,
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
    workloads::{edited, spec},
    world::{INSTALLATION, REGION, World, calendar},
};

/// Someone with kubectl, the AWS console and the backups.
pub struct Actor {
    pub world: Arc<World>,
}

fn key(name: &str) -> AccountRef {
    AccountRef { namespace: "team".to_owned(), name: name.to_owned() }
}

impl Actor {
    /// Resources of others that are called as ours are: they must survive everything.
    pub fn create_foreign_resources(&self) {
        let foreign = |installation: Option<&str>| {
            let installation = installation.map(|id| (tags::INSTALLATION.to_owned(), id.to_owned()));
            let account = (tags::ACCOUNT.to_owned(), "team/todd".to_owned());
            installation.into_iter().chain([account]).collect()
        };
        self.world.act("others have resources of the same names", |state, now, _| {
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

    /// Applies a manifest; while an object of that name is being deleted, again and again.
    pub async fn apply(&self, name: &str, spec: StreamerAccountSpec) {
        let apply = || {
            let (spec, what) = (spec.clone(), format!("apply {name}"));
            self.world.act(&what, |state, _, time| state.cluster.apply(&key(name), spec, time))
        };
        while apply().is_none() {
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until an account is ready, as `kubectl wait` does.
    pub async fn until_ready(&self, name: &str) {
        let is_ready = |status: &StreamerAccountStatus| is_true(&status.conditions, READY);
        let account = key(name);
        self.world
            .until(|state| {
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
    pub async fn until_finalizer(&self) {
        let is_held =
            |account: &Arc<StreamerAccount>| account.finalizers().iter().any(|name| name == FINALIZER);
        self.world.until(|state| state.cluster.accounts.values().all(is_held)).await;
    }

    /// Somebody has a Secret of the name that an account's is to have.
    pub fn create_foreign_secret(&self, name: &str) {
        self.world.act(&format!("somebody has a Secret for {name}"), |state, _, _| {
            state.cluster.put_secret("team", &format!("{name}-stream-key"));
        });
    }

    /// Somebody deletes the key of a channel of ours in the console, and makes another where it is to be rotated.
    pub fn delete_stream_keys(&self, are_rotated: bool) {
        self.world.act("somebody deletes the stream keys", |state, _, _| {
            let is_ours = |resource: &Resource| resource.tags.contains_key(tags::USER);
            let ours = state.aws.resources().iter().filter(|(_, resource)| is_ours(resource));
            for arn in ours.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                let had_one = state.aws.stream_key(&arn).is_some();
                state.aws.delete_key(&arn);
                if are_rotated && had_one {
                    state.aws.make_key(&arn);
                }
            }
        });
    }

    /// Somebody writes into an account's Secret, if it is there.
    pub fn overwrite_secret(&self, name: &str) {
        self.change_secret(name, "overwritten", |secret| {
            let data = secret.data.get_or_insert_default();
            data.insert("streamKey".to_owned(), ByteString(b"sk_of_somebody".to_vec()));
            data.insert("playbackUrl".to_owned(), ByteString(b"https://somebody".to_vec()));
        });
    }

    /// Somebody takes the owner from an account's Secret, if it is there.
    pub fn orphan_secret(&self, name: &str) {
        self.change_secret(name, "without an owner", |secret| secret.metadata.owner_references = None);
    }

    fn change_secret(&self, name: &str, what: &str, change: impl FnOnce(&mut Secret)) {
        self.world.act(&format!("the Secret of {name} is {what}"), |state, _, _| {
            state.cluster.change_secret("team", &format!("{name}-stream-key"), change);
        });
    }

    /// Somebody asks for a look at everything.
    pub fn request_reconcile(&self, name: &str) {
        self.world.act(&format!("a look at {name} is asked for"), |state, now, _| {
            state.cluster.annotate(&key(name), RECONCILE_AT_ANNOTATION, &format!("{now:?}"));
        });
    }

    pub fn delete(&self, name: &str) {
        self.world.act(&format!("delete {name}"), |state, now, time| {
            state.cluster.delete(&key(name), now, time);
        });
    }

    /// A person registers on the page, which makes the account.
    pub async fn register(&self, name: &str) {
        self.world.act(&format!("{name} registers"), |state, _, _| {
            if state.database.registered(name).is_none() {
                state.database.register(Uuid::from_u128(state.rng.u128(..)), name);
            }
        });
        self.apply_as_registered(name).await;
    }

    /// The page makes the account of a registered person, if it is not there.
    pub async fn apply_as_registered(&self, name: &str) {
        let apply = || {
            self.world.act(&format!("the page applies {name}"), |state, _, time| {
                let id = state.database.registered(name).expect("a registered actor").to_string();
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

    /// Somebody replaces the account with a manifest that has no annotations.
    pub fn replace_without_annotations(&self, name: &str, spec: StreamerAccountSpec) {
        self.world.act(&format!("replace {name}"), |state, _, time| {
            state.cluster.drop_annotations(&key(name));
            state.cluster.apply(&key(name), spec, time);
        });
    }

    /// Waits until an object is gone.
    pub async fn until_gone(&self, name: &str) {
        let account = key(name);
        self.world.until(|state| !state.cluster.accounts.contains_key(&account)).await;
    }

    /// Somebody applies an account with our finalizer on it.
    pub fn add_finalizer(&self, name: &str) {
        self.world
            .act(&format!("{name} has our finalizer"), |state, _, _| state.cluster.add_finalizer(&key(name)));
    }

    /// An object is lost; its row and its resources are not.
    pub fn lose_object(&self, name: &str) {
        self.world.act(&format!("the object {name} is lost"), |state, now, _| {
            state.cluster.lose(&key(name), now);
        });
    }

    /// The accounts are applied in another cluster with the same database; the one before goes on. From here on people use the new one.
    pub async fn open_other_cluster(&self) {
        self.world.act("the accounts are applied in another cluster", |state, now, time| {
            let other = state.cluster.another("another", now, &time);
            state.other_cluster = Some(std::mem::replace(&mut state.cluster, other));
        });
        tokio::spawn(supervise(Arc::clone(&self.world), "other", "another".to_owned()));
        sleep(Duration::from_millis(1)).await;
    }

    /// Deletes an account in the cluster before.
    pub fn delete_in_other_cluster(&self, name: &str) {
        self.world.act(&format!("delete {name} in the cluster before"), |state, now, time| {
            if let Some(cluster) = &mut state.other_cluster {
                cluster.delete(&key(name), now, time);
            }
        });
    }

    /// The controllers of the cluster before stop, or run again.
    pub fn set_other_cluster_running(&self, controllers_run: bool) {
        self.world.act(&format!("the cluster before works: {controllers_run}"), |state, _, _| {
            let Some(cluster) = &state.other_cluster else { return };
            if controllers_run {
                state.stopped_clusters.remove(&cluster.id);
            } else {
                state.stopped_clusters.insert(cluster.id.clone());
            }
        });
    }

    /// The cluster before is there no more.
    pub fn remove_other_cluster(&self) {
        self.set_other_cluster_running(false);
        self.world.act("the cluster before is gone", |state, _, _| state.other_cluster = None);
    }

    pub fn abandon(&self, name: &str) {
        self.world.act(&format!("let go of {name}"), |state, _, _| {
            state.cluster.annotate(&key(name), ABANDON_ANNOTATION, "true");
        });
    }

    pub fn delete_namespace(&self) {
        self.world.act("delete the namespace", |state, now, time| {
            state.cluster.end_namespace("team", now, &time);
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

    /// Somebody deletes one of ours in the console, if there is one.
    pub fn delete_in_aws(&self, kind: ResourceKind) {
        self.world.act(&format!("somebody deletes the {kind}"), |state, now, _| {
            let is_it = |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_it(resource));
            let Some(arn) = found.map(|(arn, _)| arn.clone()) else { return };
            state.aws.delete(now, &arn);
            state.aws.external_deletes.insert(arn);
        });
    }

    /// AWS shows none of ours of a kind any more, though they are there.
    pub fn hide(&self, kind: ResourceKind) {
        self.world.act(&format!("AWS does not show the {kind}"), |state, now, _| {
            let is_it = |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().filter(|(_, resource)| is_it(resource));
            for arn in found.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.hide(now, &arn);
            }
        });
    }

    /// AWS shows everything again.
    pub fn show(&self) {
        self.world.act("AWS shows everything again", |state, now, _| {
            state.is_braked = false;
            state.aws.show(now);
        });
    }

    /// People stream to all channels of ours that AWS shows.
    pub fn start_streams(&self) {
        self.world.act("people stream", |state, now, _| {
            let is_it = |resource: &Resource| {
                resource.kind == ResourceKind::Channel && resource.tags.contains_key(tags::USER)
            };
            let found = state.aws.resources().iter().filter(|(_, resource)| is_it(resource));
            for arn in found.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.alter(now, &arn, |resource| resource.in_use = true);
            }
        });
    }

    /// From here on more is missing than the brake allows.
    pub fn engage_brake(&self) {
        self.world.act("much goes missing", |state, _, _| state.is_braked = true);
    }

    /// Somebody releases the brake.
    pub fn release_brake(&self) {
        self.world.act("the engage_brake is released", |state, now, _| {
            state.is_braked = false;
            state.database.release_brake(now);
        });
    }

    /// The controllers are started where nothing of ours is: with another region, or, by mistake, with another endpoint.
    pub async fn restart_elsewhere(&self, region: Option<&'static str>) {
        self.world.act("the controllers are sent other_cluster", |state, _, _| {
            state.region = region.unwrap_or(REGION);
            state.aws.is_wrong_endpoint = true;
        });
        self.restart_controllers().await;
    }

    /// They are started where they belong.
    pub async fn restart_here(&self) {
        self.world.act("the controllers are sent back", |state, _, _| {
            state.region = REGION;
            state.aws.is_wrong_endpoint = false;
        });
        self.restart_controllers().await;
    }

    /// Somebody renames one of ours in the console.
    pub fn rename(&self, kind: ResourceKind) {
        self.world.act(&format!("the {kind} is renamed"), |state, now, _| {
            let is_it = |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_it(resource));
            let Some(arn) = found.map(|(arn, _)| arn.clone()) else { return };
            state.aws.alter(now, &arn, |resource| "another-name".clone_into(&mut resource.name));
        });
    }

    /// AWS takes the longest message of a room, and does not keep it.
    pub fn drop_message_length(&self) {
        self.world.act("AWS does not keep a setting", |state, _, _| {
            state.aws.dropped_setting = Some("maximumMessageLength");
        });
    }

    /// Somebody writes into the database that another's channel is ours.
    pub fn record_foreign_channel(&self) {
        self.world.act("another's channel is recorded as ours", |state, now, _| {
            let kind = ResourceKind::Channel;
            // One without a tag of anybody is the user's once it is recorded: it may have lost its tags.
            let is_foreign = |resource: &Resource| {
                let installation = resource.tags.get(tags::INSTALLATION);
                resource.kind == kind && installation.is_some_and(|id| id != INSTALLATION)
            };
            let found = state.aws.resources().iter().find(|(_, resource)| is_foreign(resource));
            let arn = found.map(|(arn, _)| arn.clone()).expect("another's channel");
            state.database.record_wrongly(now, "todd", &arn);
        });
    }

    /// Somebody writes other names and addresses into the rows of a user.
    pub fn overwrite_rows(&self, username: &str) {
        self.world.act("names and addresses in the database are changed", |state, _, _| {
            state.database.record_other_addresses(username);
        });
    }

    /// Somebody restores the accounts without their status.
    pub fn lose_status(&self) {
        self.world.act("status is lost", |state, _, _| state.cluster.clear_status());
    }

    /// Somebody removes all our tags from what is ours.
    pub fn lose_tags(&self) {
        self.world.act("our tags are lost", |state, now, _| {
            let resources = state.aws.resources().iter();
            let ours = resources.filter(|(_, resource)| resource.tags.contains_key(tags::USER));
            for arn in ours.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.alter(now, &arn, |resource| {
                    resource.tags.retain(|key, _| !tags::is_reserved(key));
                });
            }
        });
    }

    /// Somebody removes the tag that names the user from one of ours, if there is one.
    pub fn lose_user_tag(&self, kind: ResourceKind) {
        self.world.act(&format!("the user's tag of the {kind} is lost"), |state, now, _| {
            let is_it = |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_it(resource));
            let Some(arn) = found.map(|(arn, _)| arn.clone()) else { return };
            state.aws.alter(now, &arn, |resource| drop(resource.tags.remove(tags::USER)));
        });
    }

    /// Somebody keeps what the database has.
    pub fn back_up(&self) {
        self.world.act("the database is backed up", |state, _, _| state.backup = state.database.clone());
    }

    /// Somebody brings it back.
    pub fn restore(&self) {
        self.world.act("the database is restored", |state, now, _| {
            state.replace_database(now, state.backup.clone());
        });
    }

    /// Somebody loses the database, and begins with an empty one.
    pub fn empty_database(&self) {
        self.world.act("the database is empty", |state, now, _| {
            state.replace_database(now, Database::default());
        });
    }

    /// Somebody loses the cluster, and makes it again from what is in Git.
    pub fn rebuild_cluster(&self) {
        self.world
            .act("the cluster is made again from Git", |state, now, time| state.cluster.rebuild(now, &time));
    }

    /// The controllers are started again.
    pub async fn restart_controllers(&self) {
        self.world.act("the controllers are stopped", |state, _, _| state.controllers_run = false);
        sleep(Duration::from_millis(1)).await;
        self.world.act("the controllers are started", |state, _, _| state.controllers_run = true);
    }
}
