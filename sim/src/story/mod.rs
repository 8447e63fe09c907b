//! Stories: fault scenarios as text with golden traces, which read as documentation.
//!
//! Read first  `parse.rs` for the text, `scenarios/README.md` for every command.

pub mod parse;
