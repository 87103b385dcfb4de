//! Passwords that anybody would try first: the most common ones, and what a person's own names make.

use passwords::analyzer::is_common_password;

/// So few characters before or behind a common password are padding, whatever they are: a year, say.
const FEW: usize = 4;

/// Whether a password is one of the 100,000 most common, in any case of letters, or nothing but one: said again and again, or
/// with padding before or behind it.
#[must_use]
pub fn is_common(password: &str) -> bool {
    let folded = password.to_lowercase();
    let cores = [char::is_alphabetic, char::is_alphanumeric];
    is_common_password(password)
        || is_listed(&folded)
        || cores.into_iter().any(|core| is_padded(&folded, core))
}

/// Whether the names make up most of a password: of its letters and digits, less than half are left without them.
#[must_use]
pub fn is_mostly(password: &str, names: &[&str]) -> bool {
    let whole = letters_and_digits(password);
    let mut names: Vec<_> = names.iter().map(|name| letters_and_digits(name)).collect();
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    let names = names.iter().filter(|name| !name.is_empty());
    let rest = names.fold(whole.clone(), |rest, name| rest.replace(name, ""));
    rest.chars().count() * 2 < whole.chars().count()
}

/// Whether a text is common, once or more often.
fn is_listed(text: &str) -> bool {
    let unit = repeated(text);
    is_common_password(unit.trim()) || (unit.len() < text.len() && unit.chars().count() <= FEW)
}

/// Whether a text is, from the first character of a kind to the last, a common password, and padding before and behind that.
fn is_padded(text: &str, of_kind: fn(char) -> bool) -> bool {
    let core = text.trim_matches(|c: char| !of_kind(c));
    let Some((before, behind)) = text.split_once(core).filter(|_| !core.is_empty() && core != text) else {
        return false;
    };
    is_padding(before) && is_padding(behind) && is_listed(core)
}

fn is_padding(text: &str) -> bool {
    let text = text.trim();
    text.chars().count() <= FEW || is_listed(text)
}

/// The shortest text that makes this one when it is said again and again; the text itself where that needs all of it.
fn repeated(text: &str) -> &str {
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
    fn the_most_common_passwords_are_known_in_any_case() {
        for password in
            ["password", "PassWord", "trustno1", "123456789012345", "1QAZ2WSX3EDC4RFV", "P@ssw0rd"]
        {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn padding_makes_no_password_of_a_common_one() {
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
    fn what_somebody_has_made_up_is_not_common() {
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
    fn a_persons_own_names_do_not_make_most_of_a_password() {
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
