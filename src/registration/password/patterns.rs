//! Long passwords that are easy to guess: repetitions, the alphabet, keyboard rows.

use std::collections::BTreeSet;

/// Maximum length of a block whose repetition is a pattern: the minimum password length that any site can
/// set.
const MAX_BLOCK_CHARS: usize = 8;

/// Minimum average length of the runs of a pattern. Runs in words are shorter.
const MIN_AVERAGE_RUN: usize = 4;

/// Maximum number of different characters that count as separators, such as a comma and a space.
const MAX_SEPARATOR_KINDS: usize = 2;

/// Well-known sequences, each cyclic: the alphabet and the digits; the rows of English, German, and French
/// keyboards; their digit rows with Shift (without it on French ones); their diagonals; the columns and the
/// rows of a keypad.
const LINES: [&str; 19] = [
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklmù",
    "!@#$%^&*()_+",
    "!\"§$%&/()=",
    "&é\"'(-è_çà",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.",
    "!qaz@wsx#edc$rfv%tgb^yhn&ujm*ik,(ol.",
    "147258369",
    "741852963",
    "789456123",
];

/// Returns true if a password, with or without its separators, consists of one or two different characters,
/// of a repeated short block, or of sequences.
#[must_use]
pub fn is_pattern(password: &str) -> bool {
    let folded: Vec<char> = password.to_lowercase().chars().collect();
    [without_separators(&folded), folded]
        .iter()
        .any(|text| has_two_characters(text) || is_block_repeated(text) || is_made_of_sequences(text))
}

/// Returns the letters and digits if all other characters only separate them.
fn without_separators(password: &[char]) -> Vec<char> {
    let (kept, separators): (Vec<char>, Vec<char>) = password.iter().partition(|c| c.is_alphanumeric());
    let kinds: BTreeSet<char> = separators.into_iter().collect();
    if kinds.len() <= MAX_SEPARATOR_KINDS { kept } else { password.to_vec() }
}

fn has_two_characters(password: &[char]) -> bool {
    let mut others = password.iter().filter(|c| Some(*c) != password.first());
    let second = others.next();
    others.all(|c| Some(c) == second)
}

fn is_block_repeated(password: &[char]) -> bool {
    let blocks = (1..=MAX_BLOCK_CHARS).take_while(|length| length * 2 <= password.len());
    blocks.into_iter().any(|length| password.iter().zip(&password[length..]).all(|(one, next)| one == next))
}

fn is_made_of_sequences(password: &[char]) -> bool {
    let (mut rest, mut runs) = (password, 0);
    while !rest.is_empty() {
        rest = &rest[run_length(rest)..];
        runs += 1;
    }
    runs * MIN_AVERAGE_RUN <= password.len()
}

/// Returns the number of characters at the start that follow one line, forward or backward, or repeat.
fn run_length(password: &[char]) -> usize {
    let along = |line: &&str| {
        1 + password.windows(2).take_while(|pair| are_neighbours(line, pair[0], pair[1])).count()
    };
    LINES.iter().map(along).max().unwrap_or(1)
}

/// Returns true if two characters are equal or adjacent in a line.
fn are_neighbours(line: &str, one: char, other: char) -> bool {
    let next = line.chars().cycle().skip(1);
    one == other || line.chars().zip(next).any(|pair| pair == (one, other) || pair == (other, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of random inputs per property.
    const ROUNDS: usize = 500;

    fn random(length: usize) -> String {
        (0..length).map(|_| fastrand::char(' '..='~')).collect()
    }

    #[test]
    fn known_patterns_are_detected() {
        for password in [
            "aaaaaaaaaaaaaab",
            "aabbabbabbbaaab",
            "abcdefghijklmno",
            "ZYXWVUTSRQPONMLK",
            "123456789012345",
            "098765432109876",
            "qwertyuiopasdfg",
            "asdfghjklasdfgh",
            "poiuytrewqlkjhg",
            "qwertzuiopasdfghjkl",
            "1q2w3e4r5t6y7u8i",
            "1qaz2wsx3edc4rfv",
            "abcdefg12345678",
            "aaaabbbbccccdddd",
            "Secret!Secret!Secret!",
            "1234abcd1234abcd",
            "Kx7mQ2vTKx7mQ2vT",
            "Kx7mQ2vT Kx7mQ2vT",
            "1 2 3 4 5 6 7 8 9",
            "1, 2, 3, 4, 5, 6, 7",
            "qwer-tzui-opas-dfgh",
            "!@#$%^&*()!@#$%",
            "!\"§$%&/()=!\"§$%",
            "&é\"'(-è_çà&é\"'(",
            "1qaz!QAZ2wsx@WSX",
            "147258369147258369",
            "741852963741852963",
            "789456123789456123",
        ] {
            assert!(is_pattern(password), "{password}");
        }
    }

    #[test]
    fn made_up_passwords_are_not_patterns() {
        for password in [
            "correct horse battery",
            "correct horsecorrect horse",
            "ich mag 3 Katzen",
            "a student drew a hijab",
            "¡ñandú, qué bien!",
            "4711 is not 0815",
            "漢字かな交じり文で書くとよい",
            "a!#%&/()=?+*-.,;",
            "correct horse battery staple",
            "no, no, no: not yesterday",
            "Kx7mQ2vT-uR4wLp9",
            "141592653589793",
        ] {
            assert!(!is_pattern(password), "{password}");
        }
    }

    #[test]
    fn any_repeated_short_block_is_a_pattern() {
        for _ in 0..ROUNDS {
            let block = random(fastrand::usize(1..=MAX_BLOCK_CHARS));
            let length = fastrand::usize(MAX_BLOCK_CHARS * 2..=128);
            let password: String = block.chars().cycle().take(length).collect();
            assert!(is_pattern(&password), "{password}");
        }
    }

    #[test]
    fn any_part_of_a_line_is_a_pattern_in_both_directions() {
        for _ in 0..ROUNDS {
            let line = LINES[fastrand::usize(..LINES.len())];
            let (from, length) = (fastrand::usize(..line.chars().count()), fastrand::usize(8..=128));
            let forwards: String = line.chars().cycle().skip(from).take(length).collect();
            let backwards: String = forwards.chars().rev().collect();
            assert!(is_pattern(&forwards) && is_pattern(&backwards), "{forwards}");
        }
    }

    #[test]
    fn random_characters_are_not_a_pattern() {
        for length in [15, 20].repeat(ROUNDS) {
            let password = random(length);
            assert!(!is_pattern(&password), "{password}");
        }
    }

    #[test]
    fn words_are_not_a_pattern_with_any_separator() {
        let words =
            ["correct", "horse", "battery", "staple", "student", "hijab", "katzen", "qué", "first", "deed"];
        for separator in ["", " ", "-", "_", ". ", " & "].repeat(ROUNDS) {
            let password = fastrand::choose_multiple(words, 4).join(separator);
            assert!(!is_pattern(&password), "{password}");
        }
    }
}
