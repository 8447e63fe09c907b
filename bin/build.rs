//! Tells the program from which commit it is built, for the lines that replay a seed. Without git it does not say.

use std::path::Path;
use std::process::Command;

/// What a seed's run depends on. Where one of these changes the program is built anew anyway.
const SOURCES: [&str; 11] = [
    "../Cargo.lock",
    "../Cargo.toml",
    "../core/Cargo.toml",
    "../core/src",
    "../net/Cargo.toml",
    "../net/src",
    "../scenarios/campaigns",
    "../sim/Cargo.toml",
    "../sim/src",
    "Cargo.toml",
    "src",
];

fn main() {
    let head = ["HEAD", "logs/HEAD"].into_iter().filter_map(|file| git(&["rev-parse", "--git-path", file]));
    for file in head.chain(SOURCES.map(String::from)).chain(["build.rs".into()]) {
        if Path::new(&file).exists() {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return };
    let changed = git(&[&["status", "--porcelain", "--untracked-files=no", "--"][..], &SOURCES[..]].concat());
    let dirty = if changed.is_none_or(|changed| changed.is_empty()) { "" } else { "-dirty" };
    println!("cargo:rustc-env=OTTLA_COMMIT={commit}{dirty}");
}

/// What git says, if there is one, and a repository.
fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok().filter(|out| out.status.success())?;
    String::from_utf8(out.stdout).ok().map(|text| text.trim().to_owned())
}
