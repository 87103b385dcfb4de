//! Settled accounts, as a resync sees them: their resources in the lists of AWS and in the database. The
//! benchmarks and `tests/memory` measure the same ones.

use std::{ops::Range, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use streamcat_operator::{
    api::{AccountRef, Arn, ByKind, CompactId, ResourceKind, tags},
    ivs::{Listed, Tags, Target},
    provision::{Inventory, ListScope, Listing, StatusRecords, Timing},
    store::{RecordedResource, RecordedUser},
};
use uuid::Uuid;

const REGION: &str = "us-west-2";
const AWS_ACCOUNT: &str = "123456789012";
pub const INSTALLATION: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
pub const TIMING: Timing = Timing {
    aws_call_timeout: Duration::from_secs(10),
    grace: Duration::from_secs(15),
    resync: Duration::from_mins(10),
};

/// Time since a resource was recorded.
const AGE: Duration = Duration::from_hours(1);

pub fn target() -> Target {
    Target::new(REGION, Some(AWS_ACCOUNT.to_owned()))
}

pub fn account(number: usize) -> AccountRef {
    AccountRef { namespace: "streamers".to_owned(), name: format!("streamer-{number:07}") }
}

pub fn user(number: usize) -> Uuid {
    Uuid::from_u128((number as u128) << 64 | 7)
}

pub fn arn(number: usize, kind: ResourceKind) -> String {
    let (service, part) = match kind {
        ResourceKind::Channel => ("ivs", "channel"),
        ResourceKind::ChatRoom => ("ivschat", "room"),
        ResourceKind::Stage => ("ivs", "stage"),
    };
    format!("arn:aws:{service}:{REGION}:{AWS_ACCOUNT}:{part}/{number:012}")
}

/// Returns a resource as a list of AWS contains it.
pub fn listed(number: usize, kind: ResourceKind) -> Listed {
    let account = account(number);
    let tags = [
        (tags::INSTALLATION, INSTALLATION.to_owned()),
        (tags::USER, user(number).to_string()),
        (tags::ACCOUNT, account.to_string()),
        (tags::ATTEMPT, user(number).to_string()),
    ];
    let tags: Tags = tags.map(|(key, value)| (key.to_owned(), value)).into();
    Listed { arn: arn(number, kind), name: account.name, tags, ..Listed::default() }
}

/// Returns the inventory of these accounts, listed while the accounts had these statuses.
pub fn inventory(numbers: Range<usize>, statuses: &StatusRecords) -> Inventory {
    let scope = ListScope { installation: INSTALLATION, statuses, now: Timestamp::UNIX_EPOCH };
    let lists = ByKind::new(|kind| {
        let mut list = Listing::new(scope);
        numbers.clone().for_each(|number| list.add(kind, &[listed(number, kind)], scope));
        // A resync collects them in the complete list.
        list.arns = Vec::new();
        list
    });
    Inventory::new(INSTALLATION, statuses.clone(), lists)
}

/// Returns the rows of an account's resources of these kinds.
pub fn recorded(number: usize, kinds: &[ResourceKind]) -> impl Iterator<Item = RecordedResource> {
    let (user, account) = (user(number), account(number));
    let uid = Some(CompactId::Uuid(user));
    let owner = Arc::new(RecordedUser { user, account, uid, retained: false, deleting: false });
    kinds.iter().map(move |&kind| RecordedResource {
        owner: Arc::clone(&owner),
        kind,
        arn: Arn::from(arn(number, kind).as_str()),
        age: AGE,
        pending_update: None,
    })
}
