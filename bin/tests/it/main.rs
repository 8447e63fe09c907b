//! The tests of the binary and of the house, in one test program.

mod cli;
mod clients;
mod conformance;
mod dump;
mod kill9;
mod process;
mod settings;
mod support;
mod tidy;
mod topics;

/// Past the test program's capture of output: whoever runs the tests shall see what was left out, also when all pass.
fn say_loudly(what: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{what}");
}
