//! What can be set while the simulator runs: quotas, latency, and how late changes are seen.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    duration::{self, in_words},
    latency::Latency,
    shared::Shared,
};

/// What a request sets; what it leaves out stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    quotas: Option<bool>,
    /// Calls a second by operation or pattern; `null` is no limit.
    #[serde(default)]
    rates: BTreeMap<String, Option<f64>>,
    /// How many resources by kind; `null` is no limit.
    #[serde(default)]
    limits: BTreeMap<String, Option<usize>>,
    /// The rules that take the place of all those in force.
    latency: Option<Vec<String>>,
    list_lag: Option<Lag>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(transparent)]
struct Lag(#[serde(with = "in_words")] Duration);

impl Settings {
    /// Sets all of it, or tells what is json_error. What comes before the json_error one is set then.
    pub fn apply(self, shared: &Shared) -> Result<(), String> {
        if let Some(rules) = self.latency {
            let rules: Result<_, _> = rules.iter().map(|rule| rule.parse::<Latency>()).collect();
            shared.set_latencies(rules.map_err(|error| format!("latency: {error}"))?)?;
        }
        for (operation, rate) in self.rates {
            shared.rates().set(&operation, rate).map_err(|error| format!("rates: {error}"))?;
        }
        for (kind, limit) in self.limits {
            shared.state().limits.set(&kind, limit).map_err(|error| format!("limits: {error}"))?;
        }
        if let Some(on) = self.quotas {
            shared.set_quotas(on);
        }
        if let Some(Lag(lag)) = self.list_lag {
            shared.state().list_lag = lag;
        }
        Ok(())
    }

    /// What is set.
    pub fn to_json(shared: &Shared) -> Value {
        let latency: Vec<_> = shared.latencies().rules().iter().map(ToString::to_string).collect();
        let (limits, lag) = {
            let state = shared.state();
            (state.limits.all(), state.list_lag)
        };
        let rates = shared.rates();
        json!({
            "quotas": rates.on, "rates": rates.all(), "limits": limits,
            "latency": latency, "listLag": duration::text(lag),
        })
    }
}
