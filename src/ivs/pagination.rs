//! Lists, page by page.

use std::time::Duration;

use super::{Class, Result};

/// Maximum number of calls for one page. Without retries, a failure rate of one percent would keep a list of
/// hundreds of pages from ever completing.
const MAX_CALLS_PER_PAGE: u32 = 4;

/// Time before the first retry of a page. Doubled before each further retry.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Reads all pages, and passes each to `handle` before it reads the next one. `pause`: the time between the
/// end of one call and the next one, retries included. `page`: reads one page, given the token in the page
/// before.
///
/// # Errors
/// The last error of a page whose every call failed.
pub(super) async fn for_each_page<T, F>(
    pause: Duration,
    page: impl Fn(Option<String>) -> F,
    mut handle: impl FnMut(Vec<T>),
) -> Result<()>
where
    F: Future<Output = Result<(Vec<T>, Option<String>)>>,
{
    let mut token = None;
    loop {
        let (items, next) = one_page(pause, &page, token).await?;
        handle(items);
        if next.is_none() {
            return Ok(());
        }
        token = next;
        tokio::time::sleep(pause).await;
    }
}

/// Collects all pages.
///
/// # Errors
/// The last error of a page whose every call failed.
pub(super) async fn collect<T, F>(page: impl Fn(Option<String>) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<(Vec<T>, Option<String>)>>,
{
    let mut found = Vec::new();
    for_each_page(Duration::ZERO, page, |items| found.extend(items)).await?;
    Ok(found)
}

async fn one_page<T, F>(
    pause: Duration,
    page: impl Fn(Option<String>) -> F,
    token: Option<String>,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    for retry in 0..MAX_CALLS_PER_PAGE - 1 {
        match page(token.clone()).await {
            Err(error) if error.class == Class::Transient => {
                tokio::time::sleep((FIRST_RETRY_DELAY * 2_u32.pow(retry)).max(pause)).await;
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

    type Answer = Result<(Vec<u32>, Option<String>)>;

    fn failure(class: Class) -> Error {
        Error { operation: "ListStages", class, code: None, message: String::new(), request_id: None }
    }

    /// Lists from these answers. Returns the list, and the tokens that were sent.
    async fn list(answers: Vec<Answer>) -> (Result<Vec<u32>>, Vec<Option<String>>) {
        let (answers, sent) = (RefCell::new(answers.into_iter()), RefCell::new(Vec::new()));
        let listed = collect(async |token| {
            sent.borrow_mut().push(token);
            answers.borrow_mut().next().expect("an answer")
        });
        let listed = listed.await;
        (listed, sent.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_page_is_retried_and_the_pages_before_it_are_kept() {
        let next = Some("a".to_owned());
        let answers = vec![Ok((vec![1], next.clone())), Err(failure(Class::Transient)), Ok((vec![2], None))];
        let (listed, sent) = list(answers).await;
        assert_eq!(listed, Ok(vec![1, 2]));
        assert_eq!(sent, [None, next.clone(), next]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_comes_before_each_call_but_the_first() {
        let (began, calls) = (tokio::time::Instant::now(), RefCell::new(Vec::new()));
        let answers =
            [Ok((vec![1], Some("a".to_owned()))), Err(failure(Class::Transient)), Ok((vec![2], None))];
        let answers = RefCell::new(answers.into_iter());
        let page = async |_| {
            calls.borrow_mut().push(began.elapsed().as_secs());
            answers.borrow_mut().next().expect("an answer")
        };
        let mut listed = Vec::new();
        let result = for_each_page(Duration::from_secs(3), page, |items| listed.extend(items)).await;
        assert_eq!((result, listed, calls.into_inner()), (Ok(()), vec![1, 2], vec![0, 3, 6]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_or_blocked_error_ends_the_list() {
        let (listed, sent) = list(iter::repeat_n(Err(failure(Class::Transient)), 4).collect()).await;
        assert!(listed.is_err() && sent.len() == 4);
        let (listed, sent) = list(vec![Err(failure(Class::Blocked))]).await;
        assert!(listed.is_err() && sent.len() == 1);
    }
}
