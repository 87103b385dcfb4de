//! Passwords that are long and have nothing to guess: a few characters again and again, the alphabet, a row of keys.

/// A block that is too short for a password, whatever the settings, is none by being said again.
const LONGEST_BLOCK: usize = 7;

/// Runs of neighbours that are this long on average make a password; in words they are short.
const LONG_RUN: usize = 4;

/// Characters in an order that everybody knows; the first one comes after the last. Rows of keys as they are on English, German
/// and French keyboards, and two ways down and up.
const LINES: [&str; 12] = [
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
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.",
];

/// Whether a password is one or two characters in any order, a short block again and again, or made of sequences.
#[must_use]
pub fn is_pattern(password: &str) -> bool {
    let folded: Vec<char> = password.to_lowercase().chars().collect();
    has_two_characters(&folded) || is_block_repeated(&folded) || is_made_of_sequences(&folded)
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
    let breaks = password.windows(2).filter(|pair| !are_neighbours(pair[0], pair[1])).count();
    (breaks + 1) * LONG_RUN <= password.len()
}

/// Whether two characters stand side by side in a line, or are the same.
fn are_neighbours(one: char, other: char) -> bool {
    let in_a_line = |line: &&str| {
        let next = line.chars().cycle().skip(1);
        line.chars().zip(next).any(|pair| pair == (one, other) || pair == (other, one))
    };
    one == other || LINES.iter().any(in_a_line)
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
        for _ in 0..TRIES {
            let password = random(15);
            assert!(!is_pattern(&password), "{password}");
        }
    }
}
