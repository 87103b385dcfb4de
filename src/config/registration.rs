//! Settings of the registration page.

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use clap::Args;

use super::{
    DatabaseSettings, RuleSettings,
    values::{YesOrNo as _, duration, not_empty},
};

/// Settings of `registration`.
#[derive(Clone, Debug, Args)]
pub struct RegistrationSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// The namespace in which accounts are created.
    #[arg(long, env = "STREAMCAT_NAMESPACE", value_parser = not_empty)]
    pub namespace: String,

    /// Address of the web server.
    #[arg(long, env = "STREAMCAT_LISTEN", default_value = "0.0.0.0:8081")]
    pub listen: SocketAddr,

    /// Address of /healthz, /readyz and /metrics.
    #[arg(long, env = "STREAMCAT_ADMIN_LISTEN", default_value = "0.0.0.0:8080")]
    pub admin_listen: SocketAddr,

    /// How long the username of a deleted account can be registered by nobody, e.g. 720h; at most a year.
    /// [default: it is free at once]
    #[arg(long, env = "STREAMCAT_USERNAME_REUSE_DELAY", value_parser = up_to_a_year)]
    pub username_reuse_delay: Option<Duration>,

    /// Whether browsers reach the page by TLS only, which a proxy in front ends: cookies go by TLS only then, and browsers
    /// are told to use nothing else.
    #[arg(long, env = "STREAMCAT_BEHIND_TLS", yes_or_no = "false")]
    pub behind_tls: bool,

    /// How long a person stays signed in.
    #[arg(long, env = "STREAMCAT_SESSION_LIFETIME", default_value = "12h", value_parser = up_to_a_year)]
    pub session_lifetime: Duration,

    /// For how long the audit log keeps from where somebody did something, from 1h to a year; the rows stay.
    #[arg(long, env = "STREAMCAT_AUDIT_IP_RETENTION", default_value = "720h", value_parser = an_hour_to_a_year)]
    pub audit_ip_retention: Duration,

    /// What may be registered.
    #[command(flatten)]
    pub rules: RuleSettings,

    /// How many connections there may be, and how slow.
    #[command(flatten)]
    pub connections: ConnectionSettings,

    /// How often somebody may try.
    #[command(flatten)]
    pub limits: LimitSettings,

    /// How passwords are hashed.
    #[command(flatten)]
    pub passwords: PasswordSettings,
}

/// How much work a hash is: Argon2id's parameters. Where they rise, a person's next sign-in hashes the password anew.
#[derive(Clone, Copy, Debug, Args)]
pub struct PasswordSettings {
    /// Memory of one hash, in KiB. The default is 19 MiB, as OWASP advises together with two passes and one lane.
    #[arg(id = "argon2-memory-kib", long, env = "STREAMCAT_ARGON2_MEMORY_KIB", default_value = "19456")]
    pub memory_kib: u32,

    /// Passes over that memory.
    #[arg(id = "argon2-passes", long, env = "STREAMCAT_ARGON2_PASSES", default_value = "2")]
    pub passes: u32,

    /// Lanes.
    #[arg(id = "argon2-lanes", long, env = "STREAMCAT_ARGON2_LANES", default_value = "1")]
    pub lanes: u32,
}

/// How many connections there may be at one process, and how slow.
#[derive(Clone, Copy, Debug, Args)]
pub struct ConnectionSettings {
    /// Connections that are served at the same time. Who comes beyond them is told so and to come again, unless an idle one can be
    /// given up instead.
    #[arg(id = "max-connections", long, env = "STREAMCAT_MAX_CONNECTIONS", default_value = "512")]
    pub most: NonZeroU16,

    /// How many of them one address may have (IPv6: one /64), and how many of it may listen to progress. Behind a proxy
    /// (--trusted-proxy-hops) only the latter. [default: a quarter of --max-connections]
    #[arg(id = "max-connections-per-ip", long, env = "STREAMCAT_MAX_CONNECTIONS_PER_IP")]
    pub per_address: Option<NonZeroU16>,

    /// How long the head of a request may take to come, and how long its body.
    #[arg(long, env = "STREAMCAT_REQUEST_TIMEOUT", default_value = "15s", value_parser = duration)]
    pub request_timeout: Duration,

    /// How long a connection may stay without a request. A proxy in front must give up its idle connections sooner.
    #[arg(long, env = "STREAMCAT_IDLE_TIMEOUT", default_value = "75s", value_parser = duration)]
    pub idle_timeout: Duration,
}

impl ConnectionSettings {
    /// How many connections one address may have.
    #[must_use]
    pub fn of_an_address(&self) -> usize {
        self.per_address.map_or(self.most.get() / 4, NonZeroU16::get).max(1).into()
    }
}

/// How often somebody may register or try a password, at one process.
#[derive(Clone, Copy, Debug, Args)]
pub struct LimitSettings {
    /// How many proxies of yours stand in front, each of which adds to X-Forwarded-For: what the first of them saw is a
    /// client's address. With 0 it is whoever connects.
    #[arg(long, env = "STREAMCAT_TRUSTED_PROXY_HOPS", default_value = "0")]
    pub trusted_proxy_hops: u8,

    /// Attempts a minute from one address (IPv6: one /64).
    #[arg(long, env = "STREAMCAT_MAX_ATTEMPTS_PER_IP", default_value = "120")]
    pub max_attempts_per_ip: NonZeroU32,

    /// Attempts a minute for one username, from wherever.
    #[arg(long, env = "STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", default_value = "30")]
    pub max_attempts_per_username: NonZeroU32,

    /// Wrong passwords an hour for one username, at all processes together; half of them from addresses from which that user
    /// has not signed in yet.
    #[arg(long, env = "STREAMCAT_MAX_FAILED_SIGN_INS_PER_HOUR", default_value = "100")]
    pub max_failed_sign_ins_per_hour: NonZeroU32,

    /// New accounts a minute. AWS lets 300 be made, whatever the account.
    #[arg(long, env = "STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", default_value = "300")]
    pub max_registrations_per_minute: NonZeroU32,
}

fn an_hour_to_a_year(text: &str) -> Result<Duration, String> {
    let duration = up_to_a_year(text)?;
    if duration < Duration::from_hours(1) { Err("it must be at least 1h".to_owned()) } else { Ok(duration) }
}

fn up_to_a_year(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration <= Duration::from_hours(365 * 24) {
        Ok(duration)
    } else {
        Err("it must be at most 8760h".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_for_an_hour_at_least_and_a_year_at_most() {
        for (text, kept) in [("59m", false), ("1h", true), ("8760h", true), ("8761h", false), ("0h", false)] {
            assert_eq!(an_hour_to_a_year(text).is_ok(), kept, "{text}");
        }
    }
}
