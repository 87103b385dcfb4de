//! Property tests of lists: every existing resource is listed exactly once, page by page, whatever else is
//! called, also during concurrent writes. Random calls are compared with a model. A failure names the seed
//! and the last calls.

#[path = "support/wire.rs"]
mod wire;

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ivs_simulator::Simulator;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IteratorRandom};
use serde_json::{Value, json};
use wire::Wire;

/// A resource kind, with the names in its API.
struct Kind {
    service: &'static str,
    name: &'static str,
    /// The input member for the ARN.
    by: &'static str,
    /// The output member for the resource; empty if the output is the resource itself.
    within: &'static str,
    filter: Option<&'static str>,
    largest_page: u64,
}

const KINDS: [Kind; 3] = [
    Kind {
        service: "ivs",
        name: "Channel",
        by: "arn",
        within: "channel",
        filter: Some("filterByName"),
        largest_page: 100,
    },
    Kind {
        service: "ivschat",
        name: "Room",
        by: "identifier",
        within: "",
        filter: Some("name"),
        largest_page: 50,
    },
    Kind { service: "ivs", name: "Stage", by: "arn", within: "stage", filter: None, largest_page: 100 },
];

/// A resource in the model.
#[derive(Clone, Debug, PartialEq)]
struct Resource {
    name: String,
    tags: BTreeMap<String, String>,
}

type Model = BTreeMap<String, Resource>;

/// A client that makes random calls and updates the model.
struct Player<'a> {
    kind: &'a Kind,
    wire: Wire,
    random: StdRng,
    model: Model,
    played: Vec<String>,
}

impl<'a> Player<'a> {
    fn new(address: SocketAddr, kind: &'a Kind, seed: u64) -> Self {
        let (wire, random) = (Wire::open(address), StdRng::seed_from_u64(seed));
        Self { kind, wire, random, model: Model::new(), played: Vec::new() }
    }

    fn call(&mut self, operation: &str, input: &Value) -> (u16, Value) {
        let answer = self.wire.call(self.kind.service, operation, &input.to_string());
        self.played.push(format!("{operation} {input} {}", answer.status));
        let body = if answer.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&answer.body).expect("JSON")
        };
        (answer.status, body)
    }

    fn called(&mut self, operation: &str, input: &Value) -> Value {
        let (status, body) = self.call(operation, input);
        assert!(status < 300, "{status} {body} after {:#?}", self.last());
        body
    }

    fn last(&self) -> &[String] {
        &self.played[self.played.len().saturating_sub(30)..]
    }

    /// Returns one of a few names, so that many resources share a name.
    fn name(&mut self) -> String {
        format!("name-{}", self.random.random_range(0..5))
    }

    fn any(&mut self) -> Option<String> {
        self.model.keys().choose(&mut self.random).cloned()
    }

    fn create(&mut self) -> String {
        let (name, tag) = (self.name(), self.random.random_range(0..3).to_string());
        let made =
            self.called(&format!("Create{}", self.kind.name), &json!({"name": name, "tags": {"tag": tag}}));
        let made = if self.kind.within.is_empty() { &made } else { &made[self.kind.within] };
        let arn = made["arn"].as_str().expect("an ARN").to_owned();
        let tags = BTreeMap::from([("tag".to_owned(), tag)]);
        assert!(self.model.insert(arn.clone(), Resource { name, tags }).is_none(), "{arn} was there before");
        arn
    }

    fn delete(&mut self) {
        let Some(arn) = self.any() else { return };
        self.model.remove(&arn);
        let operation = format!("Delete{}", self.kind.name);
        self.called(&operation, &json!({ self.kind.by: arn }));
        assert_eq!(self.call(&operation, &json!({ self.kind.by: arn })).0, 404, "it is gone");
    }

    fn rename(&mut self) {
        let Some(arn) = self.any() else { return };
        let name = self.name();
        self.called(&format!("Update{}", self.kind.name), &json!({ self.kind.by: arn, "name": name }));
        self.model.get_mut(&arn).expect("it is there").name = name;
    }

    fn tag(&mut self) {
        let Some(arn) = self.any() else { return };
        let key = self.random.random_range(0..3).to_string();
        let (method, path, body) = if self.random.random() {
            self.model.get_mut(&arn).expect("it is there").tags.insert(key.clone(), "x".to_owned());
            ("POST", format!("/tags/{arn}"), json!({"tags": {key: "x"}}).to_string())
        } else {
            self.model.get_mut(&arn).expect("it is there").tags.remove(&key);
            ("DELETE", format!("/tags/{arn}?tagKeys={key}"), String::new())
        };
        let (signature, length) = (wire::signature(self.kind.service), body.len());
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{signature}Content-Length: {length}\r\n\r\n");
        self.wire.send(format!("{head}{body}").as_bytes()).expect("it is sent");
        let status = self.wire.receive().expect("an answer").expect("an answer").status;
        self.played.push(format!("{method} {path} {body} {status}"));
        assert_eq!(status, 200, "{:#?}", self.last());
    }

    /// Returns the whole list, read in pages of random sizes.
    fn list(&mut self, filter: Option<&str>) -> Vec<(String, Resource)> {
        let plural = format!("{}s", self.kind.name);
        let mut listed = Vec::new();
        let mut token = None;
        loop {
            let size = self.random.random_range(1..=self.kind.largest_page.min(2 + listed.len() as u64 / 2));
            let mut input = json!({ "maxResults": size });
            if let (Some(member), Some(name)) = (self.kind.filter, filter) {
                input[member] = json!(name);
            }
            if let Some(token) = token.take() {
                input["nextToken"] = token;
            }
            let mut page = self.called(&format!("List{plural}"), &input);
            let rows = page[plural.to_lowercase()].as_array().cloned().expect("rows");
            assert!(rows.len() as u64 <= size, "{} rows in a page of {size}", rows.len());
            listed.extend(rows.iter().map(resource));
            token = page.get_mut("nextToken").map(Value::take);
            if token.is_none() {
                return listed;
            }
        }
    }

    fn check(&mut self) {
        let filter = self.kind.filter.map(|_| self.name()).filter(|_| self.random.random());
        let wanted = |resource: &Resource| filter.as_ref().is_none_or(|name| resource.name == *name);
        let mut expected = self.model.clone();
        expected.retain(|_, resource| wanted(resource));
        let mut listed = self.list(filter.as_deref());
        listed.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(listed, expected.into_iter().collect::<Vec<_>>(), "{filter:?} {:#?}", self.last());
    }

    fn play(&mut self, calls: usize) {
        for _ in 0..calls {
            match self.random.random_range(0..10) {
                0..4 => drop(self.create()),
                4..6 => self.delete(),
                6..7 => self.rename(),
                7..9 => self.tag(),
                _ => self.check(),
            }
        }
        self.check();
    }
}

fn resource(summary: &Value) -> (String, Resource) {
    let text = |member: &str| summary[member].as_str().expect("a text").to_owned();
    let tags = serde_json::from_value(summary["tags"].clone()).expect("tags");
    (text("arn"), Resource { name: text("name"), tags })
}

fn seed() -> u64 {
    let seed =
        std::env::var("IVS_SIMULATOR_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4600);
    println!("IVS_SIMULATOR_TEST_SEED={seed}");
    seed
}

#[tokio::test]
async fn lists_contain_exactly_the_existing_resources() {
    let seed = seed();
    for round in 0..4 {
        let simulator = Simulator::builder().start().await.expect("the simulator starts");
        for kind in &KINDS {
            Player::new(simulator.addr(), kind, seed + round).play(150);
        }
    }
}

/// Lists while others create and delete. A resource that exists all the time is listed once, and a resource
/// that was deleted before is not listed.
#[tokio::test]
async fn a_list_is_complete_during_concurrent_writes() {
    let seed = seed();
    for (number, kind) in (0..).zip(&KINDS) {
        let simulator = Simulator::builder().start().await.expect("the simulator starts");
        let address = simulator.addr();
        let mut reader = Player::new(address, kind, seed + number);
        let kept: HashSet<String> = (0..40).map(|_| reader.create()).collect();
        let gone = Player::new(address, kind, seed);
        let gone = create_and_delete(gone);
        let done = AtomicBool::new(false);
        let (done, gone, kept) = (&done, &gone, &kept);
        thread::scope(|scope| {
            for writer in 1..=3 {
                scope.spawn(move || {
                    let mut writer = Player::new(address, kind, seed + 100 * writer);
                    while !done.load(Ordering::Relaxed) {
                        writer.create();
                        if writer.model.len() > 20 {
                            writer.delete();
                        }
                    }
                });
            }
            let _done = Done(done);
            for _ in 0..15 {
                let listed = reader.list(None);
                let arns: HashSet<_> = listed.iter().map(|(arn, _)| arn.clone()).collect();
                assert_eq!(arns.len(), listed.len(), "something is listed twice");
                assert!(arns.is_superset(kept), "{} lacks a resource that existed all the time", kind.name);
                assert!(arns.is_disjoint(gone), "{} contains a deleted resource", kind.name);
            }
        });
        assert!(simulator.state().to_string().len() > 40, "the writers wrote");
    }
}

fn create_and_delete(mut player: Player<'_>) -> HashSet<String> {
    let made: HashSet<String> = (0..10).map(|_| player.create()).collect();
    (0..10).for_each(|_| player.delete());
    made
}

/// Stops the writers, also when an assertion fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
