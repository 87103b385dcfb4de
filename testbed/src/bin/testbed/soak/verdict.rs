//! Comparison of the cluster, PostgreSQL, and AWS with the desired state of each account.

use std::collections::BTreeSet;
use std::fmt;

use super::desired::{Account, Desired};
use super::snapshot::{ArnsByKind, KINDS, Object, ResourceSnapshot, Snapshot};

/// Findings, each with the account name and a description.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    present: usize,
    gone: usize,
    /// Accounts with more than one resource of a kind.
    duplicates: Vec<(String, String)>,
    /// Records in AWS or PostgreSQL without an account.
    orphans: Vec<(String, String)>,
    /// Accounts that are not Ready, or not deleted.
    stuck: Vec<(String, String)>,
    /// Ready accounts whose records differ.
    differences: Vec<(String, String)>,
    /// Changes by one installation to the other's resources.
    pub(super) foreign: Vec<(String, String)>,
}

/// Compares a snapshot with the desired state.
pub(super) fn judge(accounts: &[Account], snapshot: &Snapshot) -> Verdict {
    let mut verdict = Verdict { foreign: snapshot.foreign.clone(), ..Verdict::default() };
    for account in accounts {
        verdict.judge(account, snapshot);
    }
    let known: BTreeSet<_> = accounts.iter().map(|account| account.name.as_str()).collect();
    for (name, resources) in snapshot.aws.iter().filter(|(name, _)| !known.contains(name.as_str())) {
        verdict.orphans.push((name.clone(), format!("no account: {}", arns(resources))));
    }
    let open = snapshot
        .in_flight
        .iter()
        .map(|name| (name.clone(), "an attempt is open or an update is unverified".to_owned()));
    verdict.stuck.extend(open);
    let listed = snapshot.orphans.iter().map(|name| (name.clone(), "on the orphan list".to_owned()));
    verdict.orphans.extend(listed);
    verdict
}

impl Verdict {
    fn judge(&mut self, account: &Account, snapshot: &Snapshot) {
        let name = &account.name;
        let object = snapshot.cluster.get(name);
        let resources = snapshot.aws.get(name).map(Vec::as_slice).unwrap_or_default();
        let recorded = snapshot.database.get(name);
        match (&account.desired, object) {
            (Some(desired), Some(object)) if object.ready && !object.deleted => {
                self.present += 1;
                self.compare(name, desired, object, recorded, resources);
            }
            (None, None) => {
                self.gone += 1;
                if !resources.is_empty() || recorded.is_some() {
                    let seen = format!("AWS has {}; PostgreSQL has {recorded:?}", arns(resources));
                    self.orphans.push((name.clone(), seen));
                }
            }
            (desired, object) => {
                let status = object.map_or("missing", |object| object.status.as_str());
                let wanted = if desired.is_some() { "wanted" } else { "not wanted" };
                self.stuck.push((name.clone(), format!("{wanted}, and is {status}")));
            }
        }
    }

    /// Checks a Ready account: all records name the same three resources, and these match the desired state.
    fn compare(
        &mut self,
        name: &str,
        desired: &Desired,
        object: &Object,
        recorded: Option<&ArnsByKind>,
        resources: &[ResourceSnapshot],
    ) {
        let mut in_aws: ArnsByKind = [None, None, None];
        for resource in resources {
            if in_aws[resource.kind].replace(resource.arn.clone()).is_some() {
                let seen = format!("more than one {}: {}", KINDS[resource.kind].0, arns(resources));
                self.duplicates.push((name.to_owned(), seen));
            }
        }
        if in_aws.contains(&None) || object.arns != in_aws || recorded != Some(&in_aws) {
            let seen = format!("status {:?}, PostgreSQL {recorded:?}, AWS {in_aws:?}", object.arns);
            self.differences.push((name.to_owned(), seen));
        }
        for resource in resources.iter().filter(|resource| !matches(resource, desired)) {
            let (kind, revision, channel_type) =
                (KINDS[resource.kind].0, &resource.revision, &resource.channel_type);
            let seen =
                format!("wanted {desired:?}, the {kind} is of revision {revision:?}, {channel_type:?}");
            self.differences.push((name.to_owned(), seen));
        }
    }

    /// Adds the findings of another installation.
    pub(super) fn add(&mut self, other: Self) {
        self.present += other.present;
        self.gone += other.gone;
        self.duplicates.extend(other.duplicates);
        self.orphans.extend(other.orphans);
        self.stuck.extend(other.stuck);
        self.differences.extend(other.differences);
        self.foreign.extend(other.foreign);
    }

    fn findings(&self) -> [(&'static str, &Vec<(String, String)>); 5] {
        [
            ("duplicates", &self.duplicates),
            ("orphans", &self.orphans),
            ("stuck", &self.stuck),
            ("differences", &self.differences),
            ("foreign", &self.foreign),
        ]
    }

    pub(super) fn is_clean(&self) -> bool {
        self.findings().iter().all(|(_, found)| found.is_empty())
    }

    /// Names of the accounts with findings.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.findings().iter().flat_map(|(_, found)| found.iter()).map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the numbers of findings, on one line.
    pub(super) fn summary(&self) -> String {
        self.findings().map(|(what, found)| format!("{what} {}", found.len())).join(", ")
    }
}

/// The number of accounts, and each finding.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "accounts     {} present and ready, {} gone", self.present, self.gone)?;
        for (what, found) in self.findings() {
            for (name, seen) in found {
                writeln!(f, "{what}: {name}: {seen}")?;
            }
        }
        Ok(())
    }
}

fn matches(resource: &ResourceSnapshot, desired: &Desired) -> bool {
    let is_of_type = resource.channel_type.as_deref().is_none_or(|found| found == desired.channel_type);
    resource.revision == desired.revision.to_string() && is_of_type
}

fn arns(resources: &[ResourceSnapshot]) -> String {
    let arns: Vec<_> = resources.iter().map(|resource| resource.arn.as_str()).collect();
    if arns.is_empty() { "nothing".into() } else { arns.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "streamer-1";

    fn arns_of_all() -> ArnsByKind {
        ["c", "r", "s"].map(|arn| Some(arn.to_owned()))
    }

    fn resource(kind: usize, arn: &str) -> ResourceSnapshot {
        let channel_type = (kind == 0).then(|| "STANDARD".to_owned());
        ResourceSnapshot { kind, arn: arn.to_owned(), revision: "1".to_owned(), channel_type }
    }

    fn object(ready: bool) -> Object {
        Object { ready, deleted: false, arns: arns_of_all(), status: "[]".to_owned() }
    }

    /// Returns a snapshot in which all three records have the account.
    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.cluster.insert(NAME.to_owned(), object(true));
        snapshot.database.insert(NAME.to_owned(), arns_of_all());
        let all = vec![resource(0, "c"), resource(1, "r"), resource(2, "s")];
        snapshot.aws.insert(NAME.to_owned(), all);
        snapshot
    }

    fn summary(desired: Option<Desired>, snapshot: &Snapshot) -> String {
        judge(&[Account { name: NAME.to_owned(), desired }], snapshot).summary()
    }

    fn expected(duplicates: usize, orphans: usize, stuck: usize, differences: usize) -> String {
        format!(
            "duplicates {duplicates}, orphans {orphans}, stuck {stuck}, differences {differences}, foreign 0"
        )
    }

    #[test]
    fn a_resource_of_another_installation_is_foreign() {
        let foreign = vec![(NAME.to_owned(), "has x".to_owned())];
        let mut whole = judge(&[], &Snapshot { foreign, ..Snapshot::default() });
        assert!(whole.summary().ends_with("foreign 1") && !whole.is_clean());
        whole.add(Verdict { foreign: vec![("a".to_owned(), "b".to_owned())], ..Verdict::default() });
        assert!(whole.summary().ends_with("foreign 2"));
    }

    #[test]
    fn consistent_records_are_clean() {
        assert_eq!(summary(Some(Desired::FIRST), &snapshot()), expected(0, 0, 0, 0));
        assert_eq!(summary(None, &Snapshot::default()), expected(0, 0, 0, 0));
    }

    #[test]
    fn two_of_a_kind_are_duplicates() {
        let mut snapshot = snapshot();
        snapshot.aws.entry(NAME.to_owned()).or_default().insert(0, resource(2, "late"));
        assert_eq!(summary(Some(Desired::FIRST), &snapshot), expected(1, 0, 0, 0));
    }

    #[test]
    fn a_resource_without_an_account_is_an_orphan() {
        let mut left = snapshot();
        left.cluster.clear();
        assert_eq!(summary(None, &left), expected(0, 1, 0, 0));
        left.aws.clear();
        assert_eq!(summary(None, &left), expected(0, 1, 0, 0));
        let mut foreign = snapshot();
        foreign.aws.insert("somebody".to_owned(), vec![resource(0, "x")]);
        assert_eq!(summary(Some(Desired::FIRST), &foreign), expected(0, 1, 0, 0));
    }

    #[test]
    fn an_open_attempt_is_stuck_and_a_listed_orphan_is_an_orphan() {
        let rows = Snapshot { in_flight: vec![NAME.to_owned()], orphans: vec![String::new()], ..snapshot() };
        assert_eq!(summary(Some(Desired::FIRST), &rows), expected(0, 1, 1, 0));
    }

    #[test]
    fn an_account_not_ready_or_not_deleted_is_stuck() {
        assert_eq!(summary(Some(Desired::FIRST), &Snapshot::default()), expected(0, 0, 1, 0));
        assert_eq!(summary(None, &snapshot()), expected(0, 0, 1, 0));
        let mut unready = snapshot();
        unready.cluster.insert(NAME.to_owned(), object(false));
        assert_eq!(summary(Some(Desired::FIRST), &unready), expected(0, 0, 1, 0));
    }

    #[test]
    fn differing_records_and_unmet_specs_are_differences() {
        let mut lost = snapshot();
        lost.database.clear();
        assert_eq!(summary(Some(Desired::FIRST), &lost), expected(0, 0, 0, 1));
        let mut missing = snapshot();
        missing.aws.entry(NAME.to_owned()).or_default().pop();
        assert_eq!(summary(Some(Desired::FIRST), &missing), expected(0, 0, 0, 1));
        assert_eq!(summary(Some(Desired::FIRST.edited()), &snapshot()), expected(0, 0, 0, 3));
    }
}
