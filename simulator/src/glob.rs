//! Patterns as in a shell.

/// Whether the text matches a pattern with `*` (any characters) and `?` (any one).
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last star does not fit: one character further on in the text.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t + 1));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((after_star, next)) = retry else { return false };
                (p, t) = (after_star, next);
                retry = Some((after_star, next + 1));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether the text has `*` or `?` in it.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abbc"), ("a?c", "abc"), ("*b*", "abc"), ("Create*", "CreateRoom")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a?c", "ac"), ("a*c", "abb"), ("CreateRoom", "CreateRooms"), ("b", "abc")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
