//! The two small files beside the metadata log: who this directory belongs to, and what this voter has promised.
//!
//! State       `Identity` (meta.properties), `QuorumState` (quorum-state): values, in Kafka's formats.
//! Holds       a file that cannot be read, or is of a version not known here, is an error: a default would be a broken promise.
//! Not here    writing them (`disk::Replacer`, through `Controller`).

use crate::ids::{base64_id, parse_base64_id};
use crate::io::FileKind;
use std::collections::BTreeMap;
use uuid::Uuid;

/// meta.properties: cluster, node and directory, as Kafka's storage tool writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) cluster: String,
    pub(super) node: i32,
    pub(super) directory: Uuid,
}

impl Identity {
    pub(super) fn print(&self) -> String {
        let directory = base64_id(&self.directory);
        format!("#\nversion=1\ncluster.id={}\nnode.id={}\ndirectory.id={directory}\n", self.cluster, self.node)
    }

    pub(super) fn parse(text: &str) -> Result<Identity, String> {
        let mut values = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', '!'])) {
            let Some((name, value)) = line.split_once('=') else { return Err(format!("{line:?} is no name=value")) };
            values.insert(name.trim(), value.trim());
        }
        let get = |name: &str| values.get(name).copied().ok_or_else(|| format!("{name} is missing"));
        if get("version")? != "1" {
            return Err(format!("version {} is not known here", get("version")?));
        }
        Ok(Identity {
            cluster: get("cluster.id")?.to_owned(),
            node: get("node.id")?.parse().map_err(|_| "node.id is no number".to_owned())?,
            directory: parse_base64_id(get("directory.id")?).ok_or("directory.id is no id")?,
        })
    }
}

/// quorum-state: the highest epoch that this voter has seen, and whom it voted for in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct QuorumState {
    pub(super) leader: i32,
    pub(super) epoch: i32,
    pub(super) voted: i32,
    pub(super) voted_directory: Uuid,
}

impl QuorumState {
    pub(super) fn print(&self) -> String {
        format!(
            "{{\"leaderId\":{},\"leaderEpoch\":{},\"votedId\":{},\"votedDirectoryId\":\"{}\",\"data_version\":1}}",
            self.leader,
            self.epoch,
            self.voted,
            base64_id(&self.voted_directory)
        )
    }

    /// Versions 0 and 1, as far as they say the same.
    pub(super) fn parse(text: &str) -> Result<QuorumState, String> {
        let text = text.trim();
        if !(text.starts_with('{') && text.ends_with('}')) {
            return Err("no JSON object".to_owned());
        }
        let version = number(text, "data_version").ok_or("data_version is missing")?;
        if !(0..=1).contains(&version) {
            return Err(format!("version {version} is not known here"));
        }
        let need = |name: &str| number(text, name).ok_or_else(|| format!("{name} is missing"));
        let directory = field(text, "votedDirectoryId").map(|v| v.trim_matches('"'));
        let epoch = need("leaderEpoch")?;
        if epoch < 0 {
            return Err(format!("leaderEpoch {epoch} is impossible"));
        }
        Ok(QuorumState {
            leader: need("leaderId")?,
            epoch,
            voted: need("votedId")?,
            voted_directory: directory.and_then(parse_base64_id).unwrap_or_default(),
        })
    }
}

/// Whether a start can read these bytes as the file of this kind; why not. Files of other kinds are none of this module's.
pub(crate) fn check_file(kind: FileKind, bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "no text".to_owned());
    match kind {
        FileKind::MetaProperties => text.and_then(Identity::parse).map(drop),
        FileKind::QuorumState => text.and_then(QuorumState::parse).map(drop),
        _ => Ok(()),
    }
}

/// The raw value of a field of a flat JSON object. None of the values that matter here holds a comma or a brace.
fn field<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let start = json.find(&format!("\"{name}\""))? + name.len() + 2;
    let rest = json[start..].trim_start().strip_prefix(':')?.trim_start();
    Some(rest[..rest.find([',', '}'])?].trim())
}

fn number(json: &str, name: &str) -> Option<i32> {
    field(json, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_properties_are_kafkas() {
        let kafkas = "#\n#Mon Nov 23 10:22:17 UTC 2026\nnode.id=1\ndirectory.id=C7nXYqfZgYWf486mreC-6Q\nversion=1\n\
                      cluster.id=AAAAAAAAAAAAAAAAAAAAAg\n";
        let identity = Identity::parse(kafkas).unwrap();
        assert_eq!((identity.node, identity.cluster.as_str()), (1, "AAAAAAAAAAAAAAAAAAAAAg"));
        assert_eq!(Identity::parse(&identity.print()), Ok(identity));
    }

    #[test]
    fn quorum_state_is_kafkas() {
        let version_0 = "{\"clusterId\":\"\",\"leaderId\":1,\"leaderEpoch\":4,\"votedId\":-1,\"appliedOffset\":0,\
                         \"currentVoters\":[{\"voterId\":1}],\"data_version\":0}";
        let state = QuorumState::parse(version_0).unwrap();
        assert_eq!((state.leader, state.epoch, state.voted), (1, 4, -1));
        let state = QuorumState { leader: -1, epoch: 5, voted: 1, voted_directory: Uuid::from_u128(7) };
        assert_eq!(QuorumState::parse(&state.print()), Ok(state));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_a_default() {
        for bad in ["", "{}", "{\"leaderEpoch\":1}", "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":1,\"data_version\":2}"] {
            assert!(QuorumState::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "version=1", "version=2\ncluster.id=x\nnode.id=1\ndirectory.id=C7nXYqfZgYWf486mreC-6Q", "version"] {
            assert!(Identity::parse(bad).is_err(), "{bad}");
        }
    }
}
