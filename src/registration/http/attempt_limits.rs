//! How often one address, and anybody for one username, may try a password or register, and how many may come in all.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
};

use axum::http::HeaderMap;
use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use uuid::Uuid;

use super::problem::Problem;
use crate::{api, config::LimitSettings, telemetry::RegistrationMetrics};

/// So many keys are remembered before those that are as new are forgotten.
const MANY: usize = 10_000;

/// The limits of one process.
#[derive(Debug)]
pub struct Limits {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    usernames: DefaultKeyedRateLimiter<String>,
    members: DefaultKeyedRateLimiter<Uuid>,
    trusted_proxy_hops: usize,
    metrics: RegistrationMetrics,
}

impl Limits {
    /// As the settings say.
    #[must_use]
    pub fn new(settings: &LimitSettings, metrics: RegistrationMetrics) -> Self {
        Self {
            addresses: RateLimiter::keyed(Quota::per_minute(settings.max_attempts_per_ip)),
            usernames: RateLimiter::keyed(Quota::per_minute(settings.max_attempts_per_username)),
            members: RateLimiter::keyed(Quota::per_minute(settings.max_attempts_per_username)),
            trusted_proxy_hops: settings.trusted_proxy_hops.into(),
            metrics,
        }
    }

    /// Who sent a request.
    #[must_use]
    pub fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        client(headers, peer, self.trusted_proxy_hops).to_canonical()
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// That there were too many, and when to come again.
    pub fn count(&self, client: IpAddr, username: &str) -> Result<(), Problem> {
        self.count_one(&self.addresses, &network(client), "address")?;
        // What is no username is nobody's, and may be long.
        if api::username_problem(username).is_some() {
            return Ok(());
        }
        self.count_one(&self.usernames, &api::username_key(username), "username")
    }

    /// Counts an attempt of a user who is signed in. Strangers who try the username do not count, so they keep nobody out.
    ///
    /// # Errors
    /// That there were too many, and when to come again.
    pub fn count_member(&self, client: IpAddr, user: Uuid) -> Result<(), Problem> {
        self.count_one(&self.addresses, &network(client), "address")?;
        self.count_one(&self.members, &user, "username")
    }

    fn count_one<K: Clone + Eq + Hash>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
        whose: &'static str,
    ) -> Result<(), Problem> {
        if limiter.len() > MANY {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        limiter.check_key(key).map_err(|until| {
            self.metrics.refused(whose);
            Problem::too_many(seconds(&until))
        })
    }
}

/// How many new accounts one process takes on.
#[derive(Debug)]
pub struct Newcomers(DefaultDirectRateLimiter);

impl Newcomers {
    /// So many a minute, of which as many may come at once as AWS makes in ten seconds at that rate.
    #[must_use]
    pub fn per_minute(accounts: NonZeroU32) -> Self {
        let at_once = NonZeroU32::new(accounts.get() / 6).unwrap_or(NonZeroU32::MIN);
        Self(RateLimiter::direct(Quota::per_minute(accounts).allow_burst(at_once)))
    }

    /// Counts one more.
    ///
    /// # Errors
    /// That there are too many; the seconds until there is room.
    pub fn admit(&self) -> Result<(), u64> {
        self.0.check().map_err(|until| seconds(&until))
    }
}

fn seconds(until: &NotUntil<<DefaultClock as Clock>::Instant>) -> u64 {
    until.wait_time_from(DefaultClock::default().now()).as_secs() + 1
}

/// Who sent a request: with so many proxies of ours in front, the address that the first of them saw. What stands before that
/// in X-Forwarded-For anybody may have written.
fn client(headers: &HeaderMap, peer: IpAddr, hops: usize) -> IpAddr {
    let Some(back) = hops.checked_sub(1) else { return peer };
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let seen: Vec<_> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let seen = seen.iter().rev().nth(back);
    seen.and_then(|address| forwarded(address)).unwrap_or(peer)
}

/// An address as proxies write it: some add the client's port, and put brackets around one of IPv6.
fn forwarded(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

/// A household has one IPv4 address, and 2^64 of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue, StatusCode};

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    fn by_proxies(lines: &[&str]) -> HeaderMap {
        let header = |line: &&str| {
            (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(line).expect("a header"))
        };
        lines.iter().map(header).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_the_proxies_that_are_ours_are_believed() {
        let headers = by_proxies(&["6.6.6.6, 1.2.3.4", "5.6.7.8"]);
        for (hops, expected) in [(0, "10.0.0.9"), (1, "5.6.7.8"), (2, "1.2.3.4"), (9, "10.0.0.9")] {
            assert_eq!(client(&headers, PEER, hops).to_string(), expected, "{hops}");
        }
        for nobody in ["unknown", "_hidden", "1.2.3.4:", "[1.2.3.4]", "1.2.3.4:http", ""] {
            assert_eq!(client(&by_proxies(&[nobody]), PEER, 1), PEER, "{nobody}");
        }
        assert_eq!(client(&by_proxies(&[]), PEER, 1), PEER);
    }

    #[test]
    fn what_a_proxy_has_seen_may_have_a_port() {
        for (seen, expected) in [
            ("1.2.3.4:567", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("6.6.6.6:1, [::1]:80", "::1"),
        ] {
            assert_eq!(client(&by_proxies(&[seen]), PEER, 1).to_string(), expected, "{seen}");
        }
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        let of = |text: &str| network(text.parse().expect("an address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:1.2.3.4"), "1.2.3.4");
    }

    #[test]
    fn an_address_and_a_username_have_limits_of_their_own() {
        let few = |attempts| NonZeroU32::new(attempts).expect("not zero");
        let metrics = RegistrationMetrics::default();
        let settings = LimitSettings {
            trusted_proxy_hops: 1,
            max_attempts_per_ip: few(3),
            max_attempts_per_username: few(2),
            max_failed_sign_ins_per_hour: NonZeroU32::MAX,
            max_registrations_per_minute: NonZeroU32::MAX,
        };
        let limits = Limits::new(&settings, metrics.clone());
        let attempt = |from: &str, username: &str| limits.count(address(from), username);
        for username in ["todd_1", "TODD-1"] {
            assert!(attempt("1.1.1.1", username).is_ok());
        }
        let problem = attempt("2.2.2.2", "Todd_1").expect_err("a third for one username");
        assert_eq!(problem.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(problem.retry_after.is_some_and(|seconds| (1..=31).contains(&seconds)), "{problem:?}");
        assert!(attempt("1.1.1.1", "mary").is_ok());
        assert!(attempt("1.1.1.1", "zoe").is_err(), "a fourth of one address");
        assert!(attempt("3.3.3.3", "zoe").is_ok());

        attempt("4.4.4.4", &"x".repeat(129)).expect("it counts for the address");
        assert_eq!(limits.usernames.len(), 3, "it is not remembered");
        let counted = metrics.exposition().text();
        for reason in ["address", "username"] {
            assert!(
                counted.contains(&format!(r#"streamcat_requests_rejected_total{{reason="{reason}"}} 1"#)),
                "{counted}"
            );
        }
    }

    #[test]
    fn whoever_is_signed_in_is_not_counted_with_strangers_who_try_the_name() {
        let few = |attempts| NonZeroU32::new(attempts).expect("not zero");
        let settings = LimitSettings {
            trusted_proxy_hops: 1,
            max_attempts_per_ip: few(3),
            max_attempts_per_username: few(2),
            max_failed_sign_ins_per_hour: NonZeroU32::MAX,
            max_registrations_per_minute: NonZeroU32::MAX,
        };
        let limits = Limits::new(&settings, RegistrationMetrics::default());
        for _ in 0..2 {
            assert!(limits.count(address("1.1.1.1"), "todd").is_ok());
        }
        assert!(limits.count(address("2.2.2.2"), "todd").is_err());
        let todd = Uuid::new_v4();
        let attempt = |from: &str, user| limits.count_member(address(from), user);
        assert!(attempt("3.3.3.3", todd).is_ok() && attempt("4.4.4.4", todd).is_ok());
        assert!(attempt("5.5.5.5", todd).is_err(), "a third of one person");
        assert!(attempt("1.1.1.1", Uuid::new_v4()).is_ok());
        assert!(attempt("1.1.1.1", Uuid::new_v4()).is_err(), "a fourth of one address");
    }

    #[test]
    fn of_newcomers_as_many_come_at_once_as_aws_makes_in_ten_seconds() {
        let newcomers = Newcomers::per_minute(NonZeroU32::new(12).expect("not zero"));
        assert_eq!([newcomers.admit(), newcomers.admit()], [Ok(()), Ok(())]);
        assert!(newcomers.admit().is_err_and(|seconds| (1..=6).contains(&seconds)));
        assert_eq!(Newcomers::per_minute(NonZeroU32::MIN).admit(), Ok(()));
    }
}
