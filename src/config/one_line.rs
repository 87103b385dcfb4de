//! Error messages for an invalid command line.

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Cli;

/// Returns the error as one line. It repeats no URL: a database URL in the wrong place contains a password.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    if let (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    {
        let settings: Vec<_> = missing.iter().map(|flag| with_variable(flag)).collect();
        return format!("missing: {}", settings.join(", and "));
    }
    let text = without_urls(error);
    let head = text.split("\n\nUsage:").next().unwrap_or(&text);
    let head = head.split("\n\nFor more information").next().unwrap_or(head);
    head.split_whitespace().collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

/// Returns the text of the error with `…` in place of each argument that contains a URL.
fn without_urls(error: &clap::Error) -> String {
    let arguments = error.context().flat_map(|(_, value)| match value {
        ContextValue::String(argument) => vec![argument.clone()],
        ContextValue::Strings(arguments) => arguments.clone(),
        _ => Vec::new(),
    });
    arguments.filter(|argument| argument.contains("://")).fold(error.to_string(), |text, argument| {
        // A value parser can repeat the argument in quotes.
        let quoted = format!("{argument:?}");
        text.replace(&argument, "…").replace(quoted.trim_matches('"'), "…")
    })
}

/// Adds the environment variable to a flag as clap prints it (`--namespace <NAMESPACE>`).
fn with_variable(flag: &str) -> String {
    let long = flag.split_whitespace().next().unwrap_or(flag).trim_start_matches("--");
    let command = Cli::command();
    let mut arguments = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let argument = arguments.find(|argument| argument.get_long() == Some(long));
    match argument.and_then(clap::Arg::get_env) {
        Some(variable) => format!("set {} (or pass {flag})", variable.to_string_lossy()),
        None => flag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn invalid_setting_is_reported_in_one_line() {
        let arguments = ["streamcat-operator", "migrate", "--frobnicate"];
        let error = Cli::try_parse_from(arguments).expect_err("no such flag");
        assert_eq!(one_line(&error).lines().count(), 1);
        assert!(one_line(&error).contains("--frobnicate"));
    }

    #[test]
    fn no_argument_with_a_url_is_repeated() {
        let url = "postgres://u:canary \"4711\"\n@h/d";
        let assignment = format!("--database_url={url}");
        let level = format!("--log-format={url}");
        let interval = format!("--resync-interval={url}");
        for arguments in [
            &["migrate", url][..],
            &[url],
            &["migrate", &assignment],
            &["migrate", "--database-url", "postgres://h/d", url],
            &["migrate", &level],
            &["controller", &interval],
            &["controller", "--leader-elect", url],
        ] {
            let arguments = [&["streamcat-operator"], arguments].concat();
            let line = one_line(&Cli::try_parse_from(&arguments).expect_err("wrong"));
            assert!(!line.contains("canary") && !line.contains("4711"), "{line}");
        }
    }

    #[test]
    fn missing_setting_is_reported_with_its_variable() {
        // Created here, because the variables may be set in the environment of the tests.
        let mut error = clap::Error::new(ErrorKind::MissingRequiredArgument);
        let missing = vec!["--database-url <DATABASE_URL>".to_owned(), "--namespace <NAMESPACE>".to_owned()];
        error.insert(ContextKind::InvalidArg, ContextValue::Strings(missing));
        let expected = "missing: set DATABASE_URL (or pass --database-url <DATABASE_URL>), and set STREAMCAT_NAMESPACE (or pass --namespace <NAMESPACE>)";
        assert_eq!(one_line(&error), expected);
    }
}
