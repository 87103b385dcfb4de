//! The settings that can change while the simulator runs: quotas, latency, and the list lag.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    duration::{self, human_readable},
    latency::Latency,
    shared::Shared,
};

/// The settings in a request. Omitted settings remain unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SimulatorSettings {
    quotas: Option<bool>,
    /// The calls per second for each operation or pattern; `null` removes the limit.
    #[serde(default)]
    rates: BTreeMap<String, Option<f64>>,
    /// The number of resources for each kind; `null` removes the limit.
    #[serde(default)]
    limits: BTreeMap<String, Option<usize>>,
    /// The latency rules, which replace all rules in force.
    latency: Option<Vec<String>>,
    list_lag: Option<Lag>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(transparent)]
struct Lag(#[serde(with = "human_readable")] Duration);

impl SimulatorSettings {
    /// Applies the settings. If one is invalid, the settings before it have been applied already.
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
        if let Some(enabled) = self.quotas {
            shared.set_quotas(enabled);
        }
        if let Some(Lag(lag)) = self.list_lag {
            shared.state().list_lag = lag;
        }
        Ok(())
    }

    /// Returns the settings in force.
    pub fn to_json(shared: &Shared) -> Value {
        let latency: Vec<_> = shared.latencies().rules().iter().map(ToString::to_string).collect();
        let (limits, lag) = {
            let state = shared.state();
            (state.limits.all(), state.list_lag)
        };
        let rates = shared.rates();
        json!({
            "quotas": rates.enabled, "rates": rates.all(), "limits": limits,
            "latency": latency, "listLag": duration::format(lag),
        })
    }
}
