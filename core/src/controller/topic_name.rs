//! Which names a topic can have.
//!
//! Holds       the rules and sentences of Kafka.

/// The longest name, in characters.
const LENGTH_MAX: usize = 249;

/// Topics that the brokers themselves keep.
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__share_group_state", "__transaction_state"];

/// Whether a topic is one of the brokers' own.
#[must_use]
pub fn is_internal(name: &str) -> bool {
    INTERNAL.contains(&name)
}

/// Why a name is none for a topic, in Kafka's words.
pub fn check(name: &str) -> Result<(), String> {
    let why = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.encode_utf16().count() > LENGTH_MAX {
        format!("the length of '{name}' is longer than the max allowed length {LENGTH_MAX}")
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
    } else {
        return Ok(());
    };
    Err(format!("Topic name is invalid: {why}"))
}

/// Names that differ only here collide, because metrics replace dots.
pub(super) fn has_collision_chars(name: &str) -> bool {
    name.contains(['.', '_'])
}

/// What metrics make of a name: two names collide that are the same there.
pub(super) fn in_metrics(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_in_kafkas_words() {
        let long = "x".repeat(250);
        for (name, why) in [
            ("", "Topic name is invalid: the empty string is not allowed"),
            (".", "Topic name is invalid: '.' is not allowed"),
            ("..", "Topic name is invalid: '..' is not allowed"),
            (
                "a b",
                "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
            ),
        ] {
            assert_eq!(check(name), Err(why.to_owned()));
        }
        assert!(check(&long).unwrap_err().ends_with("is longer than the max allowed length 249"));
        assert!(check(&long[1..]).is_ok() && check("a.b_c-D9").is_ok());
    }

    #[test]
    fn dots_and_underscores_collide() {
        let collides = |a, b| in_metrics(a) == in_metrics(b);
        assert!(collides("a.b", "a_b") && collides("a.b", "a.b") && !collides("a.b", "a-b") && !collides("a.b", "a.bc"));
    }
}
