//! Java's properties, the form of `server.properties`, with the place of every word, so that a mistake can be pointed at.
//!
//! Takes       a text.
//! Gives       `Entry`s, in the order of the text.
//! Holds       every text is some list of entries: there are no mistakes in this form.
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

/// The settings of a text in the form of `java.util.Properties`: comments, continued lines, `=`, `:` or a blank after the name,
/// escapes.
#[must_use]
pub fn properties(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for line in logical_lines(text) {
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
    entries
}

/// A character with its place, and whether a backslash made it what it is.
#[derive(Clone, Debug)]
struct Symbol {
    what: char,
    at: Range<usize>,
    escaped: bool,
}

fn logical_lines(text: &str) -> Vec<Vec<Symbol>> {
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
                    'u' => match text.get(end..end + 4).and_then(hex).and_then(char::from_u32) {
                        Some(what) => {
                            chars.nth(3);
                            (what, end + 4)
                        }
                        None => ('u', end),
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

/// A number of hexadecimal digits and nothing else, not even a sign.
fn hex(digits: &str) -> Option<u32> {
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        properties(text).into_iter().map(|e| (e.name, e.value)).collect()
    }

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "# comment \\\n! another\n\n  a=1\nb : two words \nc three\nd=\\\n   con\\\n  tinued\ne\\=f=\\u0041\\t\\q\\u+41\ng\nlog.dirs=/a,\\\r\n /b\n";
        let expected = [
            ("a", "1"),
            ("b", "two words "),
            ("c", "three"),
            ("d", "continued"),
            ("e=f", "A\tqu+41"),
            ("g", ""),
            ("log.dirs", "/a,/b"),
        ];
        assert_eq!(pairs(text), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn every_entry_knows_its_place() {
        let text = "x=1\nnum.partitions = many\n";
        let entry = &properties(text)[1];
        assert_eq!((&text[entry.name_span.clone()], &text[entry.value_span.clone()]), ("num.partitions", "many"));
    }
}
