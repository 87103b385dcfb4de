//! A page for people: what exists, what is live, the last calls, the faults in force.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

use super::settings::Settings;
use crate::{clock::iso8601, journal::Call, shared::Shared};

/// How many resources of a kind, how many faults, and how many calls the page shows.
const SHOWN: usize = 100;
const CALLS: usize = 50;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --quiet: #8889; --bad: #c33; --good: #2a7; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { margin: .3rem 0; } .quiet { opacity: .65; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .8rem .25rem 0; vertical-align: top; }
code, td.code { font: 12px/1.5 ui-monospace, monospace; white-space: nowrap; }
.things td:first-child { width: 14rem; } .things td:nth-child(2) { width: 32rem; }
.tag { border: 1px solid var(--line); border-radius: .3rem; padding: 0 .35rem; margin: 0 .3rem .15rem 0; display: inline-block; }
.live { background: var(--bad); color: white; border-radius: .3rem; padding: 0 .4rem; font-weight: 600; }
.bad { color: var(--bad); } .good { color: var(--good); }
";

const PATHS: &[(&str, &str)] = &[
    (
        "GET /_simulator/calls",
        "the journal: ?operation= ?resource= ?status= ?fault= ?after= ?limit= ?follow=true; DELETE clears it",
    ),
    (
        "GET /_simulator/faults",
        "the faults in force; POST adds one, DELETE clears them, DELETE …/faults/{id} one",
    ),
    ("GET /_simulator/state", "all that exists, as JSON; PUT loads it"),
    ("GET /_simulator/settings", "quotas, rates, limits, latency, listLag; PATCH sets them"),
    ("GET /_simulator/clock", "the time; POST {\"advance\": \"720d\"} or {\"set\": …} moves it"),
    ("GET /_simulator/events", "the events that EventBridge would carry; DELETE clears them"),
    ("POST /_simulator/channels/{arn}/live", "an encoder connects; DELETE: it goes away"),
    ("POST /_simulator/stages/{arn}/sessions", "somebody joins a stage; DELETE: all leave"),
    ("DELETE /_simulator/resources/{arn}", "removes a resource, as a person would in the console"),
];

/// The page.
pub(crate) fn page(shared: &Shared) -> String {
    let account_region = &shared.account_region;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "ivs-simulator" }
                // None, so that browsers do not ask for one: that would be a call in the journal.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Amazon IVS, simulated" }
                p { "Account " code { (account_region.account) } " in " code { (account_region.region) } ", where it is " (iso8601(shared.clock.now())) }
                (settings(shared))
                (resources(shared))
                (faults(shared))
                (calls(shared))
                h2 { "Paths" }
                div.wide { table { @for (path, text) in PATHS { tr { td.code { (path) } td { (text) } } } } }
            }
        }
    };
    page.into_string()
}

fn settings(shared: &Shared) -> Markup {
    let settings = Settings::to_json(shared);
    let quotas = if settings["quotas"] == true { "on" } else { "off" };
    let text = |member: &str| settings[member].to_string();
    html! {
        p.quiet {
            "AWS's quotas are " (quotas) "; rates " (text("rates")) ", latency " (text("latency"))
            ", list lag " (settings["listLag"].as_str().unwrap_or_default())
        }
    }
}

/// A kind of resource on the page: its title, how many there are, and the first of them with whether each is live.
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
            let rows = table.rows.dump(SHOWN).as_array_mut().map(std::mem::take).unwrap_or_default();
            let rows = rows.into_iter().map(|row| (row, false)).collect();
            Kind { title: table.title, count: table.rows.count(), rows }
        })
        .collect();
    for (row, live) in kinds.iter_mut().flat_map(|kind| &mut kind.rows) {
        let arn = row["arn"].as_str().unwrap_or_default().to_owned();
        // A stream key goes by the name of its channel.
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
                div.wide { table.things { @for (row, live) in &rows { (resource(row, *live)) } } }
            }
            @if count > rows.len() { p.quiet { "… and " (count - rows.len()) " more" } }
        }
    }
}

fn resource(row: &Value, live: bool) -> Markup {
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
        h2 { "Faults in force: " (count) }
        @for rule in faults.rules().take(SHOWN) { p { code { (serde_json::to_string(rule).unwrap_or_default()) } } }
        @if count > SHOWN { p.quiet { "… and " (count - SHOWN) " more" } }
    }
}

fn calls(shared: &Shared) -> Markup {
    let calls: Vec<_> = shared.journal().entries().rev().take(CALLS).map(Call::from).collect();
    html! {
        h2 { "The last calls, newest first" }
        div.wide {
            table {
                tr { th { "#" } th { "seconds" } th { "operation" } th { "answer" } th { "resource" } th { "" } }
                @for call in &calls { (line(call)) }
            }
        }
    }
}

fn line(call: &Call) -> Markup {
    let (outcome, class) = match (call.answered, call.status) {
        (None, _) => ("under way".to_owned(), "quiet"),
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
