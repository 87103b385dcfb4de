//! What a dump tells besides the tables of resources: what is live, what was, what is used, and what is to come.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::State;

/// The members of a dump that hold it.
pub(super) const RUNTIME_MEMBERS: &[&str] = &["broadcasts", "stageSessions", "roomUses", "agenda"];

impl State {
    /// Adds it, and to each channel whether it is live.
    pub(super) fn dump_runtime_state(&self, dump: &mut Map<String, Value>) {
        for channel in dump.get_mut("channels").and_then(Value::as_array_mut).into_iter().flatten() {
            let stream = channel["arn"].as_str().and_then(|arn| self.broadcasts.streams.of(arn));
            let (live, stream) = (stream.is_some(), json!(stream));
            channel["live"] = json!(live);
            channel["stream"] = stream;
        }
        dump.insert("broadcasts".to_owned(), json!(self.broadcasts));
        dump.insert("stageSessions".to_owned(), json!(self.stage_sessions));
        dump.insert("roomUses".to_owned(), json!(self.room_activity));
        dump.insert("agenda".to_owned(), json!(self.scheduler));
    }

    /// Something of it has changed.
    pub fn changed(&mut self) {
        self.other_changes += 1;
    }

    /// Takes it out of a dump; what is not in there is empty.
    pub(super) fn load_runtime_state(&mut self, dump: &mut Map<String, Value>) -> Result<(), String> {
        self.broadcasts = taken(dump, "broadcasts")?;
        self.stage_sessions = taken(dump, "stageSessions")?;
        self.room_activity = taken(dump, "roomUses")?;
        self.scheduler = taken(dump, "agenda")?;
        Ok(())
    }
}

fn taken<T: Default + DeserializeOwned>(dump: &mut Map<String, Value>, member: &str) -> Result<T, String> {
    let Some(value) = dump.remove(member) else { return Ok(T::default()) };
    serde_json::from_value(value).map_err(|error| format!("{member}: {error}"))
}
