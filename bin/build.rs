//! Tells the program from which commit it is built, for the lines that replay a seed. Without git it does not say.

use std::path::Path;
use std::process::Command;

fn main() {
    for file in ["../.git/HEAD", "../.git/logs/HEAD"] {
        if Path::new(file).exists() {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    let said = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    if let Some(commit) = said.ok().filter(|out| out.status.success()).and_then(|out| String::from_utf8(out.stdout).ok()) {
        println!("cargo:rustc-env=OTTLA_COMMIT={}", commit.trim());
    }
}
