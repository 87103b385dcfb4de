//! Passwords that are long and have nothing to guess: a few characters again and again, the alphabet, a row of keys.

use std::collections::BTreeSet;

/// A block no longer than this is no password by being said again: it is as short as a password may be at any site.
const LONGEST_BLOCK: usize = 8;

/// Runs along a line that are this long on average make a password; in words they are short.
const LONG_RUN: usize = 4;

/// So many different characters may be there only to separate: a comma and a space, say. More are a part of the password.
const MOST_SEPARATORS: usize = 2;

/// Characters in an order that everybody knows; the first one comes after the last. The alphabet and the digits; rows of keys as
/// they are on English, German and French keyboards; those of digits with Shift (on French ones without it); ways down and up; a
/// keypad by columns and by rows.
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

/// Whether a password is, with or without what separates its parts, one or two characters in any order, a short block again and
/// again, or made of sequences.
#[must_use]
pub fn is_pattern(password: &str) -> bool {
    let folded: Vec<char> = password.to_lowercase().chars().collect();
    [without_separators(&folded), folded]
        .iter()
        .any(|text| has_two_characters(text) || is_block_repeated(text) || is_made_of_sequences(text))
}

/// The letters and digits, where all else only separates them.
fn without_separators(password: &[char]) -> Vec<char> {
    let (kept, separators): (Vec<char>, Vec<char>) = password.iter().partition(|c| c.is_alphanumeric());
    let kinds: BTreeSet<char> = separators.into_iter().collect();
    if kinds.len() <= MOST_SEPARATORS { kept } else { password.to_vec() }
}

fn has_two_characters(password: &[char]) -> bool {
    let mut others = password.iter().filter(|c| Some(*c) != password.first());
    let second = others.next();
    others.all(|c| Some(c) == second)
}

fn is_block_repeated(password: &[char]) -> bool {
    let blocks = (1..=LONGEST_BLOCK).take_while(|length| length * 2 <= password.len());
    blocks.into_iter().any(|length| password.iter().zip(&password[length..]).all(|(one, next)| one == next))
}

fn is_made_of_sequences(password: &[char]) -> bool {
    let (mut rest, mut runs) = (password, 0);
    while !rest.is_empty() {
        rest = &rest[run(rest)..];
        runs += 1;
    }
    runs * LONG_RUN <= password.len()
}

/// How many characters from the first on go along one line, forwards or backwards, or stay.
fn run(password: &[char]) -> usize {
    let along = |line: &&str| {
        1 + password.windows(2).take_while(|pair| are_neighbours(line, pair[0], pair[1])).count()
    };
    LINES.iter().map(along).max().unwrap_or(1)
}

/// Whether two characters stand side by side in a line, or are the same.
fn are_neighbours(line: &str, one: char, other: char) -> bool {
    let next = line.chars().cycle().skip(1);
    one == other || line.chars().zip(next).any(|pair| pair == (one, other) || pair == (other, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a property is tried.
    const TRIES: usize = 500;

    fn random(length: usize) -> String {
        (0..length).map(|_| fastrand::char(' '..='~')).collect()
    }

    #[test]
    fn what_has_nothing_to_guess_is_known() {
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
    fn what_somebody_has_made_up_is_none() {
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
    fn any_short_block_again_and_again_is_one() {
        for _ in 0..TRIES {
            let block = random(fastrand::usize(1..=LONGEST_BLOCK));
            let length = fastrand::usize(LONGEST_BLOCK * 2..=128);
            let password: String = block.chars().cycle().take(length).collect();
            assert!(is_pattern(&password), "{password}");
        }
    }

    #[test]
    fn any_part_of_a_line_is_one_forwards_and_backwards() {
        for _ in 0..TRIES {
            let line = LINES[fastrand::usize(..LINES.len())];
            let (from, length) = (fastrand::usize(..line.chars().count()), fastrand::usize(8..=128));
            let forwards: String = line.chars().cycle().skip(from).take(length).collect();
            let backwards: String = forwards.chars().rev().collect();
            assert!(is_pattern(&forwards) && is_pattern(&backwards), "{forwards}");
        }
    }

    #[test]
    fn random_characters_are_none() {
        for length in [15, 20].repeat(TRIES) {
            let password = random(length);
            assert!(!is_pattern(&password), "{password}");
        }
    }

    #[test]
    fn words_are_none_whatever_stands_between_them() {
        let words =
            ["correct", "horse", "battery", "staple", "student", "hijab", "katzen", "qué", "first", "deed"];
        for separator in ["", " ", "-", "_", ". ", " & "].repeat(TRIES) {
            let password = fastrand::choose_multiple(words, 4).join(separator);
            assert!(!is_pattern(&password), "{password}");
        }
    }
}
