//! Validation of input, member by member. The rules are data in the table of each operation.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::{
    api_error::{ApiError, InvalidMember},
    pattern::{self, Pattern},
};

/// A member of an operation's input.
pub(crate) struct Member {
    name: &'static str,
    required: bool,
    rule: Rule,
}

/// Returns a member that must be present.
pub(crate) const fn required(name: &'static str, rule: Rule) -> Member {
    Member { name, required: true, rule }
}

/// Returns a member that can be omitted.
pub(crate) const fn optional(name: &'static str, rule: Rule) -> Member {
    Member { name, required: false, rule }
}

/// The rule for the value of a member.
pub(crate) enum Rule {
    Text { min: usize, max: usize, pattern: Pattern },
    Choice(&'static [&'static str]),
    Integer { min: i64, max: i64 },
    Boolean,
    List { min: usize, max: usize, of: &'static Rule },
    Map { max: usize, key: &'static Rule, value: &'static Rule },
    Object(&'static [Member]),
}

/// The rule for the name of a resource.
pub(crate) const NAME: Rule = Rule::Text { min: 0, max: 128, pattern: pattern::NAME };

/// Returns the rule for text of at most `max` characters.
pub(crate) const fn text(max: usize) -> Rule {
    Rule::Text { min: 0, max, pattern: Pattern::Any }
}

/// Returns the rule for the ARN of a resource.
pub(crate) const fn arn(service: &'static str, kind: &'static str) -> Rule {
    Rule::Text { min: 1, max: 128, pattern: Pattern::Arn { service, kind, or_empty: false } }
}

/// Returns the rule for a reference to a resource: its ARN, or an empty text to remove the reference.
pub(crate) const fn reference(service: &'static str, kind: &'static str) -> Rule {
    Rule::Text { min: 0, max: 128, pattern: Pattern::Arn { service, kind, or_empty: true } }
}

/// The rule for `nextToken` in ivs and ivs-realtime.
pub(crate) const TOKEN: Rule = Rule::Text { min: 0, max: 1024, pattern: pattern::TOKEN };

/// Rejects input that violates a rule. The error names every member that does.
pub(crate) fn check(members: &[Member], input: &Value) -> Result<(), ApiError> {
    let Value::Object(input) = input else {
        return Err(ApiError::serialization(format!("{} can not be converted to an Object", kind(input))));
    };
    let mut violations = Violations::default();
    violations.object(members, input, "")?;
    violations.into_result()
}

#[derive(Default)]
struct Violations(Vec<Violation>);

struct Violation {
    value: String,
    path: String,
    constraint: String,
}

impl Violations {
    fn object(&mut self, members: &[Member], input: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
        for Member { name, required, rule } in members {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            // AWS treats null as absent and ignores unknown members.
            match input.get(*name).filter(|value| !value.is_null()) {
                Some(value) => self.value(rule, value, &path)?,
                None if *required => self.add(None, &path, "Member must not be null"),
                None => {}
            }
        }
        Ok(())
    }

    fn value(&mut self, rule: &Rule, value: &Value, path: &str) -> Result<(), ApiError> {
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

    fn items(&mut self, rule: &Rule, items: &[Value], path: &str) -> Result<(), ApiError> {
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
    ) -> Result<(), ApiError> {
        for (name, value) in entries {
            self.value(key, &Value::String(name.clone()), path)?;
            let path = format!("{path}.{}.member", truncated(name));
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
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{}'", truncated(value)));
        self.0.push(Violation { value, path: path.to_owned(), constraint: constraint.into() });
    }

    fn into_result(self) -> Result<(), ApiError> {
        /// The maximum number of violations in the error. A hostile request can have thousands.
        const MAX_REPORTED: usize = 20;
        if self.0.is_empty() {
            return Ok(());
        }
        let count = self.0.len();
        let describe = |violation: &Violation| {
            let Violation { value, path, constraint } = violation;
            format!("Value {value} at '{path}' failed to satisfy constraint: {constraint}")
        };
        let texts: Vec<_> = self.0.iter().take(MAX_REPORTED).map(describe).collect();
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", texts.join("; "));
        let fields = self.0.into_iter().take(MAX_REPORTED);
        let fields = fields
            .map(|violation| InvalidMember { name: violation.path, message: violation.constraint })
            .collect();
        Err(ApiError { fields, ..ApiError::validation(message) })
    }
}

fn unconvertible(rule: &Rule, value: &Value, path: &str) -> ApiError {
    let wanted = match rule {
        Rule::Text { .. } | Rule::Choice(_) => "a String",
        Rule::Integer { .. } => "an Integer",
        Rule::Boolean => "a Boolean",
        Rule::List { .. } => "a List",
        Rule::Map { .. } => "a Map",
        Rule::Object(_) => "an Object",
    };
    ApiError::serialization(format!("{} at '{path}' can not be converted to {wanted}", kind(value)))
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

/// Returns the beginning of a value, long enough to recognize it.
fn truncated(text: &str) -> String {
    const MAX_CHARS: usize = 160;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
