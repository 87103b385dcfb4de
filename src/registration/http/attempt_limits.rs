//! The limits on attempts to register or to sign in, and on reads: per minute, by IP address and by username.
//! Each process counts by itself.

use std::{
    hash::Hash,
    net::{IpAddr, SocketAddr},
};

use axum::http::HeaderMap;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use http_guards::fields::{self, Separator};
use uuid::Uuid;

use super::problem::Problem;
use crate::{api, config::LimitSettings, registration::listener::ip_network, telemetry::RegistrationMetrics};

/// Number of tracked keys above which the limiter forgets keys that are back at their full quota.
const MAX_TRACKED_KEYS: usize = 10_000;

/// The limits on attempts of one process.
#[derive(Debug)]
pub struct AttemptLimits {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    readers: DefaultKeyedRateLimiter<IpAddr>,
    usernames: DefaultKeyedRateLimiter<String>,
    users: DefaultKeyedRateLimiter<Uuid>,
    trusted_proxy_hops: usize,
    metrics: RegistrationMetrics,
}

impl AttemptLimits {
    /// Creates the limits from the settings.
    #[must_use]
    pub fn new(settings: &LimitSettings, metrics: RegistrationMetrics) -> Self {
        Self {
            addresses: RateLimiter::keyed(Quota::per_minute(settings.max_attempts_per_ip)),
            readers: RateLimiter::keyed(Quota::per_minute(settings.max_reads_per_ip)),
            usernames: RateLimiter::keyed(Quota::per_minute(settings.max_attempts_per_username)),
            users: RateLimiter::keyed(Quota::per_minute(settings.max_attempts_per_username)),
            trusted_proxy_hops: settings.trusted_proxy_hops.into(),
            metrics,
        }
    }

    /// Returns the IP address of the client that sent a request.
    #[must_use]
    pub fn client_ip(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        client_ip(headers, peer, self.trusted_proxy_hops).to_canonical()
    }

    /// Counts a read of a page, by IP address.
    ///
    /// # Errors
    /// Returns a problem with Retry-After if the limit is exceeded.
    pub fn check_read(&self, client: IpAddr) -> Result<(), Problem> {
        let checked = self.check_key(&self.readers, &ip_network(client), "reads");
        checked.map_err(Problem::too_many_reads)
    }

    /// Counts an attempt, by IP address and by username.
    ///
    /// # Errors
    /// Returns a problem with Retry-After if a limit is exceeded.
    pub fn check(&self, client: IpAddr, username: &str) -> Result<(), Problem> {
        self.check_attempt(&self.addresses, &ip_network(client), "ip")?;
        // An invalid username belongs to nobody, and could be long: do not keep it as a key.
        if api::username_problem(username).is_some() {
            return Ok(());
        }
        self.check_attempt(&self.usernames, &api::username_key(username), "username")
    }

    /// Counts an attempt of a signed-in user. Attempts by username do not count, so strangers cannot block
    /// the user.
    ///
    /// # Errors
    /// Returns a problem with Retry-After if a limit is exceeded.
    pub fn check_user(&self, client: IpAddr, user: Uuid) -> Result<(), Problem> {
        self.check_attempt(&self.addresses, &ip_network(client), "ip")?;
        self.check_attempt(&self.users, &user, "username")
    }

    fn check_attempt<K: Clone + Eq + Hash>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
        reason: &'static str,
    ) -> Result<(), Problem> {
        self.check_key(limiter, key, reason).map_err(Problem::too_many_attempts)
    }

    /// Returns the number of seconds to wait if the limit is exceeded.
    fn check_key<K: Clone + Eq + Hash>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
        reason: &'static str,
    ) -> Result<(), u64> {
        if limiter.len() > MAX_TRACKED_KEYS {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        limiter.check_key(key).map_err(|until| {
            self.metrics.record_rejection(reason);
            until.wait_time_from(DefaultClock::default().now()).as_secs() + 1
        })
    }
}

/// Returns the address that the first of `hops` trusted proxies saw, or the peer. Clients can forge the
/// entries of X-Forwarded-For before that one.
fn client_ip(headers: &HeaderMap, peer: IpAddr, hops: usize) -> IpAddr {
    let Some(back) = hops.checked_sub(1) else { return peer };
    let seen: Vec<_> = fields::elements(headers, "x-forwarded-for", Separator::PlainComma).collect();
    let seen = seen.iter().rev().nth(back);
    seen.and_then(|address| parse_forwarded(address)).unwrap_or(peer)
}

/// Parses an address as proxies write it: some add the port of the client, put IPv6 addresses in brackets, or
/// put all of that in quotation marks, as in the field Forwarded (RFC 7239, section 6).
fn parse_forwarded(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element).ok()?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use axum::http::{HeaderValue, StatusCode};

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    fn forwarded_for(lines: &[impl AsRef<[u8]>]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line.as_ref()).expect("a header"));
        }
        headers
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_entries_of_trusted_proxies_are_used() {
        let headers = forwarded_for(&["6.6.6.6, 1.2.3.4", "5.6.7.8"]);
        for (hops, expected) in [(0, "10.0.0.9"), (1, "5.6.7.8"), (2, "1.2.3.4"), (9, "10.0.0.9")] {
            assert_eq!(client_ip(&headers, PEER, hops).to_string(), expected, "{hops}");
        }
        for unusable in ["unknown", "_hidden", "1.2.3.4:", "[1.2.3.4]", "1.2.3.4:http", ""] {
            assert_eq!(client_ip(&forwarded_for(&[unusable]), PEER, 1), PEER, "{unusable}");
        }
        assert_eq!(client_ip(&HeaderMap::new(), PEER, 1), PEER);
    }

    #[test]
    fn what_a_client_forges_hides_nothing_that_a_proxy_adds() {
        for forged in
            [&b"\xff"[..], "\u{e9}".as_bytes(), b"\"", b"\"\\", b",,", b"for=\"_x", b"(", b"6.6.6.6;"]
        {
            for lines in
                [vec![[forged, b", 203.0.113.7"].concat()], vec![forged.to_vec(), b"203.0.113.7".to_vec()]]
            {
                assert_eq!(
                    client_ip(&forwarded_for(&lines), PEER, 1).to_string(),
                    "203.0.113.7",
                    "{lines:?}"
                );
            }
        }
        let headers = forwarded_for(&[&b"203.0.113.7, \xff, 10.1.1.1"[..]]);
        for (hops, expected) in [(1, "10.1.1.1"), (2, "10.0.0.9"), (3, "203.0.113.7")] {
            assert_eq!(client_ip(&headers, PEER, hops).to_string(), expected, "{hops}");
        }
    }

    #[test]
    fn forwarded_addresses_may_have_a_port() {
        for (seen, expected) in [
            ("1.2.3.4:567", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("6.6.6.6:1, [::1]:80", "::1"),
            ("\"[2001:db8::1]:567\"", "2001:db8::1"),
        ] {
            assert_eq!(client_ip(&forwarded_for(&[seen]), PEER, 1).to_string(), expected, "{seen}");
        }
    }

    /// Returns limits of three attempts per IP address and two per username.
    fn limits(metrics: RegistrationMetrics) -> AttemptLimits {
        let limit = |attempts| NonZeroU32::new(attempts).expect("not zero");
        let settings = LimitSettings {
            trusted_proxy_hops: 1,
            max_attempts_per_ip: limit(3),
            max_reads_per_ip: limit(2),
            max_attempts_per_username: limit(2),
            max_failed_sign_ins_per_hour: NonZeroU32::MAX,
            max_registrations_per_minute: NonZeroU32::MAX,
        };
        AttemptLimits::new(&settings, metrics)
    }

    #[test]
    fn ip_addresses_and_usernames_have_separate_limits() {
        let metrics = RegistrationMetrics::default();
        let limits = limits(metrics.clone());
        let attempt = |from: &str, username: &str| limits.check(address(from), username);
        for username in ["todd_1", "TODD-1"] {
            assert!(attempt("1.1.1.1", username).is_ok());
        }
        let problem = attempt("2.2.2.2", "Todd_1").expect_err("a third attempt for one username");
        assert_eq!(problem.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(problem.retry_after.is_some_and(|seconds| (1..=31).contains(&seconds)), "{problem:?}");
        assert!(attempt("1.1.1.1", "mary").is_ok());
        assert!(attempt("1.1.1.1", "zoe").is_err(), "a fourth attempt from one address");
        assert!(attempt("3.3.3.3", "zoe").is_ok());

        attempt("4.4.4.4", &"x".repeat(129)).expect("counted for the address only");
        assert_eq!(limits.usernames.len(), 3, "an invalid username is not kept");
        let counted = metrics.exposition().text();
        for reason in ["ip", "username"] {
            assert!(
                counted.contains(&format!(r#"streamcat_requests_rejected_total{{reason="{reason}"}} 1"#)),
                "{counted}"
            );
        }
    }

    #[test]
    fn reads_have_a_limit_of_their_own_for_each_ip_address() {
        let metrics = RegistrationMetrics::default();
        let limits = limits(metrics.clone());
        let read = |from: &str| limits.check_read(address(from));
        assert!(read("2001:db8::1").is_ok() && read("2001:db8::2").is_ok());
        let problem = read("2001:db8::3").expect_err("a third read from one network");
        assert_eq!(problem.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(problem.retry_after.is_some_and(|seconds| (1..=31).contains(&seconds)), "{problem:?}");
        assert!(read("2001:db8:0:1::1").is_ok() && limits.check(address("2001:db8::1"), "todd").is_ok());
        let counted = metrics.exposition().text();
        assert!(counted.contains(r#"streamcat_requests_rejected_total{reason="reads"} 1"#), "{counted}");
    }

    #[test]
    fn signed_in_users_are_counted_apart_from_strangers() {
        let limits = limits(RegistrationMetrics::default());
        for _ in 0..2 {
            assert!(limits.check(address("1.1.1.1"), "todd").is_ok());
        }
        assert!(limits.check(address("2.2.2.2"), "todd").is_err());
        let todd = Uuid::new_v4();
        let attempt = |from: &str, user| limits.check_user(address(from), user);
        assert!(attempt("3.3.3.3", todd).is_ok() && attempt("4.4.4.4", todd).is_ok());
        assert!(attempt("5.5.5.5", todd).is_err(), "a third attempt of one user");
        assert!(attempt("1.1.1.1", Uuid::new_v4()).is_ok());
        assert!(attempt("1.1.1.1", Uuid::new_v4()).is_err(), "a fourth attempt from one address");
    }
}
