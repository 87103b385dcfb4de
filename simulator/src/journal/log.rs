//! The journal itself: a bounded list of entries, and the followers that receive each call.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::broadcast;

use super::{call::Call, entry::JournalEntry};

/// The default for the memory that the journal uses, in bytes.
pub(crate) const DEFAULT_CAPACITY: usize = 32 << 20;
/// The number of calls by which a follower can lag behind before it misses some.
const FOLLOWER_BUFFER: usize = 4096;

/// The latest calls.
pub(crate) struct Journal {
    capacity: usize,
    last: u64,
    entries: VecDeque<JournalEntry>,
    size: usize,
    followers: broadcast::Sender<Arc<Call>>,
}

impl Journal {
    pub fn new(capacity: usize) -> Self {
        let (followers, _) = broadcast::channel(FOLLOWER_BUFFER);
        Self { capacity, last: 0, entries: VecDeque::new(), size: 0, followers }
    }

    /// Adds a call and returns its number. Drops the oldest calls if they take too much memory.
    pub fn append(&mut self, mut entry: JournalEntry) -> u64 {
        self.last += 1;
        entry.seq = self.last;
        self.size += entry.size();
        self.entries.push_back(entry);
        while self.size > self.capacity {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.size = self.size.saturating_sub(oldest.size());
        }
        self.last
    }

    /// Updates a call, unless it has been dropped.
    pub fn update(&mut self, seq: u64, change: impl FnOnce(&mut JournalEntry)) {
        if let Some(entry) = self.find(seq) {
            change(entry);
        }
    }

    /// Sends a call to the followers. The call is normally complete by then.
    pub fn publish(&mut self, seq: u64) {
        if self.followers.receiver_count() == 0 {
            return;
        }
        if let Some(call) = self.find(seq).map(|entry| Call::from(&*entry)) {
            // Fails only if the last follower has just disconnected.
            let _ = self.followers.send(Arc::new(call));
        }
    }

    /// Subscribes to the calls that are published from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Call>> {
        self.followers.subscribe()
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &JournalEntry> {
        self.entries.iter()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.size = 0;
    }

    /// Finds a call by its number. The numbers have no gaps.
    fn find(&mut self, seq: u64) -> Option<&mut JournalEntry> {
        let first = self.entries.front()?.seq;
        let index = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.entries.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::entry::CallInput, *};

    fn entry() -> JournalEntry {
        JournalEntry::new("GetChannel", Duration::from_micros(1), CallInput::Malformed)
    }

    fn seqs(journal: &Journal) -> Vec<u64> {
        journal.entries().map(|entry| entry.seq).collect()
    }

    #[test]
    fn calls_are_numbered_updated_and_cleared() {
        let mut journal = Journal::new(DEFAULT_CAPACITY);
        journal.append(entry());
        let second = journal.append(entry());
        journal.update(second, |entry| entry.status = 200);
        let seen: Vec<_> = journal.entries().map(|entry| (entry.seq, entry.status)).collect();
        assert_eq!(seen, [(1, 0), (2, 200)]);
        journal.clear();
        journal.update(second, |_| panic!("it has been dropped"));
        assert_eq!(journal.append(entry()), 3);
    }

    #[test]
    fn the_oldest_calls_are_dropped_when_the_journal_is_full() {
        let mut journal = Journal::new(10_000);
        for _ in 0..10 {
            journal.append(JournalEntry { request: CallInput::Body(vec![b' '; 2500].into()), ..entry() });
        }
        assert_eq!(seqs(&journal), [8, 9, 10]);
        journal.update(9, |entry| entry.status = 1);
        journal.update(1, |_| panic!("it has been dropped"));
        assert_eq!(journal.entries().map(|entry| entry.status).collect::<Vec<_>>(), [0, 1, 0]);
        journal.append(JournalEntry { request: CallInput::Body(vec![b' '; 20_000].into()), ..entry() });
        assert_eq!((seqs(&journal), journal.size), (vec![], 0));
    }

    #[test]
    fn a_published_call_reaches_its_followers() {
        let mut journal = Journal::new(DEFAULT_CAPACITY);
        let first = journal.append(entry());
        journal.publish(first);
        let mut follower = journal.follow();
        assert!(follower.try_recv().is_err());
        journal.update(first, |entry| entry.status = 204);
        journal.publish(first);
        assert_eq!(follower.try_recv().expect("a call").status, 204);
    }
}
