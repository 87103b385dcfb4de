//! A scenario generated from the run's seed: random actions of people with random pauses.

use std::time::Duration;

use fastrand::Rng;
use streamcat_operator::api::{DeletionPolicy, ResourceKind, StreamerAccountSpec};
use tokio::time::sleep;

use super::{DURING_CREATES, SETTLE_TIME, edited, spec, specs::edited_again};
use crate::{actor::Actor, controller::RESYNC};

/// The accounts, and the usernames that they claim.
const ACCOUNTS: [(&str, &str); 3] = [("todd", "todd"), ("ann", "ann"), ("other", "Todd")];

/// Number of actions in a scenario.
const STEPS: usize = 8;

/// Number of equally likely choices for each action.
const CHANCES: u8 = 24;

/// Performs the actions that the seed chooses.
pub async fn act(actor: &Actor) {
    let mut rng = Rng::with_seed(actor.world.seed);
    // A second loss could take the last of the three records, which nobody can restore.
    let mut is_lost = false;
    actor.apply("todd", spec("todd")).await;
    for _ in 0..STEPS {
        sleep(pause(&mut rng)).await;
        match rng.u8(..CHANCES) {
            chance @ 0..13 => daily(actor, &mut rng, chance).await,
            13 => actor.back_up(),
            chance @ 20.. => touch_keys(actor, &mut rng, chance),
            _ if is_lost => {}
            chance => {
                is_lost = true;
                lose(actor, &mut rng, chance).await;
            }
        }
    }
}

fn pause(rng: &mut Rng) -> Duration {
    let pauses =
        [DURING_CREATES, Duration::from_secs(1), Duration::from_secs(5), SETTLE_TIME, SETTLE_TIME, RESYNC];
    pauses[rng.usize(..pauses.len())]
}

fn any_kind(rng: &mut Rng) -> ResourceKind {
    ResourceKind::ALL[rng.usize(..ResourceKind::ALL.len())]
}

fn any_spec(rng: &mut Rng, username: &str) -> StreamerAccountSpec {
    let mut spec = [spec, edited, edited_again][rng.usize(..3)](username);
    if rng.u8(..4) == 0 {
        spec.deletion_policy = Some(DeletionPolicy::Retain);
    }
    spec
}

/// Everyday actions of people, and deletions in AWS.
async fn daily(actor: &Actor, rng: &mut Rng, chance: u8) {
    let (name, username) = ACCOUNTS[rng.usize(..ACCOUNTS.len())];
    match chance {
        0..7 => actor.apply(name, any_spec(rng, username)).await,
        7..9 => actor.delete(name),
        9 => {
            actor.abandon(name);
            actor.delete(name);
        }
        10..12 => actor.delete_in_aws(any_kind(rng)),
        _ => actor.restart_controllers().await,
    }
}

/// Changes stream keys or their Secrets, and requests a reconcile.
fn touch_keys(actor: &Actor, rng: &mut Rng, chance: u8) {
    let (name, _) = ACCOUNTS[rng.usize(..ACCOUNTS.len())];
    match chance {
        20 => actor.delete_stream_keys(true),
        21 => actor.delete_stream_keys(false),
        22 => actor.overwrite_secret(name),
        _ => actor.orphan_secret(name),
    }
    for (name, _) in ACCOUNTS {
        actor.request_reconcile(name);
    }
}

/// Loses one of the records, or replaces it with an older one.
async fn lose(actor: &Actor, rng: &mut Rng, chance: u8) {
    match chance {
        14 => actor.lose_user_tag(any_kind(rng)),
        15 => actor.lose_tags(),
        16 => {
            actor.rebuild_cluster();
            actor.restart_controllers().await;
            // An account that is deleted before the controller has seen it cannot be told from one that was
            // not applied again yet.
            actor.wait_until_finalizer().await;
        }
        17 => {
            actor.empty_database();
            if rng.bool() {
                actor.restart_controllers().await;
            }
        }
        18 => {
            actor.restore();
            actor.restart_controllers().await;
        }
        _ => actor.lose_status(),
    }
}
