//! The dashboard: an HTML page with the resources, the latest calls, and the faults.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

use super::settings::SimulatorSettings;
use crate::{clock::iso8601, journal::Call, shared::Shared};

/// The maximum number of rows for each resource kind, and the maximum number of faults.
const MAX_ROWS: usize = 100;
/// The maximum number of calls.
const MAX_CALLS: usize = 50;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --quiet: #8889; --bad: #c33; --good: #2a7; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { margin: .3rem 0; } .quiet { opacity: .65; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .8rem .25rem 0; vertical-align: top; }
code, td.code { font: 12px/1.5 ui-monospace, monospace; white-space: nowrap; }
.resources td:first-child { width: 14rem; } .resources td:nth-child(2) { width: 32rem; }
.tag { border: 1px solid var(--line); border-radius: .3rem; padding: 0 .35rem; margin: 0 .3rem .15rem 0; display: inline-block; }
.live { background: var(--bad); color: white; border-radius: .3rem; padding: 0 .4rem; font-weight: 600; }
.bad { color: var(--bad); } .good { color: var(--good); }
";

const PATHS: &[(&str, &str)] = &[
    (
        "GET /_simulator/calls",
        "returns the journal: ?operation= ?resource= ?status= ?fault= ?after= ?limit= ?follow=true; DELETE clears it",
    ),
    (
        "GET /_simulator/faults",
        "returns the faults; POST adds one, DELETE removes all, DELETE …/faults/{id} removes one",
    ),
    ("GET /_simulator/state", "returns the state as JSON; PUT loads it"),
    ("GET /_simulator/settings", "returns quotas, rates, limits, latency and listLag; PATCH changes them"),
    ("GET /_simulator/clock", "returns the time; POST {\"advance\": \"720d\"} or {\"set\": …} changes it"),
    ("GET /_simulator/events", "returns the events for EventBridge; DELETE clears them"),
    ("POST /_simulator/channels/{arn}/live", "connects an encoder; DELETE disconnects it"),
    (
        "POST /_simulator/stages/{arn}/sessions",
        "connects participants to a stage; DELETE disconnects all of them",
    ),
    ("DELETE /_simulator/resources/{arn}", "removes a resource, as in the AWS console"),
];

/// Returns the page.
pub(super) fn page(shared: &Shared) -> String {
    let account_region = &shared.account_region;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "ivs-simulator" }
                // Keeps browsers from requesting an icon, which would be a call in the journal.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Amazon IVS simulator" }
                p { "Account " code { (account_region.account) } ", region " code { (account_region.region) } ", simulated time " (iso8601(shared.clock.now())) }
                (settings(shared))
                (resources(shared))
                (faults(shared))
                (calls(shared))
                h2 { "Admin API" }
                div.wide { table { @for (path, text) in PATHS { tr { td.code { (path) } td { (text) } } } } }
            }
        }
    };
    page.into_string()
}

fn settings(shared: &Shared) -> Markup {
    let settings = SimulatorSettings::to_json(shared);
    let quotas = if settings["quotas"] == true { "enabled" } else { "disabled" };
    let text = |member: &str| settings[member].to_string();
    html! {
        p.quiet {
            "AWS quotas: " (quotas) "; rates: " (text("rates")) "; latency: " (text("latency"))
            "; list lag: " (settings["listLag"].as_str().unwrap_or_default())
        }
    }
}

/// A resource kind on the page, with its first rows and whether each of them is live.
struct Kind {
    title: &'static str,
    count: usize,
    rows: Vec<(Value, bool)>,
}

fn kinds(shared: &Shared) -> Vec<Kind> {
    let mut state = shared.state();
    let mut kinds: Vec<_> = state
        .tables()
        .into_iter()
        .map(|table| {
            let rows = table.rows.dump(MAX_ROWS).as_array_mut().map(std::mem::take).unwrap_or_default();
            let rows = rows.into_iter().map(|row| (row, false)).collect();
            Kind { title: table.title, count: table.rows.count(), rows }
        })
        .collect();
    for (row, live) in kinds.iter_mut().flat_map(|kind| &mut kind.rows) {
        let arn = row["arn"].as_str().unwrap_or_default().to_owned();
        // A stream key has no name of its own; it is listed with the name of its channel.
        row["name"] = json!(state.name(&arn));
        *live = state.broadcasts.streams.of(&arn).is_some()
            || row["activeSessionId"].as_str().is_some_and(|id| !id.is_empty());
    }
    kinds
}

fn resources(shared: &Shared) -> Markup {
    html! {
        @for Kind { title, count, rows } in kinds(shared) {
            h2 { (title) ": " (count) }
            @if !rows.is_empty() {
                div.wide { table.resources { @for (row, live) in &rows { (resource_row(row, *live)) } } }
            }
            @if count > rows.len() { p.quiet { "… and " (count - rows.len()) " more" } }
        }
    }
}

fn resource_row(row: &Value, live: bool) -> Markup {
    let text = |member: &str| row[member].as_str().unwrap_or_default();
    html! {
        tr {
            td { (text("name")) @if live { " " span.live { "LIVE" } } }
            td.code { (text("arn")) }
            td {
                @for (key, value) in row["tags"].as_object().into_iter().flatten() {
                    span.tag { (key) " = " (value.as_str().unwrap_or_default()) }
                }
            }
        }
    }
}

fn faults(shared: &Shared) -> Markup {
    let faults = shared.faults();
    let count = faults.rules().count();
    html! {
        h2 { "Faults: " (count) }
        @for rule in faults.rules().take(MAX_ROWS) { p { code { (serde_json::to_string(rule).unwrap_or_default()) } } }
        @if count > MAX_ROWS { p.quiet { "… and " (count - MAX_ROWS) " more" } }
    }
}

fn calls(shared: &Shared) -> Markup {
    let calls: Vec<_> = shared.journal().entries().rev().take(MAX_CALLS).map(Call::from).collect();
    html! {
        h2 { "Latest calls, newest first" }
        div.wide {
            table {
                tr { th { "#" } th { "Seconds" } th { "Operation" } th { "Response" } th { "Resource" } th { "Details" } }
                @for call in &calls { (call_row(call)) }
            }
        }
    }
}

fn call_row(call: &Call) -> Markup {
    let (outcome, class) = match (call.answered, call.status) {
        (None, _) => ("in progress".to_owned(), "quiet"),
        (Some(_), 0) => ("connection closed".to_owned(), "bad"),
        (Some(_), status @ 200..300) => (status.to_string(), "good"),
        (Some(_), status) => (status.to_string(), "bad"),
    };
    let resource = call.created.as_deref().or(call.resource.as_deref()).unwrap_or_default();
    let name = call.name.as_deref().filter(|name| *name != resource);
    html! {
        tr {
            td { (call.seq) }
            td { (format!("{:.3}", call.arrived.as_secs_f64())) }
            td { (call.operation) }
            td class=(class) { (outcome) }
            td.code { (resource) }
            td {
                @if let Some(name) = name { (name) " " }
                @if let Some(error) = &call.error { span.bad { (error) } " " }
                @if let Some(fault) = &call.fault { span.tag { "fault: " (fault) } }
            }
        }
    }
}
