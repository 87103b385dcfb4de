//! A limit on what one IP address may hold at the same time, so that it cannot hold everything.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::lock::lock;

/// The number of permits that each IP address holds. All IPv6 addresses of one /64 count as one.
#[derive(Debug)]
pub struct PerIpLimit {
    max: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl PerIpLimit {
    /// Creates a limit of `max` permits per address, at least one.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max: max.max(1), held: Mutex::default() })
    }

    /// Acquires a permit. Returns None if the address holds `max` permits already.
    pub fn acquire(self: &Arc<Self>, address: IpAddr) -> Option<PerIpPermit> {
        let address = ip_network(address);
        let mut held = self.held();
        let count = held.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(PerIpPermit { limit: Arc::clone(self), address })
    }

    fn release(&self, address: IpAddr) {
        let mut held = self.held();
        match held.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&address)),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        lock(&self.held)
    }
}

/// A permit of one IP address, held until it is dropped.
#[derive(Debug)]
pub struct PerIpPermit {
    limit: Arc<PerIpLimit>,
    address: IpAddr,
}

impl Drop for PerIpPermit {
    fn drop(&mut self) {
        self.limit.release(self.address);
    }
}

/// Returns the network that one household or host has: the address itself for IPv4, the /64 for IPv6.
pub fn ip_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_limited_without_affecting_others() {
        let limit = PerIpLimit::new(2);
        let of = |text: &str| limit.acquire(text.parse().expect("an address"));
        let (first, second) = (of("1.2.3.4"), of("::ffff:1.2.3.4"));
        assert!(first.is_some() && second.is_some() && of("1.2.3.4").is_none());
        let others = [of("2001:db8:1:2::1"), of("2001:db8:1:2::2"), of("1.2.3.5")];
        assert!(others.iter().all(Option::is_some) && of("2001:db8:1:2:3::").is_none());
        drop(first);
        assert!(of("1.2.3.4").is_some());
        drop((second, others));
        assert!(limit.held().is_empty(), "addresses without permits are forgotten");
    }

    #[test]
    fn ipv6_addresses_of_one_64_network_count_as_one() {
        let network = |text: &str| ip_network(text.parse().expect("an address")).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:1.2.3.4"), "1.2.3.4");
    }
}
