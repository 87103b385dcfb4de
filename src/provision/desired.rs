//! The desired state of one kind of resource.

use super::Owner;
use crate::{
    api::RecreatePolicy,
    ivs::{Kind, Listed, Tags},
};

/// The desired state of one kind of resource, and what status and the last resync say about it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub struct DesiredResource<'a, K: Kind> {
    /// The user and the installation that the resource belongs to.
    pub owner: &'a Owner,
    /// The settings in the spec.
    pub settings: &'a K::Settings,
    /// The user's own tags in the spec.
    pub tags: &'a Tags,
    /// The resource's part of the status.
    pub status: Option<&'a K::Status>,
    /// The resource's ARN in the inventory of the last resync.
    pub inventory_arn: Option<String>,
    /// All resources of this kind that the last resync listed with the user's tags.
    pub listed: Vec<Listed>,
    /// True if status or the inventory named the user before this reconcile.
    pub is_known_user: bool,
    /// True if status says of this generation that the resource is ready, and the account is not dirty.
    pub is_settled: bool,
    /// True if AWS has accepted this generation, and nobody has requested another update.
    pub was_sent: bool,
    /// True if status says that AWS has accepted this generation, so that a difference is drift, whether or
    /// not it is to be sent again.
    pub was_applied: bool,
    /// True if AWS has accepted this generation, and drift is to be reported only.
    pub reports_drift: bool,
    /// The policy for a resource that is gone from AWS.
    pub recreate: RecreatePolicy,
    /// True if the account is dirty. Then duplicates are listed too.
    pub is_dirty: bool,
}
