//! A story that the run's seed makes up: one thing after another that people do, in any order, with any pause between.

use std::time::Duration;

use fastrand::Rng;
use streamcat_operator::api::{DeletionPolicy, ResourceKind, StreamerAccountSpec};
use tokio::time::sleep;

use super::{A_WHILE, MIDWAY, edited, spec, specs::edited_again};
use crate::{controller::RESYNC, person::Person};

/// The accounts, and the usernames that they ask for.
const ACCOUNTS: [(&str, &str); 3] = [("todd", "todd"), ("ann", "ann"), ("heir", "Todd")];

/// How many things are done.
const STEPS: usize = 8;

/// Of so many things one is done, each as likely.
const CHANCES: u8 = 24;

/// Does what the seed chooses.
pub async fn act(person: &Person) {
    let mut rng = Rng::with_seed(person.world.seed);
    // What is lost once more may be the last record of three: then nobody can bring it back.
    let mut is_lost = false;
    person.apply("todd", spec("todd")).await;
    for _ in 0..STEPS {
        sleep(pause(&mut rng)).await;
        match rng.u8(..CHANCES) {
            chance @ 0..13 => daily(person, &mut rng, chance).await,
            13 => person.back_up(),
            chance @ 20.. => touch_keys(person, &mut rng, chance),
            _ if is_lost => {}
            chance => {
                is_lost = true;
                lose(person, &mut rng, chance).await;
            }
        }
    }
}

fn pause(rng: &mut Rng) -> Duration {
    let pauses = [MIDWAY, Duration::from_secs(1), Duration::from_secs(5), A_WHILE, A_WHILE, RESYNC];
    pauses[rng.usize(..pauses.len())]
}

fn any_kind(rng: &mut Rng) -> ResourceKind {
    ResourceKind::ALL[rng.usize(..ResourceKind::ALL.len())]
}

fn any_spec(rng: &mut Rng, username: &str) -> StreamerAccountSpec {
    let mut spec = [spec, edited, edited_again][rng.usize(..3)](username);
    if rng.u8(..4) == 0 {
        spec.deletion_policy = DeletionPolicy::Retain;
    }
    spec
}

/// What people do, and what goes in AWS.
async fn daily(person: &Person, rng: &mut Rng, chance: u8) {
    let (name, username) = ACCOUNTS[rng.usize(..ACCOUNTS.len())];
    match chance {
        0..7 => person.apply(name, any_spec(rng, username)).await,
        7..9 => person.delete(name),
        9 => {
            person.abandon(name);
            person.delete(name);
        }
        10..12 => person.vanish(any_kind(rng)),
        _ => person.start_again().await,
    }
}

/// Something happens to the stream keys or their Secrets, and a look at everything is asked for.
fn touch_keys(person: &Person, rng: &mut Rng, chance: u8) {
    let (name, _) = ACCOUNTS[rng.usize(..ACCOUNTS.len())];
    match chance {
        20 => person.delete_stream_keys(true),
        21 => person.delete_stream_keys(false),
        22 => person.overwrite_secret(name),
        _ => person.orphan_secret(name),
    }
    for (name, _) in ACCOUNTS {
        person.ask_for_a_look(name);
    }
}

/// One of the records is lost, or an older one takes its place.
async fn lose(person: &Person, rng: &mut Rng, chance: u8) {
    match chance {
        14 => person.lose_the_users_tag(any_kind(rng)),
        15 => person.lose_tags(),
        16 => {
            person.rebuild_cluster();
            person.start_again().await;
            // What is deleted before it is seen again cannot be told from what was not applied again yet.
            person.until_held().await;
        }
        17 => {
            person.empty_database();
            if rng.bool() {
                person.start_again().await;
            }
        }
        18 => {
            person.restore();
            person.start_again().await;
        }
        _ => person.lose_status(),
    }
}
