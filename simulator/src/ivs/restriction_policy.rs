//! The operations on playback restriction policies.

use serde_json::Value;

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode},
    model::restriction_policy::RestrictionPolicy,
    operation::Operation,
    pattern::Pattern,
    resource::{self, Resource},
    service::Service::Ivs,
    state::State,
    tags::{self, Tags},
    validate::{NAME, Rule, TOKEN, arn, optional, required, text},
};

const ARN: Rule = arn("ivs", "playback-restriction-policy");
const COUNTRY: Rule = Rule::Text { min: 2, max: 2, pattern: Pattern::Country };
const ORIGIN: Rule = text(128);

/// The input members that Create and Update share, followed by those of only one of them.
macro_rules! settings {
    ($($own:expr),*) => {
        &[
            // The API model has no size limits for these lists.
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

impl Resource for RestrictionPolicy {
    const ONE: Option<&'static str> = Some("playbackRestrictionPolicy");
    const MANY: &'static str = "playbackRestrictionPolicies";
    /// The default of the API model.
    const PAGE: usize = 1;

    type Summary<'a> = &'a Self;

    fn summary(&self) -> Self::Summary<'_> {
        self
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), ApiError> {
        if state.channels.iter().any(|channel| channel.playback_restriction_policy_arn == arn) {
            let message = format!("Playback restriction policy: {arn} is associated with a channel");
            return Err(ApiError::conflict(message));
        }
        Ok(())
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let mut policy = RestrictionPolicy::new(&state.account_region, Tags::from_input(input)?);
    policy.set(decode(input)?);
    resource::insert(state, policy)
}

fn update(state: &mut State, input: &Value) -> Outcome {
    resource::update(state, input, |_, policy: &mut RestrictionPolicy| {
        policy.set(decode(input)?);
        Ok(())
    })
}
