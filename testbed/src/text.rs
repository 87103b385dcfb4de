//! Text helpers.

/// Returns the last `lines` lines, indented.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    if all.is_empty() {
        return "    (empty)".into();
    }
    all[from..].iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Returns a unique Kubernetes name: the sanitized label and six random digits.
pub(crate) fn unique(label: &str) -> String {
    let tame: String = label
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(24)
        .collect();
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("t-{}-{}", tame.trim_matches('-'), &random[..6]).replace("--", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_name_is_a_valid_label() {
        let (one, two) = (unique("Two accounts, one name!"), unique("Two accounts, one name!"));
        assert!(one.starts_with("t-two-accounts-one-name-"), "{one}");
        assert_ne!(one, two);
        assert!(one.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    }

    #[test]
    fn a_tail_has_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "    b\n    c");
        assert_eq!(tail("", 2), "    (empty)");
    }
}
