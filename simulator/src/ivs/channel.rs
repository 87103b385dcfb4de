//! The operations on channels.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::encoder;
use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
    model::{
        channel::{ARN, Channel, ChannelSettings, ChannelSummary},
        stream_key::StreamKey,
    },
    operation::Operation,
    paging::{Page, list_output},
    resource::{self, Resource},
    service::Service::Ivs,
    state::State,
    tags::{self, Tags},
    validate::{Member, NAME, Rule, TOKEN, optional, reference, required},
};

const TYPES: Rule = Rule::Choice(&["BASIC", "STANDARD", "ADVANCED_SD", "ADVANCED_HD"]);
const PRESETS: Rule = Rule::Choice(&["HIGHER_BANDWIDTH_DELIVERY", "CONSTRAINED_BANDWIDTH_DELIVERY"]);
const RECORDING: Rule = reference("ivs", "recording-configuration");
const RESTRICTION: Rule = reference("ivs", "playback-restriction-policy");
const AD: Rule = reference("ivs", "ad-configuration");
const SLATE: Rule = reference("ivs", "failover-slate-configuration");
const MULTITRACK: &[Member] = &[
    optional("enabled", Rule::Boolean),
    optional("policy", Rule::Choice(&["ALLOW", "REQUIRE"])),
    optional("maximumResolution", Rule::Choice(&["SD", "HD", "FULL_HD"])),
];

/// The input members that Create and Update share, followed by those of only one of them.
macro_rules! settings {
    ($($own:expr),*) => {
        &[
            optional("name", NAME),
            optional("latencyMode", Rule::Choice(&["NORMAL", "LOW"])),
            optional("type", TYPES),
            optional("authorized", Rule::Boolean),
            optional("recordingConfigurationArn", RECORDING),
            optional("insecureIngest", Rule::Boolean),
            optional("preset", PRESETS),
            optional("playbackRestrictionPolicyArn", RESTRICTION),
            optional("multitrackInputConfiguration", Rule::Object(MULTITRACK)),
            optional("containerFormat", Rule::Choice(&["TS", "FRAGMENTED_MP4"])),
            optional("adConfigurationArn", AD),
            optional("failoverSlateConfigurationArn", SLATE),
            $($own),*
        ]
    };
}

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateChannel",
        service: Ivs,
        success: 200,
        input: settings![optional("tags", tags::STRICT)],
        run: create,
    },
    Operation {
        name: "GetChannel",
        service: Ivs,
        success: 200,
        input: &[required("arn", ARN)],
        run: resource::get::<Channel>,
    },
    Operation {
        name: "BatchGetChannel",
        service: Ivs,
        success: 200,
        input: &[required("arns", Rule::List { min: 1, max: 50, of: &ARN })],
        run: resource::batch_get::<Channel>,
    },
    Operation {
        name: "ListChannels",
        service: Ivs,
        success: 200,
        input: &[
            optional("filterByName", NAME),
            optional("filterByRecordingConfigurationArn", RECORDING),
            optional("filterByPlaybackRestrictionPolicyArn", RESTRICTION),
            optional("filterByAdConfigurationArn", AD),
            optional("filterByFailoverSlateConfigurationArn", SLATE),
            optional("nextToken", TOKEN),
            optional("maxResults", Rule::Integer { min: 1, max: 100 }),
        ],
        run: list,
    },
    Operation {
        name: "UpdateChannel",
        service: Ivs,
        success: 200,
        input: settings![required("arn", ARN)],
        run: update,
    },
    Operation {
        name: "DeleteChannel",
        service: Ivs,
        success: 204,
        input: &[required("arn", ARN)],
        run: resource::delete::<Channel>,
    },
];

impl Resource for Channel {
    const ONE: Option<&'static str> = Some("channel");
    const MANY: &'static str = "channels";
    const PAGE: usize = 100;

    type Summary<'a> = ChannelSummary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        self.to_summary()
    }

    fn check_not_in_use(state: &State, arn: &str) -> Result<(), ApiError> {
        if state.broadcasts.streams.of(arn).is_some() {
            return Err(ApiError::conflict(format!("Channel: {arn} is live")));
        }
        Ok(())
    }

    /// Removes a channel with its stream, its sessions and its stream keys.
    fn remove(state: &mut State, arn: &str) -> bool {
        encoder::remove_channel(state, arn);
        let keys: Vec<_> = state.stream_keys.with_key(arn).map(|key| key.arn.clone()).collect();
        for key in keys {
            state.stream_keys.remove(&key);
        }
        state.channels.remove(arn)
    }
}

/// The output of CreateChannel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    channel: &'a Channel,
    stream_key: &'a StreamKey,
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let mut channel = Channel::new(&state.account_region, Tags::from_input(input)?);
    channel.set(decode(input)?)?;
    check_references(state, &channel)?;
    let key = StreamKey::new(&state.account_region, &channel.arn, Tags::new());
    let output = encode(Created { channel: &channel, stream_key: &key });
    state.channels.insert(channel);
    state.stream_keys.insert(key);
    output
}

#[derive(Deserialize)]
struct Filters {
    #[serde(rename = "filterByName")]
    name: Option<String>,
    #[serde(rename = "filterByRecordingConfigurationArn")]
    recording: Option<String>,
    #[serde(rename = "filterByPlaybackRestrictionPolicyArn")]
    restriction: Option<String>,
    #[serde(rename = "filterByAdConfigurationArn")]
    ad: Option<String>,
    #[serde(rename = "filterByFailoverSlateConfigurationArn")]
    slate: Option<String>,
}

impl Filters {
    /// Returns the filter that is set, if any. Filters are mutually exclusive.
    fn single(&self) -> Result<Option<Filter<'_>>, ApiError> {
        let all: [(&Option<String>, Field); 5] = [
            (&self.name, |channel| &channel.name),
            (&self.recording, |channel| &channel.recording_configuration_arn),
            (&self.restriction, |channel| &channel.playback_restriction_policy_arn),
            (&self.ad, |channel| &channel.ad_configuration_arn),
            (&self.slate, |channel| &channel.failover_slate_configuration_arn),
        ];
        let mut set = all.into_iter().filter_map(|(wanted, field)| {
            let wanted = wanted.as_deref().filter(|wanted| !wanted.is_empty())?;
            Some(Filter { wanted, field })
        });
        let single = set.next();
        if set.next().is_some() {
            return Err(ApiError::conflict("Filters are mutually exclusive: give only one"));
        }
        Ok(single)
    }
}

/// A field of a channel that a filter can compare.
type Field = fn(&Channel) -> &str;

struct Filter<'a> {
    wanted: &'a str,
    field: Field,
}

fn list(state: &mut State, input: &Value) -> Outcome {
    let filters: Filters = decode(input)?;
    let page = Page::from_input(&state.tokens, Channel::MANY, input, Channel::PAGE)?;
    let channels = &state.channels;
    let after = page.after;
    let (channels, next) = match (filters.single()?, &filters.name) {
        (None, _) => page.fill(&state.tokens, channels.oldest_first(after), Channel::summary),
        (Some(Filter { wanted, .. }), Some(name)) if wanted == name => {
            page.fill(&state.tokens, channels.oldest_first_with_key(name, after), Channel::summary)
        }
        (Some(Filter { wanted, field }), _) => {
            let rows = channels.oldest_first(after).filter(|(_, channel)| field(channel) == wanted);
            page.fill(&state.tokens, rows, Channel::summary)
        }
    };
    list_output(Channel::MANY, channels, next)
}

fn update(state: &mut State, input: &Value) -> Outcome {
    resource::update(state, input, |state, channel: &mut Channel| {
        Channel::check_not_in_use(state, &channel.arn)?;
        channel.set(decode::<ChannelSettings>(input)?)?;
        check_references(state, channel)
    })
}

/// Rejects references to resources that do not exist. Ad and failover slate configurations are not simulated,
/// so only the format of those references is validated.
fn check_references(state: &State, channel: &Channel) -> Result<(), ApiError> {
    if !channel.recording_configuration_arn.is_empty() {
        state.recording_configuration(&channel.recording_configuration_arn)?;
    }
    if !channel.playback_restriction_policy_arn.is_empty() {
        state.restriction_policy(&channel.playback_restriction_policy_arn)?;
    }
    Ok(())
}
