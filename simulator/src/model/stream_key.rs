//! Stream keys, which encoders use to connect to a channel.

use serde::{Deserialize, Serialize};

use crate::{arn::AccountRegion, ids, table::impl_row, tags::Tags};

/// A stream key, as in the output of GetStreamKey.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamKey {
    pub arn: String,
    value: String,
    pub channel_arn: String,
    tags: Tags,
}

/// A stream key without its value, as in the output of ListStreamKeys.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamKeySummary<'a> {
    arn: &'a str,
    channel_arn: &'a str,
    tags: &'a Tags,
}

impl StreamKey {
    pub fn new(account_region: &AccountRegion, channel_arn: &str, tags: Tags) -> Self {
        let value = format!("sk_{}_{}", account_region.region, ids::alphanumeric(24));
        let arn = account_region.arn("ivs", "stream-key", &ids::resource());
        Self { arn, value, channel_arn: channel_arn.to_owned(), tags }
    }

    pub fn to_summary(&self) -> StreamKeySummary<'_> {
        StreamKeySummary { arn: &self.arn, channel_arn: &self.channel_arn, tags: &self.tags }
    }
}

impl_row!(StreamKey, key: channel_arn);
