//! Stories: fault scenarios as text with golden traces, which read as documentation.
//!
//! Takes       the text of a story.
//! Gives       the text again, with the traces that its commands really produced; or the first mistake in it.
//! Read first  `parse.rs` for the text, `scenarios/README.md` for every command.

mod asks;
pub mod commands;
mod difference;
mod json;
pub mod parse;
mod run;
mod text;
mod world;

pub use difference::{Hunk, differences};
pub use json::object_of_case;
pub use text::of_case;
pub(crate) use world::{PATIENCE_MS, blank as plain_world};

use crate::case::Case;
use crate::diagnostic::Diagnostic;

/// Tell a story. The result equals `text` if and only if everything happened as written.
pub fn tell(text: &str) -> Result<String, Diagnostic> {
    tell_with(text, None)
}

/// Tell a story of nodes in which this bug is planted.
pub fn tell_with(text: &str, planted: Option<&str>) -> Result<String, Diagnostic> {
    let story = parse::parse(text)?;
    let traces = run::run(&story, planted)?;
    Ok(parse::render(&story, &traces))
}

/// The case of a story that begins with `world`; nothing is run.
pub fn case(text: &str) -> Result<Case, Diagnostic> {
    run::read(&parse::parse(text)?)
}
