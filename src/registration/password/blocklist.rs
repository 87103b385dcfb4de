//! Passwords that attackers try first: the most common ones, and those built from the user's own names.

use passwords::analyzer::is_common_password;

/// Maximum number of characters before or after a common password that count as padding, such as a year.
const MAX_PADDING_CHARS: usize = 4;

/// Returns true if a password is one of the 100,000 most common, in any case, or such a password repeated or
/// padded.
#[must_use]
pub fn is_common(password: &str) -> bool {
    let folded = password.to_lowercase();
    let cores = [char::is_alphabetic, char::is_alphanumeric];
    is_common_password(password)
        || is_listed(&folded)
        || cores.into_iter().any(|core| is_padded(&folded, core))
}

/// Returns true if the names make up most of a password: less than half of its letters and digits remain
/// without them.
#[must_use]
pub fn is_mostly(password: &str, names: &[&str]) -> bool {
    let whole = letters_and_digits(password);
    let mut names: Vec<_> = names.iter().map(|name| letters_and_digits(name)).collect();
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    let names = names.iter().filter(|name| !name.is_empty());
    let rest = names.fold(whole.clone(), |rest, name| rest.replace(name, ""));
    rest.chars().count() * 2 < whole.chars().count()
}

/// Returns true if a text is a common password, or a repetition of one.
fn is_listed(text: &str) -> bool {
    let unit = repeated_unit(text);
    is_common_password(unit.trim()) || (unit.len() < text.len() && unit.chars().count() <= MAX_PADDING_CHARS)
}

/// Returns true if a text is a common password (from the first character of a kind to the last) with padding
/// around it.
fn is_padded(text: &str, of_kind: fn(char) -> bool) -> bool {
    let core = text.trim_matches(|c: char| !of_kind(c));
    let Some((before, after)) = text.split_once(core).filter(|_| !core.is_empty() && core != text) else {
        return false;
    };
    is_padding(before) && is_padding(after) && is_listed(core)
}

fn is_padding(text: &str) -> bool {
    let text = text.trim();
    text.chars().count() <= MAX_PADDING_CHARS || is_listed(text)
}

/// Returns the shortest text whose repetition is this one, or the text itself.
fn repeated_unit(text: &str) -> &str {
    let units = text.char_indices().map(|(end, _)| &text[..end]).skip(1);
    let mut units = units.take_while(|unit| unit.len() * 2 <= text.len());
    units.find(|unit| text.bytes().eq(unit.bytes().cycle().take(text.len()))).unwrap_or(text)
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_are_detected_in_any_case() {
        for password in
            ["password", "PassWord", "trustno1", "123456789012345", "1QAZ2WSX3EDC4RFV", "P@ssw0rd"]
        {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn padded_and_repeated_common_passwords_are_detected() {
        for password in [
            "passwordpassword",
            "Password Password Password",
            "trustno1trustno1",
            "password1234567",
            "2026 Password!",
            "1234567dragon1234567",
            "trustno1!!!!!!!!!!",
            "dragon!!!!!!!!!!!!",
            "aaaaaaaaaaaaaaa",
            "ab1ab1ab1ab1ab1a",
            "               ",
        ] {
            assert!(is_common(password), "{password:?}");
        }
    }

    #[test]
    fn made_up_passwords_are_not_common() {
        for password in [
            "correct horse battery",
            "dragon8472610938471",
            "a!#%&/()=?+*-.,;",
            "!9#4xkqz",
            "kfz-XY 4711 grün",
            "ich mag 3 Katzen",
            "¡ñandú, qué bien!",
        ] {
            assert!(!is_common(password), "{password:?}");
        }
    }

    #[test]
    fn passwords_built_from_own_names_are_detected() {
        let names = ["todd_streams", "Streamcat"];
        for password in
            ["Todd-Streams-2026", "streamcat1234567", "streamcat todd streams!!", "STREAMCATSTREAMCAT"]
        {
            assert!(is_mostly(password, &names), "{password}");
        }
        for password in ["todd streams about horses", "a cat in the stream", "!\"§$%&/()=?*+'#-_.:,;"] {
            assert!(!is_mostly(password, &names), "{password}");
        }
        assert!(!is_mostly("correct horse battery", &["-", "_"]));
        assert!(is_mostly("streamstreamcat7", &["stream", "streamcat"]));
    }
}
