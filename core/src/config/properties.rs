//! Java's properties, the form of `server.properties`, with the place of every word, so that a mistake can be pointed at.
//!
//! Takes       a text.
//! Gives       `Entry`s, in the order of the text, and where it says `\u` and no character follows: the one mistake that this form knows.
//! Not here    which settings there are (`mod.rs`).

use std::ops::Range;

/// One setting, where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub name: String,
    pub value: String,
    /// Where the name stands, in bytes.
    pub name_span: Range<usize>,
    /// Where the value stands, in bytes.
    pub value_span: Range<usize>,
}

/// What a text says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Properties {
    pub entries: Vec<Entry>,
    /// Where `\u` stands without four hexadecimal digits, in bytes.
    pub malformed: Vec<Range<usize>>,
}

/// The settings of a text in the form of `java.util.Properties`: comments, continued lines, `=`, `:` or a blank after the name,
/// escapes.
#[must_use]
pub fn properties(text: &str) -> Properties {
    let mut entries = Vec::new();
    let mut malformed = Vec::new();
    for line in logical_lines(text, &mut malformed) {
        let Some(first) = line.first() else { continue };
        if matches!(first, Symbol { what: '#' | '!', escaped: false, .. }) {
            continue;
        }
        let is_blank = |s: &Symbol| !s.escaped && matches!(s.what, ' ' | '\t' | '\u{c}');
        let is_sign = |s: &Symbol| !s.escaped && matches!(s.what, '=' | ':');
        let name_len = line.iter().position(|s| is_blank(s) || is_sign(s)).unwrap_or(line.len());
        let mut value_at = name_len + line[name_len..].iter().take_while(|s| is_blank(s)).count();
        if line.get(value_at).is_some_and(is_sign) {
            value_at += 1;
            value_at += line[value_at..].iter().take_while(|s| is_blank(s)).count();
        }
        let (name, value) = (&line[..name_len], &line[value_at..]);
        let end = line.last().map_or(0, |s| s.at.end);
        let span = |part: &[Symbol]| match (part.first(), part.last()) {
            (Some(a), Some(b)) => a.at.start..b.at.end,
            _ => end..end,
        };
        let text = |part: &[Symbol]| part.iter().map(|s| s.what).collect::<String>();
        entries.push(Entry { name: text(name), value: text(value), name_span: span(name), value_span: span(value) });
    }
    Properties { entries, malformed }
}

/// A character with its place, and whether a backslash made it what it is.
#[derive(Clone, Debug)]
struct Symbol {
    what: char,
    at: Range<usize>,
    escaped: bool,
}

fn logical_lines(text: &str, malformed: &mut Vec<Range<usize>>) -> Vec<Vec<Symbol>> {
    let mut lines = Vec::new();
    let mut line: Vec<Symbol> = Vec::new();
    // Blanks at the start of a line, continued or not, belong to nothing.
    let (mut at_start, mut comment) = (true, false);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' | '\r' => {
                lines.push(std::mem::take(&mut line));
                (at_start, comment) = (true, false);
            }
            ' ' | '\t' | '\u{c}' if at_start => {}
            '\\' if !comment => {
                at_start = false;
                let Some((next_at, next)) = chars.next() else { break };
                let end = next_at + next.len_utf8();
                if matches!(next, '\n' | '\r') {
                    if next == '\r' {
                        chars.next_if(|(_, c)| *c == '\n');
                    }
                    at_start = true;
                    continue;
                }
                let (what, end) = match next {
                    't' => ('\t', end),
                    'n' => ('\n', end),
                    'r' => ('\r', end),
                    'f' => ('\u{c}', end),
                    'u' => match unicode(&text[end..]) {
                        Some((what, len)) => {
                            chars.nth(len - 1);
                            (what, end + len)
                        }
                        None => {
                            malformed.push(at..end);
                            ('u', end)
                        }
                    },
                    other => (other, end),
                };
                line.push(Symbol { what, at: at..end, escaped: true });
            }
            what => {
                comment |= line.is_empty() && matches!(what, '#' | '!');
                at_start = false;
                line.push(Symbol { what, at: at..at + what.len_utf8(), escaped: false });
            }
        }
    }
    lines.push(line);
    lines
}

/// The character whose number follows a `\u`, and how many bytes that takes. A character beyond the first 65,536 is written as two
/// halves; a half alone is none.
fn unicode(text: &str) -> Option<(char, usize)> {
    let first = text.get(..4).and_then(hex)?;
    let second = text.get(4..10).and_then(|t| t.strip_prefix("\\u")).and_then(hex);
    Some(match (first, second) {
        (0xD800..=0xDBFF, Some(second @ 0xDC00..=0xDFFF)) => {
            let number = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            (char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER), 10)
        }
        _ => (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4),
    })
}

/// A number of hexadecimal digits and nothing else, not even a sign.
fn hex(digits: &str) -> Option<u32> {
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        properties(text).entries.into_iter().map(|e| (e.name, e.value)).collect()
    }

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "# comment \\\n! another\n\n  a=1\nb : two words \nc three\nd=\\\n   con\\\n  tinued\ne\\=f=\\u0041\\t\\q\\ud83d\\ude00\\ud83d\ng\nlog.dirs=/a,\\\r\n /b\n";
        let expected = [
            ("a", "1"),
            ("b", "two words "),
            ("c", "three"),
            ("d", "continued"),
            ("e=f", "A\tq\u{1f600}\u{fffd}"),
            ("g", ""),
            ("log.dirs", "/a,/b"),
        ];
        assert_eq!(pairs(text), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_character_without_its_number_is_malformed() {
        let text = "a=\\u00zz\n# \\u00zz\nb=\\u+041 \\u12\n";
        let places: Vec<usize> = properties(text).malformed.into_iter().map(|at| at.start).collect();
        assert_eq!(places, [2, 20, 27]);
    }

    #[test]
    fn every_entry_knows_its_place() {
        let text = "x=1\nnum.partitions = many\n";
        let entry = &properties(text).entries[1];
        assert_eq!((&text[entry.name_span.clone()], &text[entry.value_span.clone()]), ("num.partitions", "many"));
    }
}
