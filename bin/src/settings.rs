//! Files of settings, with the place of every word, so that a mistake can be pointed at: TOML, and Java's properties.
//!
//! Takes       a file or a `--set`.
//! Gives       `Entry`s; `Gathered` settings; diagnostics.
//! Not here    which settings there are and what they may be (`ottla_core::config`), the form of properties (beside them).

use crate::failure::Failure;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use ottla_core::config::properties::{Entry, properties};
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
        // Some editors put a mark before the first letter, which is not part of it.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
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

#[cfg(test)]
mod tests {
    use super::*;

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
