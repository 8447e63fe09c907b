//! Tables for people and JSON for programs.

use crate::cli::Output;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use std::io::Write;

/// Print rows under headings: a table, or an array of objects with the same names in lower case.
pub(crate) fn rows(output: Output, headings: &[&str], rows: Vec<Vec<Value>>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        Output::Json => {
            let named = rows.into_iter().map(|row| {
                let names = headings.iter().map(|h| h.to_lowercase().replace(' ', "_"));
                Value::Object(names.zip(row).collect())
            });
            writeln!(out, "{}", Value::Array(named.collect()))
        }
        Output::Table => {
            let mut table = Table::new();
            table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
            table.set_header(headings.iter().map(|h| h.to_uppercase()));
            for row in rows {
                table.add_row(row.iter().map(cell));
            }
            for line in table.to_string().lines() {
                writeln!(out, "{}", line.trim())?;
            }
            Ok(())
        }
    }
}

/// Print one fact: a sentence, or an object.
pub(crate) fn fact(output: Output, sentence: &str, object: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        Output::Json => writeln!(out, "{object}"),
        Output::Table => writeln!(out, "{sentence}"),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// So many of something: `1 record`, `2 records`.
pub(crate) fn count(n: impl std::fmt::Display, what: &str) -> String {
    let n = n.to_string();
    let plural = if n == "1" { "" } else { "s" };
    format!("{n} {what}{plural}")
}
