//! How much of what there is one address may hold at the same time, so that it does not hold everything.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::limits::network;

/// What addresses hold (of IPv6: each /64).
#[derive(Debug)]
pub struct Shares {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Shares {
    /// So many for each; one at the least.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), held: Mutex::default() })
    }

    /// One more for an address; None when it holds as many as it may.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let address = network(address);
        let mut held = self.held();
        let count = held.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share { of: Arc::clone(self), address })
    }

    fn give_back(&self, address: IpAddr) {
        let mut held = self.held();
        match held.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&address)),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that an address holds, until it is dropped.
#[derive(Debug)]
pub struct Share {
    of: Arc<Shares>,
    address: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.give_back(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_so_many_and_keeps_no_other_out() {
        let shares = Shares::new(2);
        let of = |text: &str| shares.take(text.parse().expect("an address"));
        let (first, second) = (of("1.2.3.4"), of("::ffff:1.2.3.4"));
        assert!(first.is_some() && second.is_some() && of("1.2.3.4").is_none());
        let others = [of("2001:db8:1:2::1"), of("2001:db8:1:2::2"), of("1.2.3.5")];
        assert!(others.iter().all(Option::is_some) && of("2001:db8:1:2:3::").is_none());
        drop(first);
        assert!(of("1.2.3.4").is_some());
        drop((second, others));
        assert!(shares.held().is_empty(), "nothing is remembered of who holds nothing");
    }
}
