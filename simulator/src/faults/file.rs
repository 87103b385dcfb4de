//! Faults from a file.

use std::path::Path;

use serde_json::Value;

use super::fault::Fault;

/// Reads a list of faults from a file in YAML or JSON.
pub(crate) fn read(file: &Path) -> Result<Vec<Fault>, String> {
    let with_path = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| with_path(&error))?;
    parse(&text).map_err(|error| with_path(&error))
}

fn parse(text: &str) -> Result<Vec<Fault>, String> {
    // Converts to JSON first, so that both formats are the same. In YAML, serde would expect the kind as a
    // tag.
    let rules: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    // Accepts the output of the admin API as well as a bare list.
    let rules = rules.get("faults").cloned().unwrap_or(rules);
    let rules = match rules {
        Value::Null => Vec::new(),
        Value::Array(rules) => rules,
        _ => return Err("not a list of faults".to_owned()),
    };
    let read = |(index, rule): (usize, Value)| {
        let fault: Result<Fault, _> = serde_json::from_value(rule).map_err(|error| error.to_string());
        let fault = fault.and_then(|fault| fault.check().map(|()| fault));
        fault.map_err(|error| format!("fault {}: {error}", index + 1))
    };
    rules.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_yaml() {
        let text = "
- operation: Create*
  every: 3
  kind: execute-then-drop
- {operation: GetRoom, kind: {error: {code: PendingVerification, status: 403}}}
- {operation: GetRoom, kind: {late: {after: 300ms}}}
- {operation: GetRoom, kind: html}
";
        let faults = parse(text).expect("faults");
        assert_eq!(faults[0], Fault::execute_then_drop("Create*").every(3));
        assert_eq!(faults[1], Fault::error("GetRoom", 403, "PendingVerification"));
        assert_eq!(faults[2], Fault::late("GetRoom", std::time::Duration::from_millis(300)));
        assert_eq!(faults[3], Fault::html("GetRoom", 502));
        assert_eq!(parse(""), Ok(Vec::new()));
        assert_eq!(parse("faults: []"), Ok(Vec::new()));
    }

    #[test]
    fn an_error_names_the_invalid_fault() {
        for (text, error) in [
            ("5", "not a list"),
            (
                "- {operation: '*', kind: hang}\n- {operation: '*', kind: explode}",
                "fault 2: kind: unknown variant",
            ),
            ("- {operation: MakeCoffee, kind: hang}", "unknown operation"),
            ("- {operation: '*', kind: hang, often: 2}", "unknown field"),
            ("{", "line"),
        ] {
            let message = parse(text).expect_err("an error");
            assert!(message.contains(error) && !message.contains('\n'), "{message}");
        }
    }
}
