//! Settings of a broker: what is refused and where that is pointed at, and a server.properties as Kafka has it.
//!
//! Not here    the settings themselves (`ottla_core::config`).

use crate::support::{ottla, run};
use insta::assert_snapshot;
use std::io::BufRead;
use std::process::Stdio;

/// Run `serve` with a settings file that must be refused; what it says, without the path.
fn refused(name: &str, text: &str) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join(name);
    std::fs::write(&file, text).expect("it can be written");
    let mut command = ottla();
    command.args(["serve", "--config"]).arg(&file).current_dir(dir.path());
    let output = run(command, b"");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn a_settings_file_is_refused_with_a_pointer_at_the_word() {
    // All mistakes at once, in the order of the file.
    let all = "num.partitons = 3\nottla.'durabilty' = 1\nbackground.threads = 1\n[log]\nretention.hours = \"soon\"\ndirs = \"a,b\"\n\
        flush.ms = { a = 1979-05-27 }\n";
    assert_snapshot!(refused("ottla.toml", all), @r#"
    error: setting num.partitons is refused
     --> ottla.toml:1:1
      |
    1 | num.partitons = 3
      | ^^^^^^^^^^^^^ there is no setting of this name
      |
      = help: did you mean num.partitions?
    error: setting ottla.durabilty is refused
     --> ottla.toml:2:1
      |
    2 | ottla.'durabilty' = 1
      | ^^^^^^^^^^^^^^^^^ there is no setting of this name
      |
      = help: did you mean ottla.durability?
    error: setting log.retention.hours is refused
     --> ottla.toml:5:19
      |
    5 | retention.hours = "soon"
      |                   ^^^^^^ Not a number of type INT
      |
      = help: the default is 168
    error: there is one data directory
     --> ottla.toml:6:8
      |
    6 | dirs = "a,b"
      |        ^^^^^ several data directories are not served yet
      |
      = help: keep one, or name one with --data-dir
    error: setting log.flush.ms.a is refused
     --> ottla.toml:7:18
      |
    7 | flush.ms = { a = 1979-05-27 }
      |                  ^^^^^^^^^^ a setting is a text, a number, a truth value, or a list of those
    "#);
    assert_snapshot!(refused("server.properties", "num.partitions=0\nplugin.of.ours=1\nlisteners=SSL://:9093\nauthorizer.class.name=x\nsuper.user=User:a\n\
        ottla.durabilty=fsync\nadvertised.listeners=here\n"), @r#"
    error: setting num.partitions is refused
     --> server.properties:1:16
      |
    1 | num.partitions=0
      |                ^ Value must be at least 1
      |
      = help: the default is 1
    error: listener SSL asks for SSL
     --> server.properties:3:11
      |
    3 | listeners=SSL://:9093
      |           ^^^^^^^^^^^ only PLAINTEXT is served yet: nobody would be authenticated, and nothing encrypted
      |
      = help: listen with PLAINTEXT, on an address that only friends can reach
    error: setting authorizer.class.name is refused
     --> server.properties:4:1
      |
    4 | authorizer.class.name=x
      | ^^^^^^^^^^^^^^^^^^^^^ Access control is not served yet: starting without it would open the broker to everybody.
      |
      = help: remove authorizer.class.name
    error: setting super.user is refused
     --> server.properties:5:1
      |
    5 | super.user=User:a
      | ^^^^^^^^^^ there is no setting of this name
      |
      = help: did you mean super.users?
    error: setting ottla.durabilty is refused
     --> server.properties:6:1
      |
    6 | ottla.durabilty=fsync
      | ^^^^^^^^^^^^^^^ there is no setting of this name
      |
      = help: did you mean ottla.durability?
    error: 'here' is no listener
     --> server.properties:7:22
      |
    7 | advertised.listeners=here
      |                      ^^^^ a listener is NAME://HOST:PORT
      |
      = help: write PLAINTEXT://HOST:PORT
    "#);
    let mut set = ottla();
    set.args(["dev", "--set", "num.partitons=3", "--set", "num.partitions=x"]);
    let refused_flags = run(set, b"");
    assert_eq!(refused_flags.status.code(), Some(2));
    assert_snapshot!(String::from_utf8_lossy(&refused_flags.stderr), @r#"
    error: setting num.partitons is refused
     --> --set:1:1
      |
    1 | num.partitons=3
      | ^^^^^^^^^^^^^ there is no setting of this name
      |
      = help: did you mean num.partitions?
    error: setting num.partitions is refused
     --> --set:1:16
      |
    1 | num.partitions=x
      |                ^ Not a number of type INT
      |
      = help: the default is 1
    "#);
    assert_snapshot!(refused("server.properties", "num.partitions=many\n"), @r#"
    error: setting num.partitions is refused
     --> server.properties:1:16
      |
    1 | num.partitions=many
      |                ^^^^ Not a number of type INT
      |
      = help: the default is 1
    "#);
    assert_snapshot!(refused("ottla.toml", "[log.retention]\nhours = \"soon\"\n"), @r#"
    error: setting log.retention.hours is refused
     --> ottla.toml:2:9
      |
    2 | hours = "soon"
      |         ^^^^^^ Not a number of type INT
      |
      = help: the default is 168
    "#);
    assert_snapshot!(refused("ottla.toml", "node.id = \n"), @r#"
    error: this is no TOML
     --> ottla.toml:1:11
      |
    1 | node.id = 
      |           ^ string values must be quoted, expected literal string
    "#);
    assert_snapshot!(refused("server.properties", "log.dirs=one,two\n"), @r#"
    error: there is one data directory
     --> server.properties:1:10
      |
    1 | log.dirs=one,two
      |          ^^^^^^^ several data directories are not served yet
      |
      = help: keep one, or name one with --data-dir
    "#);
    assert_snapshot!(refused("server.properties", "log.dirs=data\nlisteners=SASL_SSL://:9093\n"), @r#"
    error: listener SASL_SSL asks for SASL_SSL
     --> server.properties:2:11
      |
    2 | listeners=SASL_SSL://:9093
      |           ^^^^^^^^^^^^^^^^ only PLAINTEXT is served yet: nobody would be authenticated, and nothing encrypted
      |
      = help: listen with PLAINTEXT, on an address that only friends can reach
    "#);
}

#[test]
fn settings_that_no_broker_can_start_with_are_refused_at_the_word() {
    let times = "log.retention.hours=0\nlog.roll.ms=-5\nlog.roll.jitter.ms = -4\nlog.flush.interval.ms=-1\nconnections.max.idle.ms=0\n\
        queued.max.request.bytes=5\nnum.io.threads=many\nprocess.roles=controller\n";
    assert_snapshot!(refused("server.properties", times), @r#"
    error: setting log.retention.hours is refused
     --> server.properties:1:21
      |
    1 | log.retention.hours=0
      |                     ^ log.retention.ms must be unlimited (-1) or, greater than or equal to 1
    error: setting log.roll.ms is refused
     --> server.properties:2:13
      |
    2 | log.roll.ms=-5
      |             ^^ log.roll.ms must be greater than or equal to 1
    error: setting log.roll.jitter.ms is refused
     --> server.properties:3:22
      |
    3 | log.roll.jitter.ms = -4
      |                      ^^ log.roll.jitter.ms must be greater than or equal to 0
    error: setting log.flush.interval.ms is refused
     --> server.properties:4:23
      |
    4 | log.flush.interval.ms=-1
      |                       ^^ Value must be at least 0
      |
      = help: remove it to flush by other rules alone
    error: setting connections.max.idle.ms is refused
     --> server.properties:5:25
      |
    5 | connections.max.idle.ms=0
      |                         ^ no connection would live
      |
      = help: a negative number is no bound
    error: setting queued.max.request.bytes is refused
     --> server.properties:6:26
      |
    6 | queued.max.request.bytes=5
      |                          ^ queued.max.request.bytes must be larger or equal to socket.request.max.bytes
    error: setting num.io.threads is refused
     --> server.properties:7:16
      |
    7 | num.io.threads=many
      |                ^^^^ Not a number of type INT
      |
      = help: the default is 8
    error: setting process.roles is refused
     --> server.properties:8:15
      |
    8 | process.roles=controller
      |               ^^^^^^^^^^ only a node that is a broker, too, is served yet
      |
      = help: a single node is broker,controller
    "#);
    assert_snapshot!(refused("server.properties", "node.id=1\nlog.dirs=data\\u00zz\nbroker.id=2\n"), @r#"
    error: this is no character
     --> server.properties:2:14
      |
    2 | log.dirs=data\u00zz
      |              ^^ Malformed \uxxxx encoding.
      |
      = help: write \\ for a backslash
    error: setting broker.id is refused
     --> server.properties:3:11
      |
    3 | broker.id=2
      |           ^ You must set `node.id` to the same value as `broker.id`.
      |
      = help: keep node.id alone
    "#);
    let listeners = "listeners=PLAINTEXT://here\nadvertised.listeners=PLAINTEXT://[::]:9092\n";
    assert_snapshot!(refused("server.properties", listeners), @r#"
    error: listener 'PLAINTEXT://here' is refused
     --> server.properties:1:11
      |
    1 | listeners=PLAINTEXT://here
      |           ^^^^^^^^^^^^^^^^ it has no port
      |
      = help: write PLAINTEXT://HOST:PORT
    error: listener 'PLAINTEXT://[::]:9092' is refused
     --> server.properties:2:22
      |
    2 | advertised.listeners=PLAINTEXT://[::]:9092
      |                      ^^^^^^^^^^^^^^^^^^^^^ it cannot use a nonroutable meta-address: nobody can connect to that
      |
      = help: write PLAINTEXT://HOST:PORT
    "#);
    assert_snapshot!(refused("server.properties", "listeners=PLAINTEXT://:99999\nadvertised.listeners=PLAINTEXT://:1\n"), @r#"
    error: listener 'PLAINTEXT://:99999' is refused
     --> server.properties:1:11
      |
    1 | listeners=PLAINTEXT://:99999
      |           ^^^^^^^^^^^^^^^^^^ its port is no number below 65536
      |
      = help: write PLAINTEXT://HOST:PORT
    error: listener 'PLAINTEXT://:1' is refused
     --> server.properties:2:22
      |
    2 | advertised.listeners=PLAINTEXT://:1
      |                      ^^^^^^^^^^^^^^ it has no host
      |
      = help: write PLAINTEXT://HOST:PORT
    "#);
    // The file first, then --set: each may say otherwise than the one before, but not otherwise than itself.
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("server.properties");
    std::fs::write(&file, "broker.id=1\nlog.retention.ms=0\nlog.dirs=data\n").expect("it can be written");
    let start = |args: &[&str]| {
        let mut serve = ottla();
        serve.args(["serve", "--listen", "256.0.0.1:0", "--config"]).arg(&file).args(args).current_dir(dir.path());
        let output = run(serve, b"");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let passed = start(&["--set", "node.id=2", "--set", "log.retention.ms=-1"]);
    assert!(passed.starts_with("error: listen address \"256.0.0.1:0\" is no HOST:PORT"), "{passed}");
    let twice = start(&["--set", "node.id=2", "--set", "broker.id=3", "--set", "log.retention.ms=0"]);
    assert_snapshot!(twice, @r#"
    error: setting broker.id is refused
     --> --set:1:11
      |
    1 | broker.id=3
      |           ^ You must set `node.id` to the same value as `broker.id`.
      |
      = help: keep node.id alone
    error: setting log.retention.ms is refused
     --> --set:1:18
      |
    1 | log.retention.ms=0
      |                  ^ log.retention.ms must be unlimited (-1) or, greater than or equal to 1
    "#);
    let advertised = |address: &str| {
        let mut serve = ottla();
        serve.args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0", "--advertise", address]).current_dir(dir.path());
        let output = run(serve, b"");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_snapshot!(advertised("0.0.0.0:5"), @r#"error: advertised address "0.0.0.0:5" is no HOST:PORT that can be used (it cannot use a nonroutable meta-address: nobody can connect to that); try 127.0.0.1:9092"#);
    let mut dev = ottla();
    dev.args(["dev", "--set", "log.dirs=/somewhere"]);
    let elsewhere = run(dev, b"");
    assert_eq!(elsewhere.status.code(), Some(2));
    assert_snapshot!(String::from_utf8_lossy(&elsewhere.stderr), @r#"
    error: setting log.dirs is refused
     --> --set:1:10
      |
    1 | log.dirs=/somewhere
      |          ^^^^^^^^^^ a throw-away broker has a directory of its own; 'ottla serve' takes one
    "#);
}

#[test]
fn an_existing_server_properties_is_served() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("server.properties");
    let text = format!(
        "\u{feff}# as Kafka ships it, behind the mark that some editors set\nprocess.roles=broker,controller\nnode.id=7\ncontroller.quorum.voters=7@localhost:19093\n\
         listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://:0\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nlog.dirs={}\nnum.partitions: 3\n\
         num.network.threads = 3\nlog.segment.bytes=\\\n   1073741824\nplugin.of.ours=x\nnum.partitons=3\nretention.ms=5\n\
         log.preallocate=true\n",
        dir.path().join("data").display()
    );
    // Java reads Latin-1.
    let bytes = [text.as_bytes(), b"# caf\xe9\n"].concat();
    std::fs::write(&file, bytes).expect("it can be written");
    let mut serve = ottla();
    serve.args(["serve", "--log-format", "json", "--config"]).arg(&file);
    let mut process = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut address = String::new();
    std::io::BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut address).expect("a line");
    let mut create = ottla();
    create.args(["topic", "create", "t", "-b", address.trim()]);
    let created = run(create, b"");
    let mut describe = ottla();
    describe.args(["topic", "describe", "t", "-o", "json", "-b", address.trim()]);
    let described = run(describe, b"");
    process.kill().expect("it runs");
    let said = String::from_utf8(process.wait_with_output().expect("it was ours").stderr).expect("text");
    // As with Kafka: a name that nobody knows may be a plugin's.
    let warned: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (line, name, why) in [
        (10, "num.network.threads", "has no effect: One event loop"),
        (13, "plugin.of.ours", "has no effect: there is no setting of this name"),
        (14, "num.partitons", "has no effect: there is no setting of this name (did you mean num.partitions?)"),
        (15, "retention.ms", "has no effect: there is no setting of this name (retention.ms is a setting of topics)"),
        (16, "log.preallocate", "has no effect: No space is taken ahead"),
    ] {
        let at = format!("{}:{line}", file.display());
        let is_it = |w: &&serde_json::Value| {
            w["fields"]["setting"] == name && w["fields"]["message"].as_str().is_some_and(|m| m.starts_with(why))
        };
        let told = warned.iter().find(is_it).unwrap_or_else(|| panic!("{name}: {said}"));
        assert_eq!((&told["fields"]["at"], &told["level"]), (&at.into(), &"WARN".into()));
    }
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let described = String::from_utf8_lossy(&described.stdout);
    let described: Vec<serde_json::Value> = described.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!((described.len(), &described[0]["leader"]), (3, &7.into()));
    assert!(dir.path().join("data").join("t-0").is_dir());
}
