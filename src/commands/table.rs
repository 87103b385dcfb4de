//! Tables as kubectl prints them.

/// Cell of a value that is unknown, or not there.
pub(super) const NONE: &str = "<none>";

/// Formats a table: titles in capitals, columns three spaces apart.
pub(super) fn format<const N: usize>(
    titles: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let lines: Vec<_> = std::iter::once(titles.map(str::to_owned)).chain(rows).collect();
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let set = |line: &[String; N]| {
        let columns = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}   "));
        format!("{}\n", columns.collect::<String>().trim_end())
    };
    lines.iter().map(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "long".to_owned()], ["longest".to_owned(), "b".to_owned()]];
        assert_eq!(format(["X", "Y"], rows), "X         Y\na         long\nlongest   b\n");
    }
}
