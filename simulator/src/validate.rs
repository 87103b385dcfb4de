//! Validation of requests, member by member, by rules that are data beside each operation.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::{
    error::{Failure, Field},
    pattern::{self, Pattern},
};

/// A member of a request.
pub(crate) struct Member {
    name: &'static str,
    required: bool,
    rule: Rule,
}

/// A member that must be there.
pub(crate) const fn required(name: &'static str, rule: Rule) -> Member {
    Member { name, required: true, rule }
}

/// A member that may be left out.
pub(crate) const fn optional(name: &'static str, rule: Rule) -> Member {
    Member { name, required: false, rule }
}

/// What a value must be like.
pub(crate) enum Rule {
    Text { min: usize, max: usize, pattern: Pattern },
    Choice(&'static [&'static str]),
    Integer { min: i64, max: i64 },
    Boolean,
    List { min: usize, max: usize, of: &'static Rule },
    Map { max: usize, key: &'static Rule, value: &'static Rule },
    Object(&'static [Member]),
}

/// The name of a resource.
pub(crate) const NAME: Rule = Rule::Text { min: 0, max: 128, pattern: pattern::NAME };

/// Text of up to so many characters, of any kind.
pub(crate) const fn text(max: usize) -> Rule {
    Rule::Text { min: 0, max, pattern: Pattern::Any }
}

/// The ARN of a resource.
pub(crate) const fn arn(service: &'static str, kind: &'static str) -> Rule {
    Rule::Text { min: 1, max: 128, pattern: Pattern::Arn { service, kind, or_empty: false } }
}

/// The ARN of something attached; empty to have it detached.
pub(crate) const fn reference(service: &'static str, kind: &'static str) -> Rule {
    Rule::Text { min: 0, max: 128, pattern: Pattern::Arn { service, kind, or_empty: true } }
}

/// `nextToken`, in the alphabet that ivs and ivs-realtime allow.
pub(crate) const TOKEN: Rule = Rule::Text { min: 0, max: 1024, pattern: pattern::TOKEN };

/// Refuses input that breaks a rule, naming every member that does.
pub(crate) fn check(members: &[Member], input: &Value) -> Result<(), Failure> {
    let Value::Object(input) = input else {
        return Err(Failure::serialization(format!("{} can not be converted to an Object", kind(input))));
    };
    let mut findings = Findings::default();
    findings.object(members, input, "")?;
    findings.into_result()
}

#[derive(Default)]
struct Findings(Vec<Finding>);

struct Finding {
    value: String,
    path: String,
    constraint: String,
}

impl Findings {
    fn object(&mut self, members: &[Member], input: &Map<String, Value>, path: &str) -> Result<(), Failure> {
        for Member { name, required, rule } in members {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            // AWS reads null as absent, and does not look at members that it does not know.
            match input.get(*name).filter(|value| !value.is_null()) {
                Some(value) => self.value(rule, value, &path)?,
                None if *required => self.add(None, &path, "Member must not be null"),
                None => {}
            }
        }
        Ok(())
    }

    fn value(&mut self, rule: &Rule, value: &Value, path: &str) -> Result<(), Failure> {
        match (rule, value) {
            (Rule::Text { min, max, pattern }, Value::String(text)) => {
                self.length(*min, *max, text.chars().count(), text, path);
                if let Some(constraint) = pattern.violation(text) {
                    self.add(Some(text), path, constraint);
                }
            }
            (Rule::Choice(choices), Value::String(text)) => {
                if !choices.contains(&text.as_str()) {
                    let constraint = format!("Member must satisfy enum value set: [{}]", choices.join(", "));
                    self.add(Some(text), path, constraint);
                }
            }
            (Rule::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
                Some(integer) => self.range(*min, *max, integer, path),
                None => return Err(unconvertible(rule, value, path)),
            },
            (Rule::Boolean, Value::Bool(_)) => {}
            (Rule::List { min, max, of }, Value::Array(items)) => {
                self.length(*min, *max, items.len(), &list_text(items), path);
                self.items(of, items, path)?;
            }
            (Rule::Map { max, key, value: rule }, Value::Object(entries)) => {
                self.length(0, *max, entries.len(), &format!("{} entries", entries.len()), path);
                self.entries(key, rule, entries, path)?;
            }
            (Rule::Object(members), Value::Object(input)) => self.object(members, input, path)?,
            _ => return Err(unconvertible(rule, value, path)),
        }
        Ok(())
    }

    fn items(&mut self, rule: &Rule, items: &[Value], path: &str) -> Result<(), Failure> {
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}.{}.member", index + 1);
            if item.is_null() {
                self.add(None, &path, "Member must not be null");
            } else {
                self.value(rule, item, &path)?;
            }
        }
        Ok(())
    }

    fn entries(
        &mut self,
        key: &Rule,
        rule: &Rule,
        entries: &Map<String, Value>,
        path: &str,
    ) -> Result<(), Failure> {
        for (name, value) in entries {
            self.value(key, &Value::String(name.clone()), path)?;
            let path = format!("{path}.{}.member", shortened(name));
            if value.is_null() {
                self.add(None, &path, "Member must not be null");
            } else {
                self.value(rule, value, &path)?;
            }
        }
        Ok(())
    }

    fn length(&mut self, min: usize, max: usize, length: usize, value: &str, path: &str) {
        if length < min {
            self.add(Some(value), path, format!("Member must have length greater than or equal to {min}"));
        } else if length > max {
            self.add(Some(value), path, format!("Member must have length less than or equal to {max}"));
        }
    }

    fn range(&mut self, min: i64, max: i64, value: i64, path: &str) {
        if value < min {
            let constraint = format!("Member must have value greater than or equal to {min}");
            self.add(Some(&value.to_string()), path, constraint);
        } else if value > max {
            let constraint = format!("Member must have value less than or equal to {max}");
            self.add(Some(&value.to_string()), path, constraint);
        }
    }

    fn add(&mut self, value: Option<&str>, path: &str, constraint: impl Into<String>) {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{}'", shortened(value)));
        self.0.push(Finding { value, path: path.to_owned(), constraint: constraint.into() });
    }

    fn into_result(self) -> Result<(), Failure> {
        /// How many findings the message tells; a hostile request can have thousands.
        const TOLD: usize = 20;
        if self.0.is_empty() {
            return Ok(());
        }
        let count = self.0.len();
        let said = |finding: &Finding| {
            let Finding { value, path, constraint } = finding;
            format!("Value {value} at '{path}' failed to satisfy constraint: {constraint}")
        };
        let texts: Vec<_> = self.0.iter().take(TOLD).map(said).collect();
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", texts.join("; "));
        let fields = self.0.into_iter().take(TOLD);
        let fields =
            fields.map(|finding| Field { name: finding.path, message: finding.constraint }).collect();
        Err(Failure { fields, ..Failure::validation(message) })
    }
}

fn unconvertible(rule: &Rule, value: &Value, path: &str) -> Failure {
    let wanted = match rule {
        Rule::Text { .. } | Rule::Choice(_) => "a String",
        Rule::Integer { .. } => "an Integer",
        Rule::Boolean => "a Boolean",
        Rule::List { .. } => "a List",
        Rule::Map { .. } => "a Map",
        Rule::Object(_) => "an Object",
    };
    Failure::serialization(format!("{} at '{path}' can not be converted to {wanted}", kind(value)))
}

fn kind(value: &Value) -> impl Display {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

fn list_text(items: &[Value]) -> String {
    format!("[{} members]", items.len())
}

/// Enough of a value to recognise it by.
fn shortened(text: &str) -> String {
    const ENOUGH: usize = 160;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
