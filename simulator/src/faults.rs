//! Faults: rules by which calls go wrong.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A rule: which calls go wrong, how often, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The operation it strikes, such as `CreateChannel`; `*` and `?` match any characters and any one.
    pub operation: String,
    /// How often it strikes.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    pub kind: FaultKind,
    /// Only resources whose name or ARN contains this, or matches it if there is `*` or `?` in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

fn once() -> u32 {
    1
}

/// How a call goes wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// It is answered with this error, and has no effect.
    Error {
        /// The AWS code, such as `ThrottlingException`.
        code: String,
        /// The HTTP status.
        status: u16,
        /// The text.
        #[serde(default = "said")]
        message: String,
    },
    /// The connection is closed; it has no effect.
    Block,
    /// It has its effect, but the connection is closed instead of an answer.
    ExecuteThenDrop,
    /// It is never answered, and has no effect.
    Hang,
}

fn said() -> String {
    "The simulator was told to answer this".to_owned()
}

impl FaultKind {
    /// Its name, as in a rule.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Error { .. } => "error",
            Self::Block => "block",
            Self::ExecuteThenDrop => "execute-then-drop",
            Self::Hang => "hang",
        }
    }
}

impl Fault {
    /// Strikes the operation once.
    #[must_use]
    pub fn new(operation: impl Into<String>, kind: FaultKind) -> Self {
        Self { operation: operation.into(), times: 1, kind, name: None }
    }

    /// Answers with an error.
    #[must_use]
    pub fn error(operation: impl Into<String>, status: u16, code: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Error { code: code.into(), status, message: said() })
    }

    /// Closes the connection before the effect.
    #[must_use]
    pub fn block(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Block)
    }

    /// Closes the connection after the effect.
    #[must_use]
    pub fn execute_then_drop(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::ExecuteThenDrop)
    }

    /// Never answers, and does nothing.
    #[must_use]
    pub fn hang(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Hang)
    }

    /// Strikes so many times instead of once.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Strikes only resources of that name or ARN.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What is wrong with the rule.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.kind {
            _ if self.times == 0 => Err("times: must be at least 1".to_owned()),
            FaultKind::Error { status, .. } if !(400..=599).contains(status) => {
                Err(format!("kind.error.status: {status} is not the status of an error (400 to 599)"))
            }
            FaultKind::Error { code, .. }
                if code.is_empty() || !code.chars().all(|c| c.is_ascii_graphic()) =>
            {
                Err("kind.error.code: must be a word, such as ThrottlingException".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether it strikes a call of that operation to a resource that is known by those names.
    fn strikes(&self, operation: &str, names: &[&str]) -> bool {
        let on_operation = glob(&self.operation, operation);
        on_operation
            && self.name.as_deref().is_none_or(|pattern| {
                let is_glob = pattern.contains(['*', '?']);
                names.iter().any(|name| if is_glob { glob(pattern, name) } else { name.contains(pattern) })
            })
    }
}

/// A rule that is in force.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rule {
    id: u64,
    /// How often it has struck.
    hits: u32,
    #[serde(flatten)]
    fault: Fault,
}

/// The rules in force, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Faults {
    last: u64,
    rules: VecDeque<Rule>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) -> Rule {
        self.last += 1;
        let rule = Rule { id: self.last, hits: 0, fault };
        self.rules.push_back(rule.clone());
        rule
    }

    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that strikes this call; the first rule that matches is used up by one.
    pub fn strike(&mut self, operation: &str, names: &[&str]) -> Option<FaultKind> {
        let index = self.rules.iter().position(|rule| rule.fault.strikes(operation, names))?;
        let rule = &mut self.rules[index];
        rule.hits += 1;
        let kind = rule.fault.kind.clone();
        if rule.hits >= rule.fault.times {
            self.rules.remove(index);
        }
        Some(kind)
    }
}

/// Whether the text matches a pattern with `*` and `?`.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last star does not fit: one character further on in the text.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t + 1));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((after_star, next)) = retry else { return false };
                (p, t) = (after_star, next);
                retry = Some((after_star, next + 1));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abbc"), ("a?c", "abc"), ("*b*", "abc"), ("Create*", "CreateRoom")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a?c", "ac"), ("a*c", "abb"), ("CreateRoom", "CreateRooms"), ("b", "abc")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_rule_is_used_up() {
        let mut faults = Faults::default();
        faults.add(Fault::block("GetRoom").times(2));
        assert_eq!(faults.strike("GetChannel", &[]), None);
        assert_eq!(faults.strike("GetRoom", &[]), Some(FaultKind::Block));
        assert_eq!(faults.strike("GetRoom", &[]), Some(FaultKind::Block));
        assert_eq!(faults.strike("GetRoom", &[]), None);
        assert_eq!(faults.rules().count(), 0);
    }

    #[test]
    fn a_name_is_a_part_or_a_pattern() {
        let fault = Fault::hang("*").named("todd");
        assert!(fault.strikes("GetRoom", &["arn", "todd-2"]) && !fault.strikes("GetRoom", &["arn"]));
        let fault = Fault::hang("*").named("todd*");
        assert!(fault.strikes("GetRoom", &["todd-2"]) && !fault.strikes("GetRoom", &["not-todd"]));
    }

    #[test]
    fn rules_are_read_from_json() {
        let read = |json| serde_json::from_str::<Fault>(json);
        let fault = read(r#"{"operation": "CreateRoom", "kind": "execute-then-drop"}"#).expect("a rule");
        assert_eq!(fault, Fault::execute_then_drop("CreateRoom"));
        let json = r#"{"operation": "*", "times": 3, "name": "t*",
                       "kind": {"error": {"code": "ThrottlingException", "status": 429}}}"#;
        let fault = read(json).expect("a rule");
        assert_eq!(fault, Fault::error("*", 429, "ThrottlingException").times(3).named("t*"));
        for wrong in [
            r#"{"operation": "*"}"#,
            r#"{"operation": "*", "kind": "explode"}"#,
            r#"{"operation": "*", "kind": "hang", "tmies": 2}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused() {
        for fault in
            [Fault::hang("*").times(0), Fault::error("*", 200, "Fine"), Fault::error("*", 500, "a\nb")]
        {
            assert!(fault.check().is_err(), "{fault:?}");
        }
    }
}
