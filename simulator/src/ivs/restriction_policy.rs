//! Playback restriction policies: where and on which sites a channel can be watched.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::Ivs, decode},
    pattern::Pattern,
    resource::{self, Resource},
    state::{Row, State, Table},
    tags::{self, Tags},
    validate::{NAME, Rule, TOKEN, arn, optional, required, text},
};

const ARN: Rule = arn("ivs", "playback-restriction-policy");
const COUNTRY: Rule = Rule::Text { min: 2, max: 2, pattern: Pattern::Country };
const ORIGIN: Rule = text(128);

/// What Create and Update have in common, and then what either has alone.
macro_rules! settings {
    ($($own:expr),*) => {
        &[
            // The model tells no sizes of these lists.
            optional("allowedCountries", Rule::List { min: 0, max: usize::MAX, of: &COUNTRY }),
            optional("allowedOrigins", Rule::List { min: 0, max: usize::MAX, of: &ORIGIN }),
            optional("enableStrictOriginEnforcement", Rule::Boolean),
            optional("name", NAME),
            $($own),*
        ]
    };
}

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreatePlaybackRestrictionPolicy",
        service: Ivs,
        success: 200,
        input: settings![optional("tags", tags::STRICT)],
        run: create,
    },
    Operation {
        name: "GetPlaybackRestrictionPolicy",
        service: Ivs,
        success: 200,
        input: &[required("arn", ARN)],
        run: resource::get::<RestrictionPolicy>,
    },
    Operation {
        name: "ListPlaybackRestrictionPolicies",
        service: Ivs,
        success: 200,
        input: &[optional("nextToken", TOKEN), optional("maxResults", Rule::Integer { min: 1, max: 100 })],
        run: resource::list::<RestrictionPolicy>,
    },
    Operation {
        name: "UpdatePlaybackRestrictionPolicy",
        service: Ivs,
        success: 200,
        input: settings![required("arn", ARN)],
        run: update,
    },
    Operation {
        name: "DeletePlaybackRestrictionPolicy",
        service: Ivs,
        success: 204,
        input: &[required("arn", ARN)],
        run: resource::delete::<RestrictionPolicy>,
    },
];

/// A policy, as Get and List tell it.
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

/// What a request sets; what it leaves out stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    allowed_countries: Option<Vec<String>>,
    allowed_origins: Option<Vec<String>>,
    enable_strict_origin_enforcement: Option<bool>,
    name: Option<String>,
}

impl Row for RestrictionPolicy {
    fn arn(&self) -> &str {
        &self.arn
    }
    fn key(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Resource for RestrictionPolicy {
    const ONE: Option<&'static str> = Some("playbackRestrictionPolicy");
    const MANY: &'static str = "playbackRestrictionPolicies";
    /// The model's own default.
    const PAGE: usize = 1;

    type Summary<'a> = &'a Self;

    fn summary(&self) -> Self::Summary<'_> {
        self
    }
    fn table(state: &State) -> &Table<Self> {
        &state.restriction_policies
    }
    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.restriction_policies
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), Failure> {
        if state.channels.iter().any(|channel| channel.restriction_policy() == arn) {
            let message = format!("Playback restriction policy: {arn} is associated with a channel");
            return Err(Failure::conflict(message));
        }
        Ok(())
    }
}

impl RestrictionPolicy {
    fn new(state: &State, tags: Tags) -> Self {
        Self {
            arn: state.account_region.arn("ivs", "playback-restriction-policy", &ids::resource()),
            allowed_countries: Vec::new(),
            allowed_origins: Vec::new(),
            enable_strict_origin_enforcement: false,
            name: String::new(),
            tags,
        }
    }

    fn set(&mut self, settings: Settings) {
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

#[derive(Deserialize)]
struct ByArn {
    arn: String,
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let mut policy = RestrictionPolicy::new(state, tags::of(input)?);
    policy.set(decode(input)?);
    let output = resource::answer(&policy);
    state.restriction_policies.insert(policy);
    output
}

fn update(state: &mut State, input: &Value) -> Outcome {
    let ByArn { arn } = decode(input)?;
    let mut policy = state.restriction_policy(&arn)?.clone();
    policy.set(decode(input)?);
    let output = resource::answer(&policy);
    state.restriction_policies.replace(policy);
    output
}
