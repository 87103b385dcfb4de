//! The journal: every AWS call, from its request on.

mod call;

use std::{borrow::Cow, collections::VecDeque, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::broadcast;

pub use self::call::Call;

/// A call in the journal: as small as it can be, since there are many.
pub(crate) struct Entry {
    pub seq: u64,
    pub operation: Cow<'static, str>,
    pub resource: Option<String>,
    pub name: Option<String>,
    pub created: Option<String>,
    pub arrived: Duration,
    pub effected: Option<Duration>,
    pub answered: Option<Duration>,
    pub status: u16,
    pub error: Option<String>,
    pub fault: Option<&'static str>,
    pub attempt: Option<u32>,
    pub access_key: Option<Box<str>>,
    pub request: Request,
}

/// The request of a call.
pub(crate) enum Request {
    /// Its body, which is JSON.
    Body(Box<[u8]>),
    /// Its members, which were not all in the body.
    Members(Box<Value>),
    /// It made no sense.
    Malformed,
}

impl Entry {
    pub fn new(operation: impl Into<Cow<'static, str>>, arrived: Duration, request: Request) -> Self {
        Self {
            seq: 0,
            operation: operation.into(),
            resource: None,
            name: None,
            created: None,
            arrived,
            effected: None,
            answered: None,
            status: 0,
            error: None,
            fault: None,
            attempt: None,
            access_key: None,
            request,
        }
    }

    /// About how much memory it takes, in bytes.
    fn size(&self) -> usize {
        /// For what is written down later: the ARN of what is made, or the code of an error.
        const LATER: usize = 80;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let request = match &self.request {
            Request::Body(body) => body.len(),
            Request::Members(members) => members.to_string().len() * 2,
            Request::Malformed => 0,
        };
        let access_key = self.access_key.as_ref().map_or(0, |key| key.len());
        let operation = if let Cow::Owned(operation) = &self.operation { operation.len() } else { 0 };
        size_of::<Self>() + LATER + operation + access_key + text(&self.resource) + text(&self.name) + request
    }
}

/// How much memory the journal may take, if not told otherwise, in bytes.
pub(crate) const CAPACITY: usize = 32 << 20;
/// How many calls a follower may be behind before it misses some.
const FOLLOWER_BUFFER: usize = 4096;

/// The calls, the oldest forgotten when there are too many.
pub(crate) struct Journal {
    capacity: usize,
    last: u64,
    entries: VecDeque<Entry>,
    size: usize,
    followers: broadcast::Sender<Arc<Call>>,
}

impl Journal {
    pub fn new(capacity: usize) -> Self {
        let (followers, _) = broadcast::channel(FOLLOWER_BUFFER);
        Self { capacity, last: 0, entries: VecDeque::new(), size: 0, followers }
    }

    /// Writes down a call that has come in, and numbers it.
    pub fn begin(&mut self, mut entry: Entry) -> u64 {
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

    /// Writes down more of a call that has begun. Nothing, if it has been forgotten.
    pub fn amend(&mut self, seq: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.find(seq) {
            change(entry);
        }
    }

    /// Tells the followers of a call to which nothing more will happen, as far as is known.
    pub fn publish(&mut self, seq: u64) {
        if self.followers.receiver_count() == 0 {
            return;
        }
        if let Some(call) = self.find(seq).map(|entry| Call::from(&*entry)) {
            // Fails only if the last follower has just gone.
            let _ = self.followers.send(Arc::new(call));
        }
    }

    /// What is told from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Call>> {
        self.followers.subscribe()
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.size = 0;
    }

    /// They are numbered without gaps.
    fn find(&mut self, seq: u64) -> Option<&mut Entry> {
        let first = self.entries.front()?.seq;
        let index = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.entries.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry::new("GetChannel", Duration::from_micros(1), Request::Malformed)
    }

    fn seqs(journal: &Journal) -> Vec<u64> {
        journal.entries().map(|entry| entry.seq).collect()
    }

    #[test]
    fn calls_are_numbered_and_amended_and_cleared() {
        let mut journal = Journal::new(CAPACITY);
        journal.begin(entry());
        let second = journal.begin(entry());
        journal.amend(second, |entry| entry.status = 200);
        let seen: Vec<_> = journal.entries().map(|entry| (entry.seq, entry.status)).collect();
        assert_eq!(seen, [(1, 0), (2, 200)]);
        journal.clear();
        journal.amend(second, |_| panic!("it has been forgotten"));
        assert_eq!(journal.begin(entry()), 3);
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let mut journal = Journal::new(10_000);
        for _ in 0..10 {
            journal.begin(Entry { request: Request::Body(vec![b' '; 2500].into()), ..entry() });
        }
        assert_eq!(seqs(&journal), [8, 9, 10]);
        journal.amend(9, |entry| entry.status = 1);
        journal.amend(1, |_| panic!("it has been forgotten"));
        assert_eq!(journal.entries().map(|entry| entry.status).collect::<Vec<_>>(), [0, 1, 0]);
        journal.begin(Entry { request: Request::Body(vec![b' '; 20_000].into()), ..entry() });
        assert_eq!((seqs(&journal), journal.size), (vec![], 0));
    }

    #[test]
    fn followers_are_told_and_nobody_else_is() {
        let mut journal = Journal::new(CAPACITY);
        let first = journal.begin(entry());
        journal.publish(first);
        let mut follower = journal.follow();
        assert!(follower.try_recv().is_err());
        journal.amend(first, |entry| entry.status = 204);
        journal.publish(first);
        assert_eq!(follower.try_recv().expect("a call").status, 204);
    }
}
