//! A page for people: what exists, what is live, and the last calls, as plain text.

use std::fmt::{self, Write};

use serde_json::Value;

use crate::{journal::Call, shared::Shared};

/// How many resources of a kind, and how many calls, the page shows.
const SHOWN: usize = 100;
const CALLS: usize = 30;

const PATHS: &str = "\
GET    /_simulator                      this page
GET    /_simulator/calls                the journal (?operation=, ?resource=, ?after=seq); DELETE clears it
GET    /_simulator/state                all that exists, as JSON
POST   /_simulator/channels/{arn}/live  an encoder connects; DELETE: it goes away
DELETE /_simulator/resources/{arn}      removes a resource, as a person would in the console
GET    /_simulator/faults               the faults in force; POST adds one, DELETE clears them
";

/// The page.
pub(crate) fn page(shared: &Shared) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut page, shared);
    page
}

fn write(page: &mut String, shared: &Shared) -> fmt::Result {
    let state = shared.state().dump();
    let place = &shared.place;
    writeln!(page, "Amazon IVS, simulated: account {} in {}\n", place.account, place.region)?;
    for (title, member) in [
        ("Channels", "channels"),
        ("Stream keys", "streamKeys"),
        ("Chat rooms", "rooms"),
        ("Stages", "stages"),
    ] {
        resources(page, title, state[member].as_array().map_or(&[], Vec::as_slice))?;
    }
    faults(page, shared)?;
    calls(page, shared)?;
    write!(page, "\nPaths\n{PATHS}")
}

fn resources(page: &mut String, title: &str, rows: &[Value]) -> fmt::Result {
    writeln!(page, "{title}: {}", rows.len())?;
    for row in rows.iter().take(SHOWN) {
        let text = |member: &str| row[member].as_str().unwrap_or_default();
        let live = if row["live"] == true { "  LIVE" } else { "" };
        writeln!(page, "  {}  {}{live}", text("arn"), text("name"))?;
        for (key, value) in row["tags"].as_object().into_iter().flatten() {
            writeln!(page, "      {key} = {}", value.as_str().unwrap_or_default())?;
        }
    }
    if rows.len() > SHOWN {
        writeln!(page, "  … and {} more", rows.len() - SHOWN)?;
    }
    writeln!(page)
}

fn faults(page: &mut String, shared: &Shared) -> fmt::Result {
    let faults = shared.faults();
    writeln!(page, "Faults in force: {}", faults.rules().count())?;
    for rule in faults.rules().take(SHOWN) {
        writeln!(page, "  {}", serde_json::to_string(rule).unwrap_or_default())?;
    }
    writeln!(page)
}

fn calls(page: &mut String, shared: &Shared) -> fmt::Result {
    let journal = shared.journal();
    writeln!(page, "The last calls, newest first")?;
    for call in journal.calls().rev().take(CALLS) {
        line(page, call)?;
    }
    Ok(())
}

fn line(page: &mut String, call: &Call) -> fmt::Result {
    let outcome = match (call.answered, call.status) {
        (None, _) => "under way".to_owned(),
        (Some(_), 0) => "connection closed".to_owned(),
        (Some(_), status) => status.to_string(),
    };
    let resource = call.created.as_deref().or(call.resource.as_deref()).unwrap_or_default();
    let name = call.name.as_deref().filter(|name| *name != resource);
    let details = [name, call.error.as_deref(), call.fault.as_deref()];
    let details = details.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let seconds = call.arrived.as_secs_f64();
    writeln!(
        page,
        "  {:>6} {seconds:>10.3} s  {:<20} {outcome:<10} {resource}  {details}",
        call.seq, call.operation
    )
}
