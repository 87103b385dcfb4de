//! Unit tests of the table. Expected rows are written as their ARNs, concatenated in order: "13" stands for
//! the rows "1" and "3".

use super::*;

struct TestRow(&'static str, &'static str, Tags);

impl Row for TestRow {
    fn arn(&self) -> &str {
        self.0
    }
    fn key(&self) -> &str {
        self.1
    }
    fn tags(&self) -> &Tags {
        &self.2
    }
    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.2
    }
}

fn table() -> Table<TestRow> {
    let mut table = Table::default();
    for (arn, name) in [("1", "a"), ("2", "b"), ("3", "a")] {
        table.insert(TestRow(arn, name, Tags::new()));
    }
    table
}

fn arns<'a>(rows: impl Iterator<Item = &'a TestRow>) -> String {
    rows.map(|row| row.0).collect()
}

#[test]
fn rows_are_found_by_arn_and_key() {
    let table = table();
    assert_eq!(table.get("2").map(|row| row.1), Some("b"));
    assert_eq!(arns(table.with_key("a")), "13");
    assert_eq!(arns(table.with_key("ab")), "");
}

#[test]
fn the_indexes_are_updated_with_a_row() {
    let mut table = table();
    table.replace(TestRow("1", "c", Tags::new()));
    assert_eq!((arns(table.with_key("a")), arns(table.with_key("c"))), ("3".into(), "1".into()));
    assert_eq!(arns(table.iter()), "123");
    table.replace_as_newest(TestRow("1", "c", Tags::new()));
    assert_eq!(arns(table.iter()), "231");
    let changes = table.changes();
    assert!(table.remove("1") && !table.remove("1") && table.changes() > changes);
    assert_eq!((arns(table.with_key("c")), table.len()), (String::new(), 2));
}

#[test]
fn rows_are_listed_from_a_position_in_both_directions() {
    let table = table();
    let (first, _) = table.oldest_first(None).next().expect("a row");
    assert_eq!(arns(table.oldest_first(Some(first)).map(|(_, row)| row)), "23");
    assert_eq!(arns(table.oldest_first_with_key("a", Some(first)).map(|(_, row)| row)), "3");
    assert_eq!(arns(table.oldest_first_with_key("a", Some(u64::MAX)).map(|(_, row)| row)), "");
    let (last, _) = table.newest_first(None).next().expect("a row");
    assert_eq!(arns(table.newest_first(Some(last)).map(|(_, row)| row)), "21");
    assert_eq!(arns(table.newest_first_with_key("a", None).map(|(_, row)| row)), "31");
    assert_eq!(arns(table.newest_first_with_key("a", Some(last)).map(|(_, row)| row)), "1");
}

/// Returns the rows of the delayed view at a time, and the rows that exist.
fn views(table: &mut Table<TestRow>, now: i64) -> (String, String) {
    table.set_view(View { now, lag: 10, delayed: true });
    let delayed = arns(table.iter());
    table.set_view(View { now, lag: 10, delayed: false });
    (delayed, arns(table.iter()))
}

#[test]
fn the_delayed_view_shows_creation_and_deletion_late() {
    let mut table = table();
    table.set_view(View { now: 100, lag: 10, delayed: false });
    table.insert(TestRow("4", "d", Tags::new()));
    assert!(table.remove("1"));
    assert_eq!(views(&mut table, 109), ("123".into(), "234".into()));
    assert_eq!((table.len(), table.get("1").is_none(), table.get_mut("1").is_none()), (3, true, true));
    assert_eq!(views(&mut table, 110), ("234".into(), "234".into()));
}

#[test]
fn a_deleted_row_that_was_never_visible_stays_hidden() {
    let mut table = table();
    table.set_view(View { now: 100, lag: 10, delayed: false });
    table.insert(TestRow("4", "d", Tags::new()));
    assert!(table.remove("4") && !table.remove("4"));
    assert_eq!(views(&mut table, 105), ("123".into(), "123".into()));
    assert_eq!(views(&mut table, 120), ("123".into(), "123".into()));
}

#[test]
fn an_update_is_visible_at_once() {
    let mut table = table();
    table.set_view(View { now: 100, lag: 10, delayed: false });
    table.insert(TestRow("4", "d", Tags::new()));
    table.replace_as_newest(TestRow("4", "e", Tags::new()));
    table.replace(TestRow("2", "x", Tags::new()));
    assert_eq!(views(&mut table, 105), ("123".into(), "1234".into()));
    assert_eq!((arns(table.with_key("x")), arns(table.with_key("e"))), ("2".into(), "4".into()));
}
