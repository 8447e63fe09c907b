//! `ottla sim list`: what the simulator knows by name. In short as a table, in full where names are given and in JSON.

use crate::cli::Output;
use crate::failure::Failure;
use crate::output;
use ottla_sim::campaign::{Campaign, STANDARD};
use ottla_sim::checks::{CHECKS, Excuse};
use ottla_sim::diagnostic::nearest;
use ottla_sim::plan::Kind;
use serde_json::{Map, Value, json};
use std::io::Write as _;

/// One thing with a name.
struct Item {
    /// fault, check, excuse or campaign.
    what: &'static str,
    name: &'static str,
    meaning: String,
    /// What else there is to say, by headings.
    more: Vec<(&'static str, Value)>,
}

pub(crate) fn run(output: Output, names: &[String]) -> Result<(), Failure> {
    let all = items();
    let fits = |item: &Item, name: &str| item.name == name || item.what == name || name.strip_suffix('s') == Some(item.what);
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|item| fits(item, name))) {
        let known = all.iter().map(|item| item.name).chain(["faults", "checks", "excuses", "campaigns"]);
        let hint = nearest(unknown, known).map_or_else(
            || "`ottla sim list` shows every name; faults, checks, excuses and campaigns stand for all of a kind".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        return Err(Failure::Usage(format!("nothing is called {unknown}: {hint}")));
    }
    let wanted: Vec<&Item> = all.iter().filter(|item| names.is_empty() || names.iter().any(|name| fits(item, name))).collect();
    match output {
        Output::Json => Ok(output::fact(output, "", &wanted.into_iter().map(object).collect())?),
        Output::Table if names.is_empty() => {
            let rows = wanted.into_iter().map(|item| vec![json!(item.what), json!(item.name), json!(item.meaning)]);
            Ok(output::rows(output, &["what", "name", "meaning"], rows.collect())?)
        }
        Output::Table => Ok(in_full(&wanted)?),
    }
}

fn items() -> Vec<Item> {
    let faults = Kind::ALL.iter().map(|kind| Item {
        what: "fault",
        name: kind.name(),
        meaning: kind.describe().to_owned(),
        more: Vec::new(),
    });
    let checks = CHECKS.iter().map(|check| Item {
        what: "check",
        name: check.name,
        meaning: check.statement.to_owned(),
        more: vec![("why", json!(check.why)), ("not checked", json!(check.not_checked)), ("stands for", json!(check.ids))],
    });
    let excuses = Excuse::ALL.iter().map(|excuse| Item {
        what: "excuse",
        name: excuse.name(),
        meaning: excuse.describe().to_owned(),
        more: vec![("excuses", json!(excuse.lets()))],
    });
    let campaigns = STANDARD.iter().filter_map(|(name, text)| {
        let campaign = Campaign::parse(name, text).ok()?;
        let more = vec![("at the most", json!(campaign.faults)), ("idle checks", json!(campaign.idle_checks))];
        Some(Item { what: "campaign", name, meaning: campaign.description, more })
    });
    faults.chain(checks).chain(excuses).chain(campaigns).collect()
}

fn object(item: &Item) -> Value {
    let mut object = Map::new();
    object.insert("what".to_owned(), json!(item.what));
    object.insert("name".to_owned(), json!(item.name));
    object.insert("meaning".to_owned(), json!(item.meaning));
    object.extend(item.more.iter().map(|(heading, value)| (heading.replace(' ', "_"), value.clone())));
    Value::Object(object)
}

fn in_full(items: &[&Item]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (n, item) in items.iter().enumerate() {
        let gap = if n == 0 { "" } else { "\n" };
        writeln!(out, "{gap}{} {}\n  {}", item.what, item.name, item.meaning)?;
        for (heading, value) in &item.more {
            let text = match value {
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
                Value::Object(all) => all.iter().map(|(k, v)| format!("{k} {v}")).collect::<Vec<_>>().join(", "),
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            if !text.is_empty() {
                writeln!(out, "  {heading}: {text}")?;
            }
        }
    }
    Ok(())
}
