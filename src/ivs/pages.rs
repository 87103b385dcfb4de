//! A list, page after page.

use std::time::Duration;

use super::{Class, Result};

/// How often a page is asked for, and how long to wait before the second time; twice as long before each other. Without
/// it one call in a hundred that fails would be enough that a list of some hundred pages never comes to its end.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

/// All that `page` gives, which is handed the token of the page before.
///
/// # Errors
/// What AWS did not do, however often it was asked.
pub(super) async fn all<T, F>(page: impl Fn(Option<String>) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<(Vec<T>, Option<String>)>>,
{
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let (items, next) = one(&page, token).await?;
        found.extend(items);
        if next.is_none() {
            return Ok(found);
        }
        token = next;
    }
}

async fn one<T, F>(page: impl Fn(Option<String>) -> F, token: Option<String>) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    for tried in 0..TRIES - 1 {
        match page(token.clone()).await {
            Err(error) if error.class == Class::Transient => {
                tokio::time::sleep(PAUSE * 2_u32.pow(tried)).await;
            }
            other => return other,
        }
    }
    page(token).await
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, iter};

    use super::*;
    use crate::ivs::Error;

    type Page = Result<(Vec<u32>, Option<String>)>;

    fn failure(class: Class) -> Error {
        Error { operation: "ListStages", class, code: None, message: String::new(), request_id: None }
    }

    /// The list of what is answered in turn, and the tokens that were sent.
    async fn list(answers: Vec<Page>) -> (Result<Vec<u32>>, Vec<Option<String>>) {
        let (answers, sent) = (RefCell::new(answers.into_iter()), RefCell::new(Vec::new()));
        let listed = all(async |token| {
            sent.borrow_mut().push(token);
            answers.borrow_mut().next().expect("an answer")
        });
        let listed = listed.await;
        (listed, sent.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_fails_is_asked_for_again_and_those_before_it_are_kept() {
        let next = Some("a".to_owned());
        let answers = vec![Ok((vec![1], next.clone())), Err(failure(Class::Transient)), Ok((vec![2], None))];
        let (listed, sent) = list(answers).await;
        assert_eq!(listed, Ok(vec![1, 2]));
        assert_eq!(sent, [None, next.clone(), next]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_ends_the_list() {
        let (listed, sent) = list(iter::repeat_n(Err(failure(Class::Transient)), 4).collect()).await;
        assert!(listed.is_err() && sent.len() == 4);
        let (listed, sent) = list(vec![Err(failure(Class::Blocked))]).await;
        assert!(listed.is_err() && sent.len() == 1);
    }
}
