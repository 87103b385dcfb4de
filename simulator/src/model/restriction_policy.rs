//! Playback restriction policies: the countries and origins in which a channel can be watched.

use serde::{Deserialize, Serialize};

use crate::{arn::AccountRegion, ids, table::impl_row, tags::Tags};

/// A playback restriction policy, as in the outputs of Get and List.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestrictionPolicy {
    arn: String,
    allowed_countries: Vec<String>,
    allowed_origins: Vec<String>,
    enable_strict_origin_enforcement: bool,
    name: String,
    tags: Tags,
}

/// The settings in the input of a create or an update. Omitted settings remain unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestrictionPolicySettings {
    allowed_countries: Option<Vec<String>>,
    allowed_origins: Option<Vec<String>>,
    enable_strict_origin_enforcement: Option<bool>,
    name: Option<String>,
}

impl_row!(RestrictionPolicy, key: name);

impl RestrictionPolicy {
    /// Creates a policy with AWS's defaults.
    pub fn new(account_region: &AccountRegion, tags: Tags) -> Self {
        Self {
            arn: account_region.arn("ivs", "playback-restriction-policy", &ids::resource()),
            allowed_countries: Vec::new(),
            allowed_origins: Vec::new(),
            enable_strict_origin_enforcement: false,
            name: String::new(),
            tags,
        }
    }

    pub fn set(&mut self, settings: RestrictionPolicySettings) {
        if let Some(countries) = settings.allowed_countries {
            self.allowed_countries = countries;
        }
        if let Some(origins) = settings.allowed_origins {
            self.allowed_origins = origins;
        }
        if let Some(strict) = settings.enable_strict_origin_enforcement {
            self.enable_strict_origin_enforcement = strict;
        }
        if let Some(name) = settings.name {
            self.name = name;
        }
    }
}
