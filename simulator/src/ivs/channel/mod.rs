//! Channels.

mod enums;
mod model;

use model::Settings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::model::Channel;
use super::{batch, stream_key::StreamKey};
use crate::{
    error::Failure,
    operation::{Operation, Outcome, Service::Ivs, decode, encode},
    paging::{Page, list_output},
    resource::{self, Resource},
    state::State,
    tags::{self, Tags},
    validate::{Member, NAME, Rule, TOKEN, arn, optional, reference, required},
};

pub(in crate::ivs) const ARN: Rule = arn("ivs", "channel");
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

/// What Create and Update have in common, and then what either has alone.
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
        run: batch_get,
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

#[derive(Deserialize)]
struct ByArn {
    arn: String,
}

#[derive(Deserialize)]
struct ByArns {
    arns: Vec<String>,
}

/// What Create answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    channel: &'a Channel,
    stream_key: &'a StreamKey,
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let mut channel = Channel::new(state, tags::of(input)?);
    channel.set(decode(input)?)?;
    check_references(state, &channel)?;
    let key = StreamKey::new(state, &channel.arn, Tags::new());
    let output = encode(Created { channel: &channel, stream_key: &key });
    state.channels.insert(channel);
    state.stream_keys.insert(key);
    output
}

fn batch_get(state: &mut State, input: &Value) -> Outcome {
    let ByArns { arns } = decode(input)?;
    batch(Channel::MANY, &arns, |arn| state.channel(arn))
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
    /// The one filter that is set, if any: what it looks at in a channel, and what it wants there.
    fn only(&self) -> Result<Option<Filter<'_>>, Failure> {
        let all: [(&Option<String>, Part); 5] = [
            (&self.name, |channel| &channel.name),
            (&self.recording, |channel| &channel.recording_configuration_arn),
            (&self.restriction, |channel| &channel.playback_restriction_policy_arn),
            (&self.ad, |channel| &channel.ad_configuration_arn),
            (&self.slate, |channel| &channel.failover_slate_configuration_arn),
        ];
        let mut set = all.into_iter().filter_map(|(wanted, of)| {
            let wanted = wanted.as_deref().filter(|wanted| !wanted.is_empty())?;
            Some(Filter { wanted, of })
        });
        let only = set.next();
        if set.next().is_some() {
            return Err(Failure::conflict("Filters are mutually exclusive: give only one"));
        }
        Ok(only)
    }
}

/// A part of a channel that can be filtered by.
type Part = fn(&Channel) -> &str;

struct Filter<'a> {
    wanted: &'a str,
    of: Part,
}

fn list(state: &mut State, input: &Value) -> Outcome {
    let filters: Filters = decode(input)?;
    let page = Page::asked(state, Channel::MANY, input, Channel::PAGE)?;
    let channels = &state.channels;
    let after = page.after;
    let (channels, next) = match (filters.only()?, &filters.name) {
        (None, _) => page.fill(state, channels.oldest_first(after), Channel::summary),
        (Some(Filter { wanted, .. }), Some(name)) if wanted == name => {
            page.fill(state, channels.oldest_first_with_key(name, after), Channel::summary)
        }
        (Some(Filter { wanted, of }), _) => {
            let rows = channels.oldest_first(after).filter(|(_, channel)| of(channel) == wanted);
            page.fill(state, rows, Channel::summary)
        }
    };
    list_output(Channel::MANY, channels, next)
}

fn update(state: &mut State, input: &Value) -> Outcome {
    let ByArn { arn } = decode(input)?;
    let mut channel = state.channel(&arn)?.clone();
    Channel::check_not_in_use(state, &arn)?;
    channel.set(decode::<Settings>(input)?)?;
    check_references(state, &channel)?;
    let output = resource::answer(&channel);
    state.channels.replace(channel);
    output
}

/// Refuses references to what does not exist. Ad and failover-slate configurations are not known here: of them, only
/// the pattern is validated.
fn check_references(state: &State, channel: &Channel) -> Result<(), Failure> {
    if !channel.recording_configuration().is_empty() {
        state.recording_configuration(channel.recording_configuration())?;
    }
    if !channel.restriction_policy().is_empty() {
        state.restriction_policy(channel.restriction_policy())?;
    }
    Ok(())
}
