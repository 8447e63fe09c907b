//! Files of settings, with the place of every word, so that a mistake can be pointed at: TOML, and Java's properties.
//!
//! Takes       a file or a `--set`.
//! Gives       `Entry`s; `Gathered` settings; diagnostics.
//! Holds       every mistake is reported, in the order of the text. A name that nobody knows is one, but for a server.properties,
//!             which Kafka, too, lets name what only a plugin knows: there it is said, and ignored.
//! Not here    which settings there are and what they may be (`ottla_core::config`), the form of properties (beside them).

use crate::failure::Failure;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use ottla_core::config::properties::{Entry, properties};
use ottla_core::config::{Inserted, Settings, broker_setting, current_name, foreign};
use ottla_net::address::{host_port, reachable};
use std::io::IsTerminal;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// What a setting of the command line is called.
const SET: &str = "--set";

/// A text that settings come from.
#[derive(Debug)]
pub(crate) struct Source {
    /// What it is called in diagnostics.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What the file and the flags say.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) settings: Settings,
    /// Everything as it was given, the last of a name last.
    given: Vec<(usize, Entry)>,
    sources: Vec<Source>,
    /// What was accepted and has no effect.
    pub(crate) ignored: Vec<Ignored>,
    mistakes: Vec<Mistake>,
}

/// A setting that changes nothing.
#[derive(Debug)]
pub(crate) struct Ignored {
    pub(crate) name: String,
    /// The file and the line, or --set.
    pub(crate) place: String,
    pub(crate) why: String,
}

/// What is wrong with a text, as it is shown.
#[derive(Debug)]
struct Mistake {
    /// The source and where in it.
    place: (usize, usize),
    text: String,
}

/// What becomes of a name that is no setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unknown {
    Refused,
    Ignored,
}

/// Read the file, if any, and the `NAME=VALUE`s of the command line. Mistakes are kept for `Gathered::check`.
pub(crate) fn gather(file: Option<&Path>, set: &[String]) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    if let Some(path) = file {
        gathered.take_file(path)?;
    }
    for one in set {
        let source = Source { name: SET.to_owned(), text: one.clone() };
        let Some((name, value)) = one.split_once('=') else {
            return Err(Failure::Usage(format!("'--set {one}' is not NAME=VALUE")));
        };
        let entry = Entry {
            name: name.trim().to_owned(),
            value: value.to_owned(),
            name_span: 0..name.len(),
            value_span: name.len() + 1..one.len(),
        };
        gathered.take(source, vec![entry], Unknown::Refused);
    }
    Ok(gathered)
}

impl Gathered {
    fn take_file(&mut self, path: &Path) -> Result<(), Failure> {
        let unreadable = |e: &dyn std::fmt::Display| Failure::Usage(format!("cannot read {}: {e}", path.display()));
        let mut bytes = std::fs::read(path).map_err(|e| unreadable(&e))?;
        // Some editors put a mark before the first letter, which is not part of it.
        if bytes.starts_with("\u{feff}".as_bytes()) {
            bytes.drain(.."\u{feff}".len());
        }
        let is_toml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) if is_toml => return Err(unreadable(&e.utf8_error())),
            // As Java reads it: Latin-1.
            Err(e) => e.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
        };
        let source = Source { name: path.display().to_string(), text };
        if is_toml {
            let entries = self.toml_entries(&source);
            self.take(source, entries, Unknown::Refused);
        } else {
            let read = properties(&source.text);
            for at in read.malformed {
                let why = "Malformed \\uxxxx encoding.";
                self.mistaken(&source, &at, "this is no character", why, Some("write \\\\ for a backslash"));
            }
            self.take(source, read.entries, Unknown::Ignored);
        }
        Ok(())
    }

    /// Nothing, or every mistake that was found so far.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        self.check_together();
        self.mistakes.sort_by_key(|m| m.place);
        if self.mistakes.is_empty() {
            return Ok(());
        }
        let all: Vec<&str> = self.mistakes.iter().map(|m| m.text.as_str()).collect();
        Err(Failure::Diagnostic(all.join("\n")))
    }

    /// What is wrong with the settings taken together.
    fn check_together(&mut self) {
        for wrong in self.settings.unservable() {
            // Where it was given last: that is what holds.
            let Some(given) = self.given.iter().rev().find(|(_, e)| e.name == wrong.name).cloned() else { continue };
            self.refuse(&given, &format!("setting {} is refused", wrong.name), &wrong.why, wrong.hint.as_deref());
        }
        // The command line may say otherwise than the file, but neither otherwise than itself.
        let is_id = |(_, e): &&(usize, Entry)| matches!(e.name.as_str(), "node.id" | "broker.id");
        let ids: Vec<(usize, Entry)> = self.given.iter().filter(is_id).cloned().collect();
        for (i, later) in ids.iter().enumerate() {
            let contradicts = |earlier: &&(usize, Entry)| {
                self.sources[earlier.0].name == self.sources[later.0].name
                    && earlier.1.name != later.1.name
                    && earlier.1.value.trim() != later.1.value.trim()
            };
            if ids[..i].iter().rfind(contradicts).is_some() {
                let title = format!("setting {} is refused", later.1.name);
                let why = "You must set `node.id` to the same value as `broker.id`.";
                self.refuse(later, &title, why, Some("keep node.id alone"));
            }
        }
    }

    fn mistaken(&mut self, source: &Source, span: &Range<usize>, title: &str, why: &str, hint: Option<&str>) {
        let place = (self.sources.len(), span.start);
        self.mistakes.push(Mistake { place, text: diagnosis(source, span, title, why, hint) });
    }

    /// Take the settings of a text, in their order. It becomes the last of the sources.
    fn take(&mut self, source: Source, entries: Vec<Entry>, unknown: Unknown) {
        let (mut line, mut counted) = (1, 0);
        for entry in &entries {
            let start = entry.name_span.start;
            line += source.text[counted..start].matches('\n').count();
            counted = start;
            match self.settings.insert(&entry.name, &entry.value) {
                Ok(Inserted::Used) => {}
                Ok(Inserted::Ignored(why)) => self.ignore(&source, line, entry, why.to_owned()),
                Err(e) if unknown == Unknown::Ignored && is_strange(&entry.name) && foreign::may_be_ignored(&entry.name) => {
                    let hint = e.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                    self.ignore(&source, line, entry, format!("{}{hint}", e.why));
                }
                Err(e) => {
                    let of_name = is_strange(&entry.name) || foreign::is_refused(&entry.name);
                    let span = if of_name { &entry.name_span } else { &entry.value_span };
                    let title = format!("setting {} is refused", entry.name);
                    self.mistaken(&source, span, &title, &e.why, e.hint.as_deref());
                }
            }
        }
        let index = self.sources.len();
        self.given.extend(entries.into_iter().map(|e| (index, e)));
        self.sources.push(source);
    }

    fn ignore(&mut self, source: &Source, line: usize, entry: &Entry, why: String) {
        let place = if source.name == SET { SET.to_owned() } else { format!("{}:{line}", source.name) };
        self.ignored.push(Ignored { name: entry.name.clone(), place, why });
    }

    fn last(&self, name: &str) -> Option<&(usize, Entry)> {
        self.given.iter().rev().find(|(_, e)| e.name == name && !e.value.trim().is_empty())
    }

    fn refuse(&mut self, (source, entry): &(usize, Entry), title: &str, why: &str, hint: Option<&str>) {
        let text = diagnosis(&self.sources[*source], &entry.value_span, title, why, hint);
        self.mistakes.push(Mistake { place: (*source, entry.value_span.start), text });
    }

    /// Refuse a setting, if it was given, for what it would not do here.
    pub(crate) fn refuse_given(&mut self, name: &str, why: &str) {
        if let Some(given) = self.last(name).cloned() {
            self.refuse(&given, &format!("setting {name} is refused"), why, None);
        }
    }

    /// The one data directory that `log.dirs` or `log.dir` names; none if that is a mistake, which is kept.
    pub(crate) fn data_dir(&mut self) -> Option<PathBuf> {
        let given = self.last("log.dirs").or_else(|| self.last("log.dir"))?.clone();
        let dirs: Vec<&str> = given.1.value.split(',').map(str::trim).filter(|d| !d.is_empty()).collect();
        if let [one] = dirs.as_slice() {
            return Some(PathBuf::from(one));
        }
        let why = "several data directories are not served yet";
        self.refuse(&given, "there is one data directory", why, Some("keep one, or name one with --data-dir"));
        None
    }

    /// HOST:PORT of the one listener for clients that `listeners` or `advertised.listeners` names; none if that is a mistake,
    /// which is kept.
    pub(crate) fn listener(&mut self, setting: &str) -> Option<String> {
        let given = self.last(setting)?.clone();
        let controllers: Vec<String> = self
            .last("controller.listener.names")
            .map_or(vec!["CONTROLLER".to_owned()], |(_, e)| e.value.split(',').map(|n| n.trim().to_owned()).collect());
        let mut clients = Vec::new();
        for listener in given.1.value.split(',').map(str::trim).filter(|l| !l.is_empty()) {
            let Some((name, address)) = listener.split_once("://") else {
                let title = format!("'{listener}' is no listener");
                self.refuse(&given, &title, "a listener is NAME://HOST:PORT", Some("write PLAINTEXT://HOST:PORT"));
                return None;
            };
            if controllers.iter().any(|c| c.eq_ignore_ascii_case(name)) {
                continue;
            }
            let protocol = self.protocol(name);
            if protocol != "PLAINTEXT" {
                let title = format!("listener {name} asks for {protocol}");
                let why = "only PLAINTEXT is served yet: nobody would be authenticated, and nothing encrypted";
                self.refuse(&given, &title, why, Some("listen with PLAINTEXT, on an address that only friends can reach"));
                return None;
            }
            let found = if setting == "listeners" { host_port(address) } else { reachable(address) };
            if let Err(why) = found {
                self.refuse(
                    &given,
                    &format!("listener '{listener}' is refused"),
                    &why.to_string(),
                    Some("write PLAINTEXT://HOST:PORT"),
                );
                return None;
            }
            clients.push(address);
        }
        match clients.as_slice() {
            [] => None,
            [one] => Some((*one).to_owned()),
            _ => {
                let why = "several listeners for clients are not served yet";
                self.refuse(&given, "there is one listener", why, Some("keep one, or name one with --listen"));
                None
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

impl Gathered {
    /// The settings of a TOML file: dotted keys, nested tables and quoted keys all mean the same.
    fn toml_entries(&mut self, source: &Source) -> Vec<Entry> {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        let mut entries = Vec::new();
        if errors.is_empty() {
            self.flatten("", table.get_ref(), source, &mut entries);
        }
        for e in errors {
            self.mistaken(source, &e.span().unwrap_or(0..0), "this is no TOML", e.message(), None);
        }
        // A table has its names in the order of the alphabet; of a name that stands there twice, the last counts.
        entries.sort_by_key(|e| e.name_span.start);
        entries
    }

    fn flatten(&mut self, prefix: &str, table: &DeTable<'_>, source: &Source, entries: &mut Vec<Entry>) {
        for (key, value) in table {
            let name = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            if let DeValue::Table(inner) = value.get_ref() {
                self.flatten(&name, inner, source, entries);
                continue;
            }
            let Some(text) = scalar(value.get_ref()) else {
                let why = "a setting is a text, a number, a truth value, or a list of those";
                self.mistaken(source, &value.span(), &format!("setting {name} is refused"), why, None);
                continue;
            };
            let name_span = dotted_key(&source.text, key.span());
            entries.push(Entry { name, value: text, name_span, value_span: value.span() });
        }
    }
}

/// Whether no table has the name.
fn is_strange(name: &str) -> bool {
    broker_setting(current_name(name)).is_none() && !foreign::is_known(name)
}

/// A mistake in a text of settings, with a pointer to the word.
fn diagnosis(source: &Source, span: &Range<usize>, title: &str, why: &str, hint: Option<&str>) -> String {
    let snippet = Snippet::source(source.text.as_str())
        .path(source.name.as_str())
        .annotation(AnnotationKind::Primary.span(span.clone()).label(why));
    let mut report = Level::ERROR.primary_title(title).element(snippet);
    if let Some(hint) = hint {
        report = report.element(Level::HELP.message(hint));
    }
    let renderer = if std::io::stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[report])
}

/// Where a dotted key stands, of which this is the last part.
fn dotted_key(text: &str, last: Range<usize>) -> Range<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '"' | '\'');
    let before = text.get(..last.start).unwrap_or_default();
    match before.strip_suffix('.') {
        Some(parts) => parts.trim_end_matches(is_part).len()..last.end,
        None => last,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_may_nest_or_quote() {
        let text =
            "node.id = 3\n\"log.retention.hours\" = 24\n[log]\ndirs = [\"/a\"]\n[log.segment]\nbytes = 1_048_576\n".to_owned();
        let source = Source { name: "x.toml".to_owned(), text };
        let pairs: Vec<(String, String)> =
            Gathered::default().toml_entries(&source).into_iter().map(|e| (e.name, e.value)).collect();
        let expected = [("node.id", "3"), ("log.retention.hours", "24"), ("log.dirs", "/a"), ("log.segment.bytes", "1048576")];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
}
