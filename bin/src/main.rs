//! The `ottla` binary: flags, commands, output.

fn main() {}
