//! Settings of the registration page.

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use clap::Args;

use super::{
    DatabaseSettings, RuleSettings,
    values::{YesOrNo as _, duration, duration_or_zero, not_empty},
};

/// Settings of `registration`.
#[derive(Clone, Debug, Args)]
pub struct RegistrationSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Namespace in which accounts are created.
    #[arg(long, env = "STREAMCAT_NAMESPACE", value_parser = not_empty)]
    pub namespace: String,

    /// Listen address of the web server.
    #[arg(long, env = "STREAMCAT_BIND_ADDRESS", default_value = "0.0.0.0:8081")]
    pub bind_address: SocketAddr,

    /// Listen address of /healthz, /readyz and /metrics.
    #[arg(long, env = "STREAMCAT_ADMIN_BIND_ADDRESS", default_value = "0.0.0.0:8080")]
    pub admin_bind_address: SocketAddr,

    /// Time after the deletion of an account before its username can be registered again, for example 720h.
    /// At most a year. [default: none]
    #[arg(long, env = "STREAMCAT_USERNAME_REUSE_DELAY", value_parser = up_to_a_year)]
    pub username_reuse_delay: Option<Duration>,

    /// Declares that browsers reach the page only through a proxy that terminates TLS. Cookies are then
    /// marked as Secure, and responses have the header Strict-Transport-Security.
    #[arg(long, env = "STREAMCAT_BEHIND_TLS", yes_or_no = "false")]
    pub behind_tls: bool,

    /// Lifetime of a session. At most a year.
    #[arg(long, env = "STREAMCAT_SESSION_LIFETIME", default_value = "12h", value_parser = up_to_a_year)]
    pub session_lifetime: Duration,

    /// Time after which IP addresses are erased from the audit log, from 1h to a year. The rows stay.
    #[arg(long, env = "STREAMCAT_AUDIT_IP_RETENTION", default_value = "720h", value_parser = an_hour_to_a_year)]
    pub audit_ip_retention: Duration,

    /// Time after SIGTERM during which requests are still served while /readyz returns 503, so that proxies
    /// and load balancers stop sending new ones. At most 5m. The process ends within 20 s after it.
    #[arg(long, env = "STREAMCAT_SHUTDOWN_DELAY", default_value = "5s", value_parser = shutdown_delay)]
    pub shutdown_delay: Duration,

    /// Rules for usernames and passwords.
    #[command(flatten)]
    pub rules: RuleSettings,

    /// Connections.
    #[command(flatten)]
    pub connections: ConnectionSettings,

    /// Rate limits.
    #[command(flatten)]
    pub limits: LimitSettings,

    /// Password hashing.
    #[command(flatten)]
    pub passwords: PasswordSettings,
}

/// Parameters of Argon2id. When they increase, a password is hashed again at the person's next sign-in.
#[derive(Clone, Copy, Debug, Args)]
pub struct PasswordSettings {
    /// Memory per password hash, in KiB. The default is 19 MiB, which OWASP recommends with two passes and
    /// one lane.
    #[arg(id = "argon2-memory-kib", long, env = "STREAMCAT_ARGON2_MEMORY_KIB", default_value = "19456")]
    pub memory_kib: u32,

    /// Number of passes over the memory.
    #[arg(id = "argon2-passes", long, env = "STREAMCAT_ARGON2_PASSES", default_value = "2")]
    pub passes: u32,

    /// Number of lanes (degree of parallelism).
    #[arg(id = "argon2-lanes", long, env = "STREAMCAT_ARGON2_LANES", default_value = "1")]
    pub lanes: u32,
}

/// Connection limits of one process.
#[derive(Clone, Copy, Debug, Args)]
pub struct ConnectionSettings {
    /// Maximum number of open connections. When the limit is reached, the connection that has been idle
    /// longest is closed; if none is idle, new clients receive 503 with Retry-After.
    #[arg(id = "max-connections", long, env = "STREAMCAT_MAX_CONNECTIONS", default_value = "512")]
    pub max_connections: NonZeroU16,

    /// Maximum number of connections from one IP address (IPv6: one /64 network), and of event streams to
    /// it. Behind a proxy (--trusted-proxy-hops), only the streams are limited. [default: a quarter of
    /// --max-connections]
    #[arg(id = "max-connections-per-ip", long, env = "STREAMCAT_MAX_CONNECTIONS_PER_IP")]
    pub max_per_ip: Option<NonZeroU16>,

    /// Timeout for receiving the header of a request, and for receiving its body.
    #[arg(long, env = "STREAMCAT_REQUEST_TIMEOUT", default_value = "15s", value_parser = duration)]
    pub request_timeout: Duration,

    /// Timeout of idle connections. The idle timeout of a proxy in front must be shorter.
    #[arg(long, env = "STREAMCAT_IDLE_TIMEOUT", default_value = "75s", value_parser = duration)]
    pub idle_timeout: Duration,
}

impl ConnectionSettings {
    /// Returns the maximum number of connections from one IP address.
    #[must_use]
    pub fn connections_per_ip(&self) -> usize {
        self.max_per_ip.map_or(self.max_connections.get() / 4, NonZeroU16::get).max(1).into()
    }
}

/// Rate limits of one process.
#[derive(Clone, Copy, Debug, Args)]
pub struct LimitSettings {
    /// Number of trusted proxies in front, each of which appends to X-Forwarded-For. The client's IP address
    /// is the one that the first of them added. With 0, it is the address of the connection.
    #[arg(long, env = "STREAMCAT_TRUSTED_PROXY_HOPS", default_value = "0")]
    pub trusted_proxy_hops: u8,

    /// Maximum number of attempts to register, sign in or delete per minute from one IP address (IPv6: one
    /// /64 network).
    #[arg(long, env = "STREAMCAT_MAX_ATTEMPTS_PER_IP", default_value = "120")]
    pub max_attempts_per_ip: NonZeroU32,

    /// Maximum number of pages read per minute from one IP address (IPv6: one /64 network). Style sheet,
    /// scripts and /healthz do not count.
    #[arg(long, env = "STREAMCAT_MAX_READS_PER_IP", default_value = "1200")]
    pub max_reads_per_ip: NonZeroU32,

    /// Maximum number of such attempts per minute for one username, from all addresses.
    #[arg(long, env = "STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", default_value = "30")]
    pub max_attempts_per_username: NonZeroU32,

    /// Maximum number of wrong passwords per hour for one username, over all processes. Addresses from which
    /// the user has not signed in yet get half of them.
    #[arg(long, env = "STREAMCAT_MAX_FAILED_SIGN_INS_PER_HOUR", default_value = "100")]
    pub max_failed_sign_ins_per_hour: NonZeroU32,

    /// Maximum number of new accounts per minute. AWS allows 300 in every AWS account.
    #[arg(long, env = "STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", default_value = "300")]
    pub max_registrations_per_minute: NonZeroU32,
}

/// Maximum of `--shutdown-delay`. A longer delay is most likely a mistake: it delays every rollout.
const MAX_SHUTDOWN_DELAY: Duration = Duration::from_mins(5);

fn shutdown_delay(text: &str) -> Result<Duration, String> {
    let delay = duration_or_zero(text)?;
    if delay <= MAX_SHUTDOWN_DELAY { Ok(delay) } else { Err("must be at most 5m".to_owned()) }
}

fn an_hour_to_a_year(text: &str) -> Result<Duration, String> {
    let duration = up_to_a_year(text)?;
    if duration < Duration::from_hours(1) { Err("must be at least 1h".to_owned()) } else { Ok(duration) }
}

fn up_to_a_year(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration <= Duration::from_hours(365 * 24) {
        Ok(duration)
    } else {
        Err("must be at most 8760h".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shutdown_delay_is_at_most_5_minutes_and_may_be_zero() {
        for (text, accepted) in [("0s", true), ("5s", true), ("5m", true), ("301s", false), ("soon", false)] {
            assert_eq!(shutdown_delay(text).is_ok(), accepted, "{text}");
        }
    }

    #[test]
    fn audit_ip_retention_is_between_an_hour_and_a_year() {
        for (text, kept) in [("59m", false), ("1h", true), ("8760h", true), ("8761h", false), ("0h", false)] {
            assert_eq!(an_hour_to_a_year(text).is_ok(), kept, "{text}");
        }
    }
}
