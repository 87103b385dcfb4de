//! The claim of an account to its username: which user an account's object holds in PostgreSQL.

mod claim;
mod held_claim;
mod stale;
mod transfer;

pub(super) use self::{
    claim::{DeletionClaim, claim, claim_for_deletion},
    held_claim::HeldClaim,
};
