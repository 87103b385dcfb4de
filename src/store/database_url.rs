//! The database URL, and what it may contain. No error repeats a part of it: even the name of a parameter can
//! be the rest of a password in which a special character is not escaped.

use std::{net::IpAddr, str::FromStr};

use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

use crate::messages;

/// Name that the sessions have in `pg_stat_activity`, unless the URL sets another one.
const APPLICATION_NAME: &str = "streamcat-operator";

/// Parameters that are passed on. For some of them sqlx knows several names.
const SUPPORTED: [&str; 16] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Parameters of libpq that are not supported, and what to do instead.
const UNSUPPORTED: [(&str, &str); 36] = [
    ("channel_binding", REMOVE),
    ("client_encoding", REMOVE),
    ("connect_timeout", REMOVE),
    ("fallback_application_name", "use application_name"),
    ("gssdelegation", REMOVE),
    ("gssencmode", REMOVE),
    ("gsslib", REMOVE),
    ("keepalives", REMOVE),
    ("keepalives_count", REMOVE),
    ("keepalives_idle", REMOVE),
    ("keepalives_interval", REMOVE),
    ("krbsrvname", REMOVE),
    ("load_balance_hosts", "name the host that accepts writes"),
    ("max_protocol_version", REMOVE),
    ("min_protocol_version", REMOVE),
    ("passfile", "set PGPASSFILE"),
    ("replication", REMOVE),
    ("require_auth", REMOVE),
    ("requirepeer", REMOVE),
    ("requiressl", "use sslmode"),
    ("scram_client_key", "use a password"),
    ("scram_server_key", "use a password"),
    ("service", "write its settings into the URL"),
    ("servicefile", "write its settings into the URL"),
    ("ssl_max_protocol_version", REMOVE),
    ("ssl_min_protocol_version", REMOVE),
    ("sslcertmode", REMOVE),
    ("sslcompression", REMOVE),
    ("sslcrl", REMOVE),
    ("sslcrldir", REMOVE),
    ("sslkeylogfile", REMOVE),
    ("sslnegotiation", REMOVE),
    ("sslpassword", "give sslkey a key without a passphrase"),
    ("sslsni", REMOVE),
    ("target_session_attrs", "name the host that accepts writes"),
    ("tcp_user_timeout", REMOVE),
];

const REMOVE: &str = "remove it";

/// Settings that the store itself sets in each session.
const RESERVED: [&str; 3] =
    ["statement_timeout", "idle_in_transaction_session_timeout", super::session::SETTING];

/// A database URL that is wrong or not supported. No message repeats a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is not a URL of PostgreSQL.
    #[error("{}", messages::database::NOT_A_URL)]
    Format,
    /// It names more than one host.
    #[error(
        "DATABASE_URL names several hosts, which is not supported: name the one that accepts writes, or an address that leads to it (a service, a proxy, or a pooler)"
    )]
    SeveralHosts,
    /// A parameter of libpq that sqlx would ignore.
    #[error("DATABASE_URL has the parameter {0}, which is not supported: {1}")]
    Unsupported(&'static str, &'static str),
    /// A parameter that not even libpq knows, by its number.
    #[error(
        "DATABASE_URL has an unknown parameter (number {0} after the question mark): remove it, or write a question mark in the password as %3F"
    )]
    Unknown(usize),
    /// The value of a parameter is invalid.
    #[error("DATABASE_URL has an invalid value of the parameter {0}: specify {1}")]
    Value(&'static str, &'static str),
    /// The options set something that the store itself sets.
    #[error("DATABASE_URL sets {0} in its options, which the program itself sets: remove it")]
    Reserved(&'static str),
}

/// A parsed database URL.
#[derive(Clone)]
pub(super) struct DatabaseUrl {
    /// Options of a connection. They have no startup parameter that PgBouncer rejects.
    pub(super) options: PgConnectOptions,
    /// Settings of each session, from the URL's parameter `options`, as names and values.
    pub(super) settings: Vec<(String, String)>,
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        // sqlx accepts any scheme, and would look for PostgreSQL at the address of another service.
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        if has_several_hosts(rest.ok_or(UrlError::Format)?) {
            return Err(UrlError::SeveralHosts);
        }
        let url = Url::parse(text).map_err(|_| UrlError::Format)?;
        if url.fragment().is_some() {
            return Err(UrlError::Format);
        }
        let (mut supported, mut settings, mut is_named) = (url.clone(), Vec::new(), false);
        supported.set_query(None);
        for (number, (name, value)) in (1..).zip(url.query_pairs()) {
            match option_name(&name) {
                None => {
                    check_parameter(number, &name, &value)?;
                    is_named |= name == "application_name";
                    supported.query_pairs_mut().append_pair(&name, &value);
                }
                Some("") => settings.extend(options(&value)?),
                Some(setting) => settings.push((setting.to_owned(), value.into_owned())),
            }
        }
        if let Some(reserved) =
            RESERVED.into_iter().find(|name| settings.iter().any(|(one, _)| one.eq_ignore_ascii_case(name)))
        {
            return Err(UrlError::Reserved(reserved));
        }
        let options = PgConnectOptions::from_url(&supported).map_err(|_| UrlError::Format)?;
        // PgBouncer rejects `extra_float_digits`. PostgreSQL's own default is as precise.
        let options = options.extra_float_digits(None);
        let options = if is_named { options } else { options.application_name(APPLICATION_NAME) };
        Ok(Self { options, settings })
    }
}

/// Returns true if the authority, the part before the path, names several hosts. A URL has only one, so the
/// parser would report something else.
fn has_several_hosts(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().is_some_and(|hosts| hosts.contains(','))
}

/// Returns the name of the setting for `options[name]`, and an empty name for `options`.
fn option_name(parameter: &str) -> Option<&str> {
    let rest = parameter.strip_prefix("options")?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('[')?.strip_suffix(']').filter(|name| !name.is_empty())
    }
}

/// Checks a parameter that sqlx parses.
fn check_parameter(number: usize, name: &str, value: &str) -> Result<(), UrlError> {
    if let Some((name, advice)) = UNSUPPORTED.into_iter().find(|(unsupported, _)| *unsupported == name) {
        return Err(UrlError::Unsupported(name, advice));
    }
    let name = SUPPORTED.into_iter().find(|supported| *supported == name).ok_or(UrlError::Unknown(number))?;
    match name {
        "host" | "hostaddr" | "port" if value.contains(',') => Err(UrlError::SeveralHosts),
        "hostaddr" if value.parse::<IpAddr>().is_err() => Err(UrlError::Value(name, "an IP address")),
        "port" if value.parse::<u16>().is_err() => Err(UrlError::Value(name, "a number up to 65535")),
        "sslmode" | "ssl-mode" if value.parse::<PgSslMode>().is_err() => {
            Err(UrlError::Value(name, "disable, allow, prefer, require, verify-ca, or verify-full"))
        }
        _ => Ok(()),
    }
}

/// Parses command-line options as a PostgreSQL backend does: `-c name=value` and `--name=value`.
fn options(text: &str) -> Result<Vec<(String, String)>, UrlError> {
    let wrong = UrlError::Value("options", "-c name=value or --name=value, for each setting");
    let mut settings = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (None, Some("")) => words.next().ok_or(wrong)?,
            (Some(setting), _) | (None, Some(setting)) => setting.to_owned(),
            (None, None) => return Err(wrong),
        };
        let (name, value) = setting.split_once('=').ok_or(wrong)?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Splits at white space that no backslash escapes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), None);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_with(String::new).extend(characters.next()),
            _ if character.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_with(String::new).push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary";

    fn error(url: &str) -> UrlError {
        let error = url.parse::<DatabaseUrl>().err().unwrap_or_else(|| panic!("{url} is accepted"));
        assert!(!error.to_string().contains(CANARY) && !format!("{error:?}").contains(CANARY), "{error}");
        error
    }

    fn settings(query: &str) -> Vec<(String, String)> {
        let url = format!("postgres://u@h/d?{query}");
        url.parse::<DatabaseUrl>().unwrap_or_else(|error| panic!("{url}: {error}")).settings
    }

    #[test]
    fn several_hosts_are_refused_wherever_they_are() {
        for url in [
            "postgres://u:canary@one,two/d",
            "postgresql://u:canary@one:5432,two:5433/d?sslmode=require",
            "postgres://one,two",
            "postgres://u:canary@h/d?host=one,two",
            "postgres://u:canary@h/d?port=5432,5433",
        ] {
            assert_eq!(error(url), UrlError::SeveralHosts, "{url}");
        }
        assert!("postgres://u:a,b@h/d,e".parse::<DatabaseUrl>().is_ok());
    }

    #[test]
    fn a_parameter_is_named_only_if_libpq_knows_it() {
        assert!(matches!(
            error("postgres://u@h/d?sslpassword=canary"),
            UrlError::Unsupported("sslpassword", _)
        ));
        assert_eq!(error("postgres://u@h/d?sslmode=disable&canary=canary"), UrlError::Unknown(2));
        assert_eq!(error("postgres://u:12?canary@h/d"), UrlError::Unknown(1));
        assert_eq!(error("postgres://u:12#canary@h/d"), UrlError::Format);
        assert_eq!(error("postgres://u@h/d?options[canary=1"), UrlError::Unknown(1));
        assert!(matches!(error("postgres://u@h/d?sslmode=canary"), UrlError::Value("sslmode", _)));
        assert!(UNSUPPORTED.is_sorted() && SUPPORTED.is_sorted());
    }

    #[test]
    fn options_become_settings_and_leave_the_startup_message() {
        let one = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(settings("options=-c%20lock_timeout=4s"), one("lock_timeout", "4s"));
        assert_eq!(settings("options=-clock_timeout=4s"), one("lock_timeout", "4s"));
        assert_eq!(settings("options=%20--lock-timeout=4s%20"), one("lock_timeout", "4s"));
        assert_eq!(settings(r"options=-c%20search_path=a,\%20b\\"), one("search_path", r"a, b\"));
        assert_eq!(settings("options[search_path]=a,%20b"), one("search_path", "a, b"));
        let url: DatabaseUrl = "postgres://u@h/d?options=-c%20work_mem=8MB".parse().expect("a URL");
        assert_eq!(url.options.get_application_name(), Some(APPLICATION_NAME));
        for wrong in ["options=-d%205", "options=-c", "options=canary", "options=-c%20canary"] {
            let url = format!("postgres://u@h/d?{wrong}");
            assert!(matches!(error(&url), UrlError::Value("options", _)), "{wrong}");
        }
        for reserved in ["options[statement_timeout]=1s", "options=--statement-timeout=1s"] {
            let url = format!("postgres://u@h/d?{reserved}");
            assert_eq!(error(&url), UrlError::Reserved("statement_timeout"));
        }
    }
}
