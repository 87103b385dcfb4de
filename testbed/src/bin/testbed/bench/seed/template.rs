//! A text with places for the identifiers of an account, and the identifiers of each copy.

/// Beginnings of the ids in ARNs, and their length.
const RESOURCES: [&[u8]; 4] = [b"channel/", b"room/", b"stage/", b"stream-key/"];
const ID_LENGTH: usize = 12;
const UUID_LENGTH: usize = 36;

/// The identifiers of the model: its name, its UUIDs, and the ids of its resources. Each is replaced by one
/// of the same length, so that formats with lengths, such as Protocol Buffers, stay valid.
pub(super) struct Identifiers(Vec<Identifier>);

struct Identifier {
    text: Vec<u8>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Name,
    Uuid,
    Id,
}

impl Identifiers {
    /// Finds the identifiers in texts. Those in `shared` are the same in all accounts.
    pub(super) fn find<'t>(texts: impl Iterator<Item = &'t [u8]>, name: &str, shared: &[&str]) -> Self {
        let mut found = Self(vec![Identifier { text: name.into(), kind: Kind::Name }]);
        for text in texts {
            for window in text.windows(UUID_LENGTH).filter(|window| is_uuid(window)) {
                if !shared.iter().any(|shared| shared.as_bytes() == window) {
                    found.add(window, Kind::Uuid);
                }
            }
            for prefix in RESOURCES {
                for window in text.windows(prefix.len() + ID_LENGTH) {
                    let id = window.strip_prefix(prefix).unwrap_or_default();
                    if !id.is_empty() && id.iter().all(u8::is_ascii_alphanumeric) {
                        found.add(id, Kind::Id);
                    }
                }
            }
        }
        found
    }

    fn add(&mut self, text: &[u8], kind: Kind) {
        if !self.0.iter().any(|known| known.text == text) {
            self.0.push(Identifier { text: text.into(), kind });
        }
    }

    /// Returns the identifier at `index` of a copy.
    fn of_copy(&self, index: usize, number: usize) -> String {
        match self.0[index].kind {
            Kind::Name => format!("seed-{number:07}"),
            Kind::Uuid => format!("{index:08x}-0000-4000-8000-{number:012x}"),
            Kind::Id => format!("s{index:03}x{number:07}"),
        }
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// A text of the model, split at its identifiers.
pub(super) struct Template(Vec<Part>);

enum Part {
    Text(Vec<u8>),
    Identifier(usize),
}

impl Template {
    pub(super) fn new(text: &[u8], identifiers: &Identifiers) -> Self {
        let (mut parts, mut rest, mut plain) = (Vec::new(), text, Vec::new());
        while let Some((first, tail)) = rest.split_first() {
            let known = identifiers.0.iter();
            let found =
                known.enumerate().find_map(|(index, one)| Some((index, rest.strip_prefix(&*one.text)?)));
            if let Some((index, behind)) = found {
                parts.extend([Part::Text(std::mem::take(&mut plain)), Part::Identifier(index)]);
                rest = behind;
            } else {
                plain.push(*first);
                rest = tail;
            }
        }
        parts.push(Part::Text(plain));
        Self(parts)
    }

    /// Returns the text of a copy.
    pub(super) fn render(&self, identifiers: &Identifiers, number: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.extend_from_slice(plain),
                Part::Identifier(index) => text.extend(identifiers.of_copy(*index, number).into_bytes()),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_other_identifiers_of_the_same_length() {
        let shared = "11111111-2222-4333-8444-555555555555";
        let text = format!(
            "seed-0000000 arn:aws:ivs:us-west-2:123456789012:channel/AbCdEfGhIjKl 0a1b2c3d-0000-4111-8222-333344445555 \
             {shared} channel.AbCdEfGhIjKl.m3u8"
        );
        let identifiers = Identifiers::find([text.as_bytes()].into_iter(), "seed-0000000", &[shared]);
        let copy = Template::new(text.as_bytes(), &identifiers).render(&identifiers, 42);
        let copy = String::from_utf8(copy).expect("text");
        assert_eq!(copy.len(), text.len());
        assert_eq!(
            copy,
            format!(
                "seed-0000042 arn:aws:ivs:us-west-2:123456789012:channel/s002x0000042 00000001-0000-4000-8000-00000000002a \
                 {shared} channel.s002x0000042.m3u8"
            )
        );
    }
}
