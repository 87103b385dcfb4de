//! Pagination: the pages of a list, and the tokens between them.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
};

/// Creates tokens that cannot be forged: a position in a list, authenticated with a secret of this process.
#[derive(Default)]
pub(crate) struct Tokens {
    secret: RandomState,
}

impl Tokens {
    fn seal(&self, list: &str, filters: u64, order: u64) -> u64 {
        self.secret.hash_one(("seal", list, filters, order))
    }

    /// Returns a mask that hides the position, so that no client relies on the contents of a token.
    fn mask(&self, seal: u64) -> u64 {
        self.secret.hash_one(("mask", seal))
    }

    fn write(&self, list: &str, filters: u64, order: u64) -> String {
        let seal = self.seal(list, filters, order);
        format!("{seal:016x}{:016x}", order ^ self.mask(seal))
    }

    fn read(&self, list: &str, filters: u64, token: &str) -> Option<u64> {
        let digits = |range| token.get(range).and_then(|hex: &str| u64::from_str_radix(hex, 16).ok());
        let (seal, masked) = (digits(0..16)?, digits(16..32)?);
        let order = masked ^ self.mask(seal);
        (token.len() == 32 && seal == self.seal(list, filters, order)).then_some(order)
    }

    /// Returns a hash of the list's filters. A token is valid only for the filters that it was created with.
    fn filters(&self, input: &Value) -> u64 {
        let mut hasher = self.secret.build_hasher();
        let mut members: Vec<_> = input.as_object().into_iter().flatten().collect();
        members
            .retain(|(name, value)| !matches!(name.as_str(), "nextToken" | "maxResults") && !value.is_null());
        members.sort_by_key(|(name, _)| *name);
        for (name, value) in members {
            (name, value.to_string()).hash(&mut hasher);
        }
        hasher.finish()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// A requested page.
pub(crate) struct Page {
    list: &'static str,
    filters: u64,
    limit: usize,
    /// The position of the last row of the previous page.
    pub after: Option<u64>,
}

impl Page {
    /// Decodes `nextToken` and `maxResults` of the input.
    pub fn from_input(
        tokens: &Tokens,
        list: &'static str,
        input: &Value,
        default: usize,
    ) -> Result<Self, ApiError> {
        let Input { next_token, max_results } = decode(input)?;
        let filters = tokens.filters(input);
        let after = match next_token.filter(|token| !token.is_empty()) {
            Some(token) => Some(
                tokens
                    .read(list, filters, &token)
                    .ok_or_else(|| ApiError::member("nextToken", "the token is invalid"))?,
            ),
            None => None,
        };
        Ok(Self { list, filters, limit: max_results.unwrap_or(default), after })
    }

    /// Returns the rows before the page's position, newest first, each with its number. The numbers ascend.
    pub fn newest_first<'a, T: 'a, I: DoubleEndedIterator<Item = &'a T>, N: Fn(&T) -> u64>(
        &self,
        oldest_first: I,
        number: N,
    ) -> impl Iterator<Item = (u64, &'a T)> + use<'a, T, I, N> {
        let before = self.after.unwrap_or(u64::MAX);
        oldest_first.rev().map(move |row| (number(row), row)).filter(move |(number, _)| *number < before)
    }

    /// Collects the rows of the page, and creates the token of the next page if there are more rows.
    pub fn fill<'a, T: 'a, U>(
        self,
        tokens: &Tokens,
        rows: impl Iterator<Item = (u64, &'a T)>,
        summary: impl Fn(&'a T) -> U,
    ) -> (Vec<U>, Option<String>) {
        let mut rows = rows.peekable();
        let mut filled = Vec::new();
        let mut last = 0;
        for (order, row) in rows.by_ref().take(self.limit) {
            last = order;
            filled.push(summary(row));
        }
        let more = rows.peek().is_some();
        (filled, more.then(|| tokens.write(self.list, self.filters, last)))
    }
}

/// Encodes the output of a list operation: the rows, and the token if there are more.
pub(crate) fn list_output(member: &'static str, rows: impl Serialize, next: Option<String>) -> Outcome {
    encode(ListOutput { member, rows, next })
}

struct ListOutput<T> {
    member: &'static str,
    rows: T,
    next: Option<String>,
}

impl<T: Serialize> Serialize for ListOutput<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry(self.member, &self.rows)?;
        if let Some(next) = &self.next {
            members.serialize_entry("nextToken", next)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_valid_only_for_its_own_list_and_filters() {
        let tokens = Tokens::default();
        let filters = tokens.filters(&json!({"filterByName": "a", "maxResults": 1}));
        let token = tokens.write("ListChannels", filters, 7);
        assert_eq!(tokens.read("ListChannels", filters, &token), Some(7));
        assert_eq!(tokens.read("ListStages", filters, &token), None);
        let others = tokens.filters(&json!({"filterByName": "b"}));
        assert_eq!(tokens.read("ListChannels", others, &token), None);
        assert_eq!(tokens.filters(&json!({"filterByName": "a", "nextToken": "x"})), filters);
    }

    #[test]
    fn a_forged_token_is_rejected() {
        let tokens = Tokens::default();
        let token = tokens.write("ListChannels", 0, 7);
        let swapped = token.replace(&token[31..], if token.ends_with('0') { "1" } else { "0" });
        for forged in ["", "7", "zz", &token[1..], &format!("{token}0"), &swapped, "é".repeat(16).as_str()] {
            assert_eq!(tokens.read("ListChannels", 0, forged), None, "{forged}");
        }
    }
}
