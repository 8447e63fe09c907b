//! Files of settings: TOML and Java's properties, with the place of every word, so that a mistake can be pointed at.
//!
//! Takes       a file or a `--set`.
//! Gives       `Entry`s; `Gathered` settings; diagnostics.
//! Not here    which settings there are and what they may be (`ottla_core::config`).

use crate::failure::Failure;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use ottla_core::config::{Inserted, Settings};
use std::io::IsTerminal;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// A text that settings come from.
#[derive(Debug)]
pub(crate) struct Source {
    /// What it is called in diagnostics.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// One setting, where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: String,
    name_span: Range<usize>,
    value_span: Range<usize>,
}

/// What the file and the flags say.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) settings: Settings,
    /// Everything as it was given, the last of a name last.
    given: Vec<(usize, Entry)>,
    sources: Vec<Source>,
    /// What was accepted and has no effect, and why.
    pub(crate) ignored: Vec<(String, &'static str)>,
}

/// Read the file, if any, and the `NAME=VALUE`s of the command line.
pub(crate) fn gather(file: Option<&Path>, set: &[String]) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("cannot read {}: {e}", path.display())))?;
        let source = Source { name: path.display().to_string(), text };
        let is_toml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        let entries = if is_toml { toml_entries(&source)? } else { properties(&source.text) };
        gathered.take(source, entries)?;
    }
    for one in set {
        let source = Source { name: "--set".to_owned(), text: one.clone() };
        let Some((name, value)) = one.split_once('=') else {
            return Err(Failure::Usage(format!("'--set {one}' is not NAME=VALUE")));
        };
        let entry = Entry {
            name: name.trim().to_owned(),
            value: value.to_owned(),
            name_span: 0..name.len(),
            value_span: name.len() + 1..one.len(),
        };
        gathered.take(source, vec![entry])?;
    }
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, source: Source, entries: Vec<Entry>) -> Result<(), Failure> {
        for entry in &entries {
            match self.settings.insert(&entry.name, &entry.value) {
                Ok(Inserted::Used) => {}
                Ok(Inserted::Ignored(why)) => self.ignored.push((entry.name.clone(), why)),
                Err(e) => {
                    let unknown = ottla_core::config::broker_setting(&entry.name).is_none() && entry.name != "broker.id";
                    let span = if unknown { &entry.name_span } else { &entry.value_span };
                    let title = format!("setting {} is refused", entry.name);
                    return Err(diagnose(&source, span, &title, &e.why, e.hint.as_deref()));
                }
            }
        }
        let index = self.sources.len();
        self.given.extend(entries.into_iter().map(|e| (index, e)));
        self.sources.push(source);
        Ok(())
    }

    fn last(&self, name: &str) -> Option<&(usize, Entry)> {
        self.given.iter().rev().find(|(_, e)| e.name == name && !e.value.trim().is_empty())
    }

    fn refuse(&self, (source, entry): &(usize, Entry), title: &str, why: &str, hint: &str) -> Failure {
        diagnose(&self.sources[*source], &entry.value_span, title, why, Some(hint))
    }

    /// The one data directory that `log.dirs` or `log.dir` names.
    pub(crate) fn data_dir(&self) -> Result<Option<PathBuf>, Failure> {
        let Some(given) = self.last("log.dirs").or_else(|| self.last("log.dir")) else { return Ok(None) };
        let dirs: Vec<&str> = given.1.value.split(',').map(str::trim).filter(|d| !d.is_empty()).collect();
        match dirs.as_slice() {
            [one] => Ok(Some(PathBuf::from(one))),
            _ => {
                let why = "several data directories are not served yet";
                Err(self.refuse(given, "there is one data directory", why, "keep one, or name one with --data-dir"))
            }
        }
    }

    /// HOST:PORT of the one listener for clients that `listeners` or `advertised.listeners` names.
    pub(crate) fn listener(&self, setting: &str) -> Result<Option<String>, Failure> {
        let Some(given) = self.last(setting) else { return Ok(None) };
        let controllers: Vec<&str> = self
            .last("controller.listener.names")
            .map_or(vec!["CONTROLLER"], |(_, e)| e.value.split(',').map(str::trim).collect());
        let mut clients = Vec::new();
        for listener in given.1.value.split(',').map(str::trim).filter(|l| !l.is_empty()) {
            let Some((name, address)) = listener.split_once("://") else {
                let why = "a listener is NAME://HOST:PORT";
                return Err(self.refuse(given, &format!("'{listener}' is no listener"), why, "write PLAINTEXT://HOST:PORT"));
            };
            if controllers.iter().any(|c| c.eq_ignore_ascii_case(name)) {
                continue;
            }
            let protocol = self.protocol(name);
            if protocol != "PLAINTEXT" {
                let title = format!("listener {name} asks for {protocol}");
                let why = "only PLAINTEXT is served yet: nobody would be authenticated, and nothing encrypted";
                return Err(self.refuse(given, &title, why, "listen with PLAINTEXT, on an address that only friends can reach"));
            }
            clients.push(address);
        }
        match clients.as_slice() {
            [] => Ok(None),
            [one] if one.starts_with(':') && setting == "listeners" => Ok(Some(format!("0.0.0.0{one}"))),
            [one] => Ok(Some((*one).to_owned())),
            _ => {
                let why = "several listeners for clients are not served yet";
                Err(self.refuse(given, "there is one listener", why, "keep one, or name one with --listen"))
            }
        }
    }

    /// What a listener speaks: by the map, else by its own name.
    fn protocol(&self, name: &str) -> String {
        let mapped = self.last("listener.security.protocol.map").and_then(|(_, e)| {
            let pairs = e.value.split(',').filter_map(|pair| pair.split_once(':'));
            pairs.into_iter().find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, p)| p.trim().to_owned())
        });
        mapped.unwrap_or_else(|| name.to_owned()).to_uppercase()
    }
}

/// A mistake in a text of settings, with a pointer to the word.
fn diagnose(source: &Source, span: &Range<usize>, title: &str, why: &str, hint: Option<&str>) -> Failure {
    let snippet = Snippet::source(source.text.as_str())
        .path(source.name.as_str())
        .annotation(AnnotationKind::Primary.span(span.clone()).label(why));
    let mut report = Level::ERROR.primary_title(title).element(snippet);
    if let Some(hint) = hint {
        report = report.element(Level::HELP.message(hint));
    }
    let renderer = if std::io::stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
    Failure::Diagnostic(renderer.render(&[report]))
}

/// The settings of a TOML file: dotted keys, nested tables and quoted keys all mean the same.
fn toml_entries(source: &Source) -> Result<Vec<Entry>, Failure> {
    let table = DeTable::parse(&source.text).map_err(|e| {
        let span = e.span().unwrap_or(0..0);
        diagnose(source, &span, "this is no TOML", e.message(), None)
    })?;
    let mut entries = Vec::new();
    flatten("", table.get_ref(), source, &mut entries)?;
    Ok(entries)
}

fn flatten(prefix: &str, table: &DeTable<'_>, source: &Source, entries: &mut Vec<Entry>) -> Result<(), Failure> {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        if let DeValue::Table(inner) = value.get_ref() {
            flatten(&name, inner, source, entries)?;
            continue;
        }
        let Some(text) = scalar(value.get_ref()) else {
            let why = "a setting is a text, a number, a truth value, or a list of those";
            return Err(diagnose(source, &value.span(), &format!("setting {name} is refused"), why, None));
        };
        entries.push(Entry { name, value: text, name_span: key.span(), value_span: value.span() });
    }
    Ok(())
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(s) => Some(s.to_string()),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(|i| i.to_string()),
        DeValue::Float(f) => Some(f.as_str().to_owned()),
        DeValue::Boolean(b) => Some(b.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|i| scalar(i.get_ref())).collect();
            items.map(|i| i.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// The settings of a text in the form of `java.util.Properties`: comments, continued lines, `=`, `:` or a blank after the name,
/// escapes.
pub(crate) fn properties(text: &str) -> Vec<Entry> {
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
                    'u' => match text.get(end..end + 4).and_then(|h| u32::from_str_radix(h, 16).ok()).and_then(char::from_u32) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        properties(text).into_iter().map(|e| (e.name, e.value)).collect()
    }

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "# comment \\\n! another\n\n  a=1\nb : two words \nc three\nd=\\\n   con\\\n  tinued\ne\\=f=\\u0041\\t\\q\ng\nlog.dirs=/a,\\\r\n /b\n";
        let expected = [
            ("a", "1"),
            ("b", "two words "),
            ("c", "three"),
            ("d", "continued"),
            ("e=f", "A\tq"),
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

    #[test]
    fn toml_may_nest_or_quote() {
        let text =
            "node.id = 3\n\"log.retention.hours\" = 24\n[log]\ndirs = [\"/a\"]\n[log.segment]\nbytes = 1_048_576\n".to_owned();
        let source = Source { name: "x.toml".to_owned(), text };
        let mut pairs: Vec<(String, String)> =
            toml_entries(&source).expect("it is TOML").into_iter().map(|e| (e.name, e.value)).collect();
        pairs.sort();
        let expected = [("log.dirs", "/a"), ("log.retention.hours", "24"), ("log.segment.bytes", "1048576"), ("node.id", "3")];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
}
