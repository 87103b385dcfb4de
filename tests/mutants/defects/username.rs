//! Defects in the ownership of usernames.

use super::Defect;

const USERS: &str = "src/store/users.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "a user is not marked as deleting before its deletion",
        file: "src/controller/username/claim.rs",
        right: "            held.mark_deleting(context).await?;
",
        wrong: "",
    },
    Defect {
        name: "an object without a user gets no tombstone",
        file: "src/controller/username/claim.rs",
        right: "    if context.backends.store().tombstone(account.object_uid()).await?.is_some() {",
        wrong: "    let uid = account.object_uid();
    if uid.is_empty() && context.backends.store().tombstone(uid).await?.is_some() {",
    },
    Defect {
        name: "the oldest claimant wins although another had the username",
        file: "src/controller/username/claim.rs",
        right: "        (!has_had_user, created)",
        wrong: "        (!has_had_user && created.is_none(), created)",
    },
    Defect {
        name: "an account that is gone keeps its username in the cache",
        file: "src/controller/cache/mod.rs",
        right: "            entry.remove();",
        wrong: "            drop(entry);",
    },
    Defect {
        name: "another spelling of a username is not compared",
        file: "src/controller/cache/mod.rs",
        right: "hasher.hash_one(username_key(username))",
        wrong: "hasher.hash_one(username)",
    },
    Defect {
        name: "an outdated read leads to a second user",
        file: "src/controller/username/claim.rs",
        right: "if known.is_none() && read.elapsed() > MAX_READ_AGE {",
        wrong: "if known.is_none() && read.elapsed() < MAX_READ_AGE {",
    },
    Defect {
        name: "an object keeps a stale claim that its status contradicts",
        file: "src/controller/username/stale.rs",
        right: "if !is_another(account.user_in_status()) {",
        wrong: "if !is_another(account.user_in_status()) || holder.uid.is_some() {",
    },
    Defect {
        name: "a registered object needs its annotation although the row names it",
        file: USERS,
        right: "if owner.uid.as_deref() == Some(self.uid) {",
        wrong: "if owner.uid.as_deref() == Some(self.uid) && !owner.registered {",
    },
    Defect {
        name: "a user of an active cluster is taken over",
        file: USERS,
        right: "(self.is_deleted || owner.is_cluster_live)",
        wrong: "self.is_deleted",
    },
    Defect {
        name: "a user of another cluster is taken over in order to delete it",
        file: "src/controller/username/claim.rs",
        right: "is_deleted: account.is_being_deleted(),",
        wrong: "is_deleted: account.is_being_deleted() && known.is_some() && known.is_none(),",
    },
    Defect {
        name: "tags establish a claim although a row exists",
        file: "src/controller/username/stale.rs",
        right: "        return Ok(false);
    }
    // An abandoned account",
        wrong: "        return Ok(false);
    } else if is_another(claimant.known) {
        return Ok(true);
    }
    // An abandoned account",
    },
    Defect {
        name: "the user of an interrupted deletion is taken over at once",
        file: "src/controller/username/transfer.rs",
        right: "RECONCILE_TIMEOUT + context.timing.aws_call_timeout + context.timing.grace",
        wrong: "(RECONCILE_TIMEOUT + context.timing.grace) * 0",
    },
];
