//! Malformed requests, generated from the valid requests of the contract tests.

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value, json};

use crate::wire::signature;

const ARN: &str = "arn:aws:ivs:us-west-2:123456789012";

/// A malformed request, by the response to expect.
pub enum Malformed {
    /// Valid HTTP. The response is a JSON error.
    Call(Vec<u8>),
    /// Invalid HTTP. The response is a JSON error, or the connection is closed.
    Broken(Vec<u8>),
    /// An incomplete request that is never completed.
    HalfOpen(Vec<u8>),
}

/// An operation with valid input, whose resources do not exist.
struct Sample {
    service: &'static str,
    operation: String,
    input: Value,
}

pub struct Requests {
    random: StdRng,
    samples: Vec<Sample>,
}

impl Requests {
    pub fn new(random: StdRng) -> Self {
        let steps: Vec<Value> =
            serde_json::from_str(include_str!("../contract/scenario.json")).expect("the scenario");
        Self { random, samples: steps.iter().filter_map(sample).collect() }
    }

    pub fn next(&mut self) -> Malformed {
        match self.random.random_range(0..100) {
            0..30 => self.wrong_type(),
            30..52 => self.not_json(),
            52..62 => self.bad_value(),
            62..76 => self.bad_path(),
            76..86 => self.bad_arn(),
            86..91 => self.bad_signature(),
            91..92 => self.huge(),
            92..98 => self.broken(),
            _ => self.half_open(),
        }
    }

    fn any<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of.choose(&mut self.random).copied().expect("there are some")
    }

    fn garbage(&mut self, most: usize) -> Vec<u8> {
        let length = self.random.random_range(0..=most);
        (0..length).map(|_| self.random.random()).collect()
    }

    /// Returns random characters for a path or an ARN.
    fn word(&mut self, most: usize) -> String {
        let length = self.random.random_range(1..=most);
        (0..length)
            .map(|_| self.any(&["a", "Z", "0", "/", ":", "-", "%2F", "%00", "%ff", "~", "..", "*", "%"]))
            .collect()
    }

    fn sample(&mut self) -> (&'static str, String, Value) {
        let index = self.random.random_range(0..self.samples.len());
        let Sample { service, operation, input } = &self.samples[index];
        (service, operation.clone(), input.clone())
    }

    fn call(&mut self, service: &str, operation: &str, body: &[u8]) -> Malformed {
        self.request("POST", &format!("/{operation}"), &signature(service), body)
    }

    /// Returns a complete request, whose body is sent as a whole or in chunks.
    fn request(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Malformed {
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}").into_bytes();
        if self.random.random_ratio(1, 8) {
            bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(self.random.random_range(1..=4096)) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend([chunk, b"\r\n"].concat());
            }
            bytes.extend(b"0\r\n\r\n");
        } else {
            bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
            bytes.extend(body);
        }
        Malformed::Call(bytes)
    }

    fn wrong_type(&mut self) -> Malformed {
        let (service, operation, mut input) = self.sample();
        let place = self.place(&mut input);
        let others = [json!(true), json!(-7.5), json!("text"), json!([[1]]), json!({"a": {"b": []}})];
        let others: Vec<_> = others.iter().filter(|other| kind(other) != kind(place)).collect();
        *place = self.any(&others).clone();
        self.call(service, &operation, input.to_string().as_bytes())
    }

    /// Returns a random member, at any depth.
    fn place<'a>(&mut self, value: &'a mut Value) -> &'a mut Value {
        let size = match value {
            Value::Object(members) => members.len(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        if size == 0 || self.random.random_ratio(1, 8) {
            return value;
        }
        let index = self.random.random_range(0..size);
        let inner = match value {
            Value::Object(members) => members.values_mut().nth(index).expect("it is there"),
            Value::Array(items) => &mut items[index],
            _ => unreachable!("it has a size"),
        };
        self.place(inner)
    }

    fn not_json(&mut self) -> Malformed {
        let (service, operation, input) = self.sample();
        let right = input.to_string().into_bytes();
        loop {
            let mut body = right.clone();
            let at = self.random.random_range(0..body.len());
            match self.random.random_range(0..5) {
                0 => body.truncate(at),
                1 => body[at] = self.random.random(),
                2 => body.insert(at, self.random.random()),
                3 => body = [&body[..], &self.garbage(50)].concat(),
                _ => body = b"[".repeat(self.random.random_range(1..20_000)),
            }
            // Some changes leave valid JSON, and an empty body counts as an empty object.
            if !body.trim_ascii().is_empty() && serde_json::from_slice::<Value>(&body).is_err() {
                return self.call(service, &operation, &body);
            }
        }
    }

    fn bad_value(&mut self) -> Malformed {
        let tags: Map<_, _> = (0..51).map(|n| (format!("key-{n}"), json!(""))).collect();
        let long = "x".repeat(self.random.random_range(129..5000));
        let number = self.any(&[&0_i64, &-1, &101, &i64::MAX, &i64::MIN]);
        let (operation, input) = [
            ("CreateChannel", json!({ "name": long })),
            ("CreateChannel", json!({"name": "no spaces"})),
            ("CreateChannel", json!({ "type": long })),
            ("CreateChannel", json!({ "tags": tags })),
            ("CreateChannel", json!({"tags": {"": "x"}})),
            ("CreateChannel", json!({"preset": "HIGHER_BANDWIDTH_DELIVERY"})),
            ("ListChannels", json!({ "maxResults": number })),
            ("ListChannels", json!({ "nextToken": long })),
            ("ListChannels", json!({"filterByName": "a", "filterByRecordingConfigurationArn": format!("{ARN}:recording-configuration/a")})),
            ("BatchGetChannel", json!({"arns": vec![format!("{ARN}:channel/a"); 51]})),
            ("BatchGetChannel", json!({"arns": []})),
            ("CreateStage", json!({ "name": long })),
            ("CreateStage", json!({"participantTokenConfigurations": vec![json!({}); 13]})),
            ("CreateStage", json!({"participantTokenConfigurations": [{ "duration": 20_161 }]})),
            ("ListStages", json!({ "maxResults": number })),
        ]
        .choose(&mut self.random)
        .cloned()
        .expect("there are some");
        self.call("ivs", operation, input.to_string().as_bytes())
    }

    fn bad_path(&mut self) -> Malformed {
        let word = self.word(200);
        let (method, path) = match self.random.random_range(0..6) {
            0 => ("POST", format!("/no{word}")),
            1 => ("GET", format!("/no{word}?{word}")),
            2 => {
                (self.any(&["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]), "/CreateChannel".to_owned())
            }
            3 => (self.any(&["GET", "POST", "DELETE", "PUT"]), format!("/tags/no{word}")),
            4 => (self.any(&["GET", "POST", "DELETE", "PUT"]), format!("/_simulator/no{word}")),
            _ => (
                "POST",
                self.any(&["/_simulator/faults", "/_simulator/channels/a/live", "/createchannel", "/", "*"])
                    .to_owned(),
            ),
        };
        let body = self.garbage(20);
        self.request(method, &path, &signature("ivs"), &[b"{", &body[..]].concat())
    }

    fn bad_arn(&mut self) -> Malformed {
        let word = self.word(40);
        let kind = self.any(&["channel", "stage", "room", "stream-key", "", "no"]);
        let arn = match self.random.random_range(0..6) {
            0 => word,
            1 => format!("arn:{word}"),
            2 => format!("{ARN}:{kind}/{word}"),
            3 => format!("arn:aws:ivs:eu-west-1:123456789012:{kind}/a"),
            4 => format!("arn:aws:ivs:us-west-2:999999999999:{kind}/a"),
            _ => format!("{ARN}:{kind}/{}", "a".repeat(self.random.random_range(1..500))),
        };
        let (service, operation, member) = self.any(&[
            &("ivs", "GetChannel", "arn"),
            &("ivs", "DeleteChannel", "arn"),
            &("ivs", "ListStreamKeys", "channelArn"),
            &("ivs", "StopStream", "channelArn"),
            &("ivs", "UpdateStage", "arn"),
            &("ivs", "DeleteStage", "arn"),
            &("ivschat", "GetRoom", "identifier"),
            &("ivschat", "UpdateRoom", "identifier"),
        ]);
        self.call(service, operation, json!({ *member: arn }).to_string().as_bytes())
    }

    fn bad_signature(&mut self) -> Malformed {
        let (_, operation, input) = self.sample();
        let right = signature("ivs");
        let headers = match self.random.random_range(0..6) {
            0 => String::new(),
            1 => "Authorization: Basic eDp5\r\n".to_owned(),
            2 => right.replace("us-west-2", "mars-north-1"),
            3 => right.replace("/ivs/", "/s3/"),
            4 => right.replace("Signature=0f", "Signature="),
            _ => format!("Authorization: AWS4-HMAC-SHA256 {}\r\n", "Credential=a/".repeat(300)),
        };
        self.request("POST", &format!("/{operation}"), &headers, input.to_string().as_bytes())
    }

    fn huge(&mut self) -> Malformed {
        let (service, operation, _) = self.sample();
        let size = self.random.random_range((256 << 10) + 1..2 << 20);
        self.call(service, &operation, json!({"name": "x".repeat(size)}).to_string().as_bytes())
    }

    fn broken(&mut self) -> Malformed {
        let head = format!("POST /CreateChannel HTTP/1.1\r\nHost: x\r\n{}", signature("ivs"));
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
        let garbage = String::from_utf8_lossy(&self.garbage(2000)).into_owned();
        let bytes = match self.random.random_range(0..14) {
            0 => return Malformed::Broken([&b"\x16\x03\x01"[..], &self.garbage(300)].concat()),
            1 => garbage,
            2 => format!("POST /{garbage} HTTP/1.1\r\n\r\n"),
            3 => format!("{head}no colon here\r\n\r\n"),
            4 => format!(
                "{head}Content-Length: {}\r\n\r\n{{}}",
                self.any(&["-1", "0x2", "two", "99999999999999999999", "2, 3"])
            ),
            5 => format!("{head}Content-Length: 900\r\n\r\n{{}}"),
            6 => format!("{head}Content-Length: 2\r\nContent-Length: 7\r\n\r\n{{}}"),
            7 => format!("{chunked}zz\r\n{{}}\r\n0\r\n\r\n"),
            8 => format!("{chunked}ffffffffffffffffff\r\n{{}}\r\n"),
            9 => format!("{chunked}2\r\n{{}}"),
            10 => format!("{chunked}900\r\n{{}}\r\n0\r\n\r\n"),
            11 => format!("{chunked}1\r\n{{}}\r\n0\r\n\r\n"),
            12 => format!("{head}{}\r\n", "X-Many: a\r\n".repeat(self.random.random_range(200..400))),
            _ => format!(
                "POST /{} HTTP/1.1\r\nHost: x\r\n\r\n",
                "a".repeat(self.random.random_range(70_000..500_000))
            ),
        };
        Malformed::Broken(bytes.into_bytes())
    }

    fn half_open(&mut self) -> Malformed {
        let (service, operation, input) = self.sample();
        let Malformed::Call(mut bytes) = self.call(service, &operation, input.to_string().as_bytes()) else {
            unreachable!("a call is a call");
        };
        bytes.truncate(self.random.random_range(0..bytes.len() - 1));
        Malformed::HalfOpen(bytes)
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Converts a step of the scenario. Its placeholders for created resources remain, so the resources do not
/// exist.
fn sample(step: &Value) -> Option<Sample> {
    let (service, operation) = step["call"].as_str()?.split_once('.')?;
    // Tag operations have their own paths.
    if operation.contains("Tag") {
        return None;
    }
    let service = if service == "ivschat" { "ivschat" } else { "ivs" };
    Some(Sample { service, operation: operation.to_owned(), input: step["with"].clone() })
}
