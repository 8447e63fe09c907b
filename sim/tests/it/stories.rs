//! Every story of `scenarios/` is told, and its traces compared. `REWRITE=1` writes them instead.

use ottla_sim::checks::Excuse;
use ottla_sim::plan::Kind;
use ottla_sim::story::{self, commands};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("sim/ lies in the workspace").join("scenarios")
}

pub(crate) fn stories() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("scenarios/ is there").map(|e| e.expect("readable").path());
    let mut found: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|x| x == "story")).collect();
    found.sort();
    found
}

#[test]
fn every_story_is_told_as_written() {
    let rewrite = std::env::var_os("REWRITE").is_some();
    let mut wrong = Vec::new();
    let all = stories();
    assert!(all.len() >= 25, "only {} stories: is this the right folder?", all.len());
    for path in all {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("readable");
        match story::tell(&text) {
            Err(mistake) => wrong.push(mistake.render(&name, &text)),
            Ok(told) if told.contains("REFUTED ") => {
                wrong.push(format!("{name} refutes a claim: it tells of a bug that is not mended:\n{told}"));
            }
            Ok(told) if told == text => {}
            Ok(told) if rewrite => fs::write(&path, told).expect("writable"),
            Ok(told) => {
                let hunks = story::differences(&text, &told);
                wrong.push(format!("{name} came out otherwise (REWRITE=1 accepts it):\n{hunks:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} stories are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// The same text gives the same traces: nothing but the text decides.
#[test]
fn a_story_told_twice_is_the_same() {
    for path in stories().into_iter().take(5) {
        let text = fs::read_to_string(&path).expect("readable");
        assert_eq!(story::tell(&text), story::tell(&text), "{}", path.display());
    }
}

#[test]
fn every_command_is_documented() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("scenarios/README.md is there");
    for entry in commands::TABLE {
        assert!(readme.contains(&format!("`{}`", entry.usage)), "scenarios/README.md lacks `{}`", entry.usage);
        for (option, meaning) in entry.options {
            assert!(
                readme.contains(&format!("- `{option}`: {meaning}")),
                "scenarios/README.md lacks `{option}` of {}",
                entry.verb
            );
        }
    }
}

#[test]
fn mistakes_are_shown_with_the_word() {
    let cases = [
        ("node\nprodcue orders/0 a\n----\n", "did you mean `produce`?"),
        ("node\nproduce orders/0 a ackz=all\n----\n", "did you mean `acks`?"),
        ("node\nproduce orders a\n----\n", "write TOPIC/NUMBER"),
        ("produce orders/0 a\n----\n", "a story begins with `node`"),
        ("node retention.sm=1\n----\n", "retention"),
        ("node\nfault sink-error\n----\n", "did you mean `sync-error`?"),
        ("node\ntopic orders\nfault bit-flip in=order/0\n----\n", "in=order/0\n  |                   ^^^^^^^"),
        ("node\ntopic orders\nfault bit-flip in=order/0\n----\n", "did you mean `orders/0`?"),
        ("node\ntopic orders\nfault lost-file on=log-starts in=orders/0\n----\n", "a partition has no such file"),
        ("world\ntopic t0 partitions=2\nat 10ms lost-file in=t0/2\nplay\n----\n", "there is no partition `t0/2` here"),
        ("node\nrun 10\n----\n", "write 10ms"),
        ("world\nproduce t0/0 a\n----\n", "in a world: at TIME WHAT"),
        ("node\nplay\n----\n", "a command of stories that begin with `world`"),
        ("world\nat 10ms power-los\nplay\n----\n", "did you mean `power-loss`?"),
        ("world\nat 10ms reset client=nobody\nplay\n----\n", "there is no client `nobody`"),
        ("world\nat 10ms produce t0/0\nplay\n----\n", "there is no producer"),
        ("world\nproducer p topics=t0\nplay\n----\n", "there is no topic `t0`"),
        ("world keeps=all\nplay\n----\n", "one of: nothing, everything, prefix, any"),
        ("world call=1us-2us\nplay\n----\n", "write 10us..2ms"),
        ("world\nplay\nplay\n----\n", "`play` is the last command"),
        ("world\ntopic t0 retention.ms=soon\nplay\n----\n", "retention.ms=soon\n  |                       ^^^^"),
        ("world\ntopic t0 retention.sm=1\nplay\n----\n", "did you mean `retention.ms`?"),
        ("world\ntopic t0 min.compaction.lag.ms=9 max.compaction.lag.ms=3\nplay\n----\n", "conflict topic config setting"),
        ("world\ntopic t0 partitions=0\nplay\n----\n", "a topic has one partition at least"),
        ("world\ntopic t/0\nplay\n----\n", "Topic name is invalid"),
        ("world log.cleaner.threads=2\nplay\n----\n", "log.cleaner.threads changes nothing here"),
        ("node\nnode\n----\n", "another `node` begins another block"),
        ("node seed=1 seed=2\n----\n", "`seed` is given twice"),
        ("world\ntopic t0 partitions=1 partitions=2\nplay\n----\n", "partitions=2\n  |                       ^^^^^^^^^^^^"),
        ("node\ntopic t client=\n----\n", "client=\n  |         ^^^^^^^"),
        ("node\nstart\n----\n", "the broker is up already"),
        ("node\ncrash\ncrash\n----\n", "3 | crash\n  | ^^^^^"),
        ("node\nshutdown\nshutdown\n----\n", "the broker is down already"),
        ("node\nfault bit-flip on=directory\n----\n", "`bit-flip` strikes no directory"),
        ("world\nat 10ms sync-dir-error on=directory\nplay\n----\n", "on=directory\n  |                           ^^^^^^^^^"),
        ("world\nat 10ms delay by=-5ms\nplay\n----\n", "`delay` makes nobody faster"),
        ("node\nfault sink-error foo=1\n----\n", "did you mean `sync-error`?"),
        ("world\nat 10ms power-los lose=any\nplay\n----\n", "power-los lose=any\n  |         ^^^^^^^^^"),
        ("world\nat 10ms power-loss lose=any\nplay\n----\n", "it takes: down, keeps, keeps-names"),
        ("world\nat 10ms power-loss keep=any\nplay\n----\n", "did you mean `keeps`?"),
        ("world\nat 1ms produc t0/0\nplay\n----\n", "produc t0/0\n  |        ^^^^^^"),
        ("world\nat 1ms produc t0/0\nplay\n----\n", "did you mean `produce`?"),
        ("world\ntopic t0\nat 9ms configure t0 flush.ms=1 flush.messages=1\nplay\n----\n", "one setting at a time"),
        (
            "world\ntopic t0\nproducer p\nat 1ms produce t0/0 records=0\nplay\n----\n",
            "records=0\n  |                             ^",
        ),
        ("world\ntopic t0\nproducer p\nat 1ms produce t0/0 t0/0\nplay\n----\n", "t0/0\n  |                     ^^^^"),
        ("world\nproducer p in-flight=0\nplay\n----\n", "in-flight=0\n  |                      ^"),
        ("world\nlibrary l in-flight=6\nplay\n----\n", "from 1 to 5"),
        ("world power-loss-at=0\nplay\n----\n", "`0` is out of bounds here"),
        ("world through-bytes=101\nplay\n----\n", "from 0 to 100"),
        ("world faults-for=31d\nplay\n----\n", "30d at the most"),
        ("world\ntopic t0 partitions=1001\nplay\n----\n", "1000 at the most"),
        ("world\nat 1ms create t0 partitions=2000000000\nplay\n----\n", "1000 at the most"),
        ("world\ntopic t0\nproducer p\nat 1ms produce t0/0 records=4000000000\nplay\n----\n", "from 1 to 100000"),
        ("world\ntopic t0\nproducer p\nat 1ms produce t0/0 size=4000000000\nplay\n----\n", "from 0 to 1048576"),
        ("world\nproducer p records=100 size=1000000\nplay\n----\n", "too much at once"),
        ("world\nhostile h frames=4000000000\nplay\n----\n", "from 0 to 1000000"),
        ("world\nproducer \"\"\nplay\n----\n", "a client has a name"),
        ("node\ntopic o\nproduce o/0 a b size=8388609\n----\n", "from 0 to 8388608"),
        ("node\nrun 300000d\n----\n", "3650d at the most"),
    ];
    for (text, hint) in cases {
        let shown = story::tell(text).expect_err(text).render("x.story", text);
        assert!(shown.contains(hint), "{text}: {shown}");
    }
}

/// Padding is no width of a format, which ends at 65535.
#[test]
fn a_padded_value_is_as_large_as_it_says() {
    let text = "node config=default\ntopic o max.message.bytes=2000000\nproduce o/0 a size=65536\nproduce o/0 b size=1000000\nfetch o/0 max-bytes=65700\nfetch o/0 from=1\n----\n";
    let told = story::tell(text).map_err(|mistake| mistake.render("x.story", text)).expect("it is told");
    assert!(told.contains("0=a..(65536)") && told.contains("1=b..(1000000)"), "{told}");
}

/// The course of a world tells every fault that struck, and each that never did.
#[test]
fn what_struck_is_told_and_what_never_did() {
    let told = |text: &str| story::tell(text).map_err(|mistake| mistake.render("x.story", text)).expect("it is told");
    let begin = "world\ntopic t0\nproducer p\nconsumer c\nat 5ms produce t0/0\nat 120ms produce t0/0\n";
    for (fault, line) in [
        ("clock-jump by=2h", "clock-jump: node 1 by 7200000ms"),
        ("reset client=p", "reset: p"),
        ("reset-all", "reset-all: node 1"),
        ("half-open client=p", "half-open: p"),
        ("half-close client=p", "half-close: p"),
        ("slow-reader client=c by=5ms", "slow-reader: c by 5ms for 1000ms"),
        ("delay by=3ms for=200ms", "delay: node 1 by 3ms for 200ms"),
        ("pause-client client=p for=50ms", "pause-client: p for 50ms"),
        ("client-skew client=p by=-300ms", "client-skew: p by -300ms"),
        ("client-clock-jump client=p by=1s", "client-clock-jump: p by 1000ms"),
    ] {
        let told = told(&format!("{begin}at 100ms {fault}\nplay\n----\n"));
        assert!(told.contains(&format!("\nt=0.100 {line}\n")) && !told.contains("plan: "), "{told}");
    }
    for (world, fault, line) in [
        ("world", "at 100ms lost-file", "never struck: lost-file"),
        ("world power-loss-at=5,99999", "", "never struck: power-loss-at=99999"),
    ] {
        let told = told(&format!("{}{fault}\nplay\n----\n", begin.replacen("world", world, 1)));
        assert!(told.ends_with(&format!("\n{line}\n")), "{told}");
    }
}

#[test]
fn every_fault_is_documented() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("scenarios/README.md is there");
    let listed = readme.split("### Faults").nth(1).expect("a section of faults").split("\n#").next().unwrap_or_default();
    let lacking: Vec<&str> =
        Kind::ALL.iter().map(|kind| kind.name()).filter(|name| !listed.contains(&format!("`{name}`"))).collect();
    assert!(lacking.is_empty(), "scenarios/README.md lacks {lacking:?}");
}

#[test]
fn every_excuse_is_documented() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("scenarios/README.md is there");
    let listed = readme.split("### Excuses").nth(1).expect("a section of excuses");
    let listed = listed.split("\n#").next().unwrap_or_default();
    for excuse in Excuse::ALL {
        let row = format!("| `{}` | {} | {} |", excuse.name(), excuse.lets(), excuse.describe());
        assert!(listed.contains(&row), "scenarios/README.md lacks {row}");
    }
    assert_eq!(listed.matches("\n| `").count(), Excuse::ALL.len(), "scenarios/README.md names an excuse that is none");
}
