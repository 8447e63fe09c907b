//! The house rules that a compiler does not know, as a test: what must stay absent, and what must be indexed.
//!
//! Takes       the source tree as it lies on disk.
//! Gives       every violation at once, each with its file, its line and the rule's reason.
//! Not here    formatting (rustfmt), types and methods banned everywhere (clippy.toml).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Words that may not stand in the code of a crate, and why. Comments are free; so are tests, where a test needs them.
struct Ban {
    /// Folders, as prefixes of the path.
    under: &'static [&'static str],
    word: &'static str,
    why: &'static str,
}

const PURE: &[&str] = &["core/src/", "sim/src/"];
const CORE: &[&str] = &["core/src/"];
const ALL: &[&str] = &["core/src/", "sim/src/", "net/src/", "bin/src/"];

const BANS: &[Ban] = &[
    Ban { under: CORE, word: "std::fs", why: "the core does no IO: ask for it with an Effect" },
    Ban { under: CORE, word: "std::net", why: "the core does no IO" },
    Ban { under: CORE, word: "std::thread", why: "the core is one machine in one thread" },
    Ban { under: CORE, word: "std::sync", why: "the core shares nothing between threads" },
    Ban { under: CORE, word: "std::env", why: "what the core knows is handed in" },
    Ban { under: CORE, word: "tracing", why: "the core says what it has to say with Effect::Note" },
    Ban { under: CORE, word: "println!", why: "the core says what it has to say with Effect::Note" },
    Ban { under: CORE, word: "async fn", why: "waiting is a state of a machine, not of a task" },
    Ban { under: CORE, word: ".await", why: "waiting is a state of a machine, not of a task" },
    Ban { under: PURE, word: "tokio", why: "worlds run without a runtime" },
    Ban { under: PURE, word: "Instant::now", why: "time is handed in: one seed, one run" },
    Ban { under: PURE, word: "SystemTime", why: "time is handed in: one seed, one run" },
    Ban { under: PURE, word: "HashMap", why: "random iteration order: two runs of one seed would differ" },
    Ban { under: PURE, word: "HashSet", why: "random iteration order: two runs of one seed would differ" },
    Ban { under: PURE, word: "RandomState", why: "random iteration order: two runs of one seed would differ" },
    Ban { under: PURE, word: "unsafe", why: "nothing in a pure crate needs it" },
    Ban { under: PURE, word: "static mut", why: "two nodes in one process would share it" },
    Ban { under: PURE, word: "thread_local", why: "two nodes in one process would share it" },
    Ban { under: ALL, word: "#[allow(", why: "use #[expect(.., reason = ..)], which notices when it is not needed any more" },
    Ban { under: ALL, word: "todo!", why: "what is not there says so to its user, not to the next reader" },
    Ban { under: ALL, word: "unimplemented!", why: "what is not there says so to its user" },
    Ban { under: ALL, word: "dbg!", why: "left over" },
    Ban { under: ALL, word: "#[ignore", why: "a test that does not run is not a test" },
    Ban { under: ALL, word: "thread::sleep", why: "wait for a condition with a deadline" },
];

/// Files that may break a ban, and why.
const EXEMPT: &[(&str, &str, &str)] = &[
    ("net/src/disk/real.rs", "thread::sleep", "nobody tells when the system has handles of files again"),
    ("sim/src/runner.rs", "thread_local", "a panic hook is the process's; what it keeps belongs to the world on its thread"),
];

/// Strings that betray the machine on which something was written. Built from parts, so that this file passes its own rule.
fn machine_paths() -> Vec<String> {
    ["work", "root", "home"].iter().map(|d| format!("/{d}/")).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bin/ lies in the workspace").to_path_buf()
}

/// Every file of the tree with its path relative to the root, but for build output and version control.
fn files() -> Vec<(String, PathBuf)> {
    fn walk(dir: &Path, root: &Path, found: &mut Vec<(String, PathBuf)>) {
        let mut entries: Vec<_> = fs::read_dir(dir).expect("readable").map(|e| e.expect("readable").path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git", "node_modules", "corpus", "artifacts"].contains(&name.as_str()) {
                    walk(&path, root, found);
                }
            } else {
                let relative = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
                found.push((relative, path));
            }
        }
    }
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &root, &mut found);
    found
}

fn texts(suffix: &str) -> Vec<(String, String)> {
    files().into_iter().filter(|(p, _)| p.ends_with(suffix)).filter_map(|(p, f)| Some((p, fs::read_to_string(f).ok()?))).collect()
}

/// The code lines of a source file with their numbers: no comments, and nothing from `#[cfg(test)]` + `mod tests` on.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod ").map_or(text.len(), |at| at);
    text[..tests]
        .lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l.split("//").next().unwrap_or("")))
        .filter(|(_, l)| !l.trim().is_empty())
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.ends_with("/testkit.rs")
}

/// Whether a line has the word, and not only as the beginning of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let goes_on = |at: usize| line[at + word.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| !word.ends_with(char::is_alphanumeric) || !goes_on(at))
}

fn report(violations: &[String]) {
    let mut all = String::new();
    for v in violations {
        let _ = writeln!(all, "  {v}");
    }
    assert!(violations.is_empty(), "{} violation(s) of the house rules:\n{all}", violations.len());
}

/// What lies in the root, beside the crates and the folders that the README names: what a newcomer sees first.
const ROOT: &[&str] = &[
    ".git",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "STYLE.md",
    "clippy.toml",
    "rustfmt.toml",
];

#[test]
fn no_file_lies_about_in_the_root() {
    let here = fs::read_dir(root()).expect("readable").map(|e| e.expect("readable"));
    let files = here.filter(|e| e.path().is_file()).map(|e| e.file_name().to_string_lossy().into_owned());
    let left: Vec<String> = files
        .filter(|f| !ROOT.contains(&f.as_str()))
        .map(|f| format!("{f}: not one of the files that belong into the root"))
        .collect();
    report(&left);
}

#[test]
fn banned_words_stay_absent() {
    let mut bad = Vec::new();
    for (path, text) in texts(".rs") {
        if is_test_file(&path) {
            continue;
        }
        for ban in BANS.iter().filter(|b| b.under.iter().any(|u| path.starts_with(u))) {
            if EXEMPT.iter().any(|(p, w, _)| *p == path && *w == ban.word) {
                continue;
            }
            for (line, _) in code(&text).filter(|(_, l)| has_word(l, ban.word)) {
                bad.push(format!("{path}:{line}: `{}`: {}", ban.word, ban.why));
            }
        }
    }
    report(&bad);
}

#[test]
fn every_module_says_what_it_is() {
    let bad: Vec<String> = texts(".rs")
        .into_iter()
        .filter(|(path, text)| !text.starts_with("//!") && !path.contains("fuzz/"))
        .map(|(path, _)| format!("{path}: begins without a `//!` header"))
        .collect();
    report(&bad);
}

/// A file that no `mod` line names is compiled by nobody.
#[test]
fn no_file_is_dead() {
    let sources = texts(".rs");
    let mut bad = Vec::new();
    for (path, _) in sources.iter().filter(|(p, _)| p.contains("/src/") && !p.contains("/src/bin/") && !p.contains("/fuzz/")) {
        let (dir, file) = path.rsplit_once('/').expect("has a folder");
        let stem = file.trim_end_matches(".rs");
        if ["lib", "main"].contains(&stem) {
            continue;
        }
        let (name, parents) = if stem == "mod" {
            let (up, name) = dir.rsplit_once('/').expect("has a folder");
            (name, vec![format!("{up}/mod.rs"), format!("{up}/lib.rs"), format!("{up}/main.rs"), format!("{up}.rs")])
        } else {
            (stem, vec![format!("{dir}/mod.rs"), format!("{dir}/lib.rs"), format!("{dir}/main.rs"), format!("{dir}.rs")])
        };
        let line = format!("mod {name};");
        if !sources.iter().any(|(p, t)| parents.contains(p) && t.contains(&line)) {
            bad.push(format!("{path}: no `{line}` names it"));
        }
    }
    report(&bad);
}

#[test]
fn no_file_betrays_a_machine() {
    let paths = machine_paths();
    let mut bad = Vec::new();
    for (path, file) in files() {
        if path == ".git" || path.ends_with("Cargo.lock") || path.ends_with(".bin") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for (i, line) in text.lines().enumerate() {
            if paths.iter().any(|p| {
                line.match_indices(p.as_str()).any(|(at, _)| at == 0 || !line.as_bytes()[at - 1].is_ascii_alphanumeric())
            }) {
                bad.push(format!("{path}:{}: a path of some machine: {}", i + 1, line.trim()));
            }
        }
    }
    report(&bad);
}

/// Every finding, story and campaign is in its folder's README, and everything that a README names is there.
#[test]
fn findings_and_scenarios_are_indexed() {
    let mut bad = Vec::new();
    for (folder, suffixes) in [("findings", &[".md"][..]), ("scenarios", &[".story", ".toml"][..])] {
        let index = fs::read_to_string(root().join(folder).join("README.md")).unwrap_or_default();
        let here: BTreeSet<String> = files()
            .into_iter()
            .filter_map(|(p, _)| p.strip_prefix(&format!("{folder}/")).map(str::to_owned))
            .filter(|p| suffixes.iter().any(|s| p.ends_with(s)) && p != "README.md")
            .collect();
        bad.extend(here.iter().filter(|p| !index.contains(p.as_str())).map(|p| format!("{folder}/README.md does not name {p}")));
        for name in index.split(['(', ')', '`', ' ', '\n', '|']).filter(|w| suffixes.iter().any(|s| w.ends_with(s))) {
            let name = name.strip_prefix(&format!("{folder}/")).unwrap_or(name);
            if !name.contains("://") && !name.contains('*') && name != "README.md" && !here.contains(name) && !name.contains("..")
            {
                bad.push(format!("{folder}/README.md names {name}, which is not there"));
            }
        }
    }
    report(&bad);
}

/// The arrows of ARCHITECTURE.md: `core` knows nobody, `sim` and `net` know only `core`.
#[test]
fn dependencies_point_one_way() {
    let mut bad = Vec::new();
    for (krate, forbidden) in [
        ("core", &["ottla-", "tokio", "tracing", "rustix", "hyper", "getrandom"][..]),
        ("sim", &["ottla-net", "tokio", "rustix", "hyper", "getrandom"][..]),
        ("net", &["ottla-sim"][..]),
    ] {
        let manifest = fs::read_to_string(root().join(krate).join("Cargo.toml")).expect("a manifest");
        let section = manifest.split("[dependencies]").nth(1).and_then(|s| s.split("\n[").next()).unwrap_or("");
        for line in section.lines() {
            if let Some(word) = forbidden.iter().find(|f| line.starts_with(**f)) {
                bad.push(format!("{krate}/Cargo.toml: `{line}`: {krate} must not depend on {word}"));
            }
        }
    }
    report(&bad);
}

/// A ratchet: a file that grew past this is two things in one room. Generated tables and tests are exempt.
#[test]
fn no_file_is_everyones() {
    const LINES_MAX: usize = 900;
    let bad: Vec<String> = texts(".rs")
        .into_iter()
        .filter(|(path, _)| path.contains("/src/") && !is_test_file(path))
        .map(|(path, text)| (path, code(&text).count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines of code, more than {LINES_MAX}: split it by the data owned"))
        .collect();
    report(&bad);
}
