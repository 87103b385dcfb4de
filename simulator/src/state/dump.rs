//! Everything that exists, as JSON for the admin API.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Row, State, Table};
use crate::ivs::stream;

impl State {
    /// All resources, each with all that its own Get tells, and for channels whether they are live.
    pub fn dump(&mut self) -> Value {
        stream::settle_all(self);
        let channels = self.channels.iter().map(|channel| {
            let mut members = members(channel);
            members.insert("live".to_owned(), json!(channel.is_live()));
            members.insert("stream".to_owned(), json!(channel.stream()));
            Value::Object(members)
        });
        json!({
            "region": self.place.region,
            "account": self.place.account,
            "channels": channels.collect::<Value>(),
            "streamKeys": all(&self.stream_keys),
            "rooms": all(&self.rooms),
            "stages": all(&self.stages),
        })
    }
}

fn all<T: Row + Serialize>(table: &Table<T>) -> Value {
    table.iter().map(|row| Value::Object(members(row))).collect()
}

fn members(row: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
