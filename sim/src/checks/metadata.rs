//! Administration and the disk: what an administrator was told is in the metadata log, and on the disk, when the answer leaves.
//!
//! State       none: where the metadata log ended when a request came is kept with the request.
//! Takes       requests that change metadata as they come, their answers as they leave.
//! Gives       changes that are acknowledged before they are on the disk, or are nowhere.
//! Holds       no code shared with `core`: records are looked for by the bytes that they begin with, in batches behind that end.
//! Not here    what is left of it at the end (case.rs), what the records mean.

use super::Id;
use super::watch::{METADATA, Watch};
use crate::batch;
use crate::disk::SimDisk;
use crate::world::net::AskedChange;
use ottla_core::io::{FileKind, FileName, Suffix};
use ottla_core::wire::Response;

/// How a record begins: version of its frame, type, version. See Kafka's TopicRecord, ConfigRecord, RemoveTopicRecord.
const TOPIC: [u8; 3] = [1, 2, 0];
const CONFIG: [u8; 3] = [1, 4, 0];
const REMOVE_TOPIC: [u8; 3] = [1, 9, 0];

/// What acknowledges a change: the bytes that its record has, who it is about, and whether there must be one.
struct Change {
    needle: Vec<u8>,
    about: String,
    what: &'static str,
    must: bool,
}

impl Watch {
    /// A request has come that changes metadata: remember where the metadata log ends, and which topics it names.
    pub(super) fn before_change(&self, disk: &SimDisk, asked: &mut AskedChange) {
        // Not where the file ends: while a node starts, a torn tail is cut off.
        let begun = files(disk, FileKind::Log).pop().map(|log| (log, 0));
        asked.end = self.metadata.batches.last().map(|b| (b.name, b.end_pos())).or(begun);
        for (name, id) in &mut asked.topics {
            *id = topic_id(disk, name);
        }
    }

    /// An answer to such a request leaves.
    pub(super) fn on_changed(&mut self, disk: &SimDisk, asked: &AskedChange, response: &Response) {
        let changes = changes(asked, response);
        if changes.is_empty() {
            return;
        }
        self.tally.count(Id::AdminDurable);
        if !disk.is_dir_durable(METADATA) {
            let text = changes[0].about.clone();
            self.report(Id::AdminDurable.found("an answer rests on a metadata directory that is not on the disk", text));
        }
        let Some((log, pos)) = asked.end else { return };
        for Change { needle, about, what, must } in changes {
            match batch_with(disk, log, pos, &needle) {
                Some((file, end)) if !disk.is_durable(METADATA, file, end) => {
                    let site = format!("{what} is acknowledged before it is on the disk");
                    self.report(Id::AdminDurable.found(&site, format!("{about}: {file} up to {end}")));
                }
                // A snapshot may have taken the log's place; the cut of a failed append may have moved its end back; a drive may have
                // put something else there.
                None if must && files(disk, FileKind::Log).contains(&log) && !self.is_metadata_doubtful(disk) => {
                    let site = format!("{what} is acknowledged, and no record says so");
                    self.report(Id::AdminDurable.found(&site, format!("{about}: {log} from {pos}")));
                }
                _ => {}
            }
        }
    }

    fn is_metadata_doubtful(&self, disk: &SimDisk) -> bool {
        self.has_failed(METADATA) || self.no_space || disk.damaged().iter().any(|d| d.path == METADATA)
    }
}

/// What an answer acknowledges.
fn changes(asked: &AskedChange, response: &Response) -> Vec<Change> {
    let must = !asked.validate_only;
    let change = |needle: Vec<u8>, about: &str, what| Change { needle, about: about.to_owned(), what, must };
    match response {
        Response::CreateTopics(answer) => {
            let made = answer.topics.iter().filter(|t| t.error_code == 0).map(|t| t.name.0.as_str());
            made.map(|name| change(named(&TOPIC, name), name, "the creation of a topic")).collect()
        }
        Response::DeleteTopics(answer) => {
            let gone = answer.responses.iter().filter(|t| t.error_code == 0).map(|t| t.topic_id);
            gone.map(|id| change([&REMOVE_TOPIC[..], id.as_bytes()].concat(), &id.to_string(), "the deletion of a topic"))
                .collect()
        }
        Response::CreatePartitions(answer) => {
            let more = answer.results.iter().filter(|t| t.error_code == 0).map(|t| t.name.0.as_str());
            let known = more.filter_map(|name| asked.topics.iter().find(|(topic, _)| topic == name));
            known.filter_map(|(name, id)| Some(change(id.as_ref()?.to_vec(), name, "the creation of partitions"))).collect()
        }
        Response::IncrementalAlterConfigs(answer) => {
            let changed = |kind: i8, of: &str| {
                answer.responses.iter().any(|r| r.error_code == 0 && r.resource_type == kind && r.resource_name.as_str() == of)
            };
            let done = asked.settings.iter().filter(|(kind, of, ..)| changed(*kind, of));
            done.map(|(kind, of, name, value)| setting(*kind, of, name, value.as_deref())).collect()
        }
        _ => Vec::new(),
    }
}

/// What changes nothing is not written down. Where the same is asked for twice, the first record says it.
fn setting(kind: i8, of: &str, name: &str, value: Option<&str>) -> Change {
    let begins = named(&[&CONFIG[..], &kind.to_be_bytes()].concat(), of);
    let value = value.map_or(vec![0], |value| named(&[], value));
    let needle = [named(&begins, name), value].concat();
    Change { needle, about: format!("{name} of {of}"), what: "a change of settings", must: false }
}

/// The first bytes of a record that goes on with a name; names here are shorter than 127 bytes.
fn named(begins: &[u8], name: &str) -> Vec<u8> {
    [begins, &[name.len() as u8 + 1], name.as_bytes()].concat()
}

/// The metadata log's files of a kind, in order.
fn files(disk: &SimDisk, kind: FileKind) -> Vec<FileName> {
    let mut files = disk.names_in(METADATA);
    files.retain(|n| n.kind == kind && n.suffix == Suffix::None);
    files.sort();
    files
}

/// The id of the topic that had this name last.
fn topic_id(disk: &SimDisk, name: &str) -> Option<[u8; 16]> {
    let needle = named(&TOPIC, name);
    let newest = [FileKind::Log, FileKind::Checkpoint].into_iter().flat_map(|kind| files(disk, kind).into_iter().rev());
    let found = newest.filter_map(|file| {
        let bytes = disk.bytes_of(METADATA, file);
        let at = bytes.windows(needle.len()).rposition(|w| w == needle)? + needle.len();
        bytes.get(at..at + 16)?.try_into().ok()
    });
    found.take(1).next()
}

/// The first batch behind a position that has these bytes: its file, and where it ends.
fn batch_with(disk: &SimDisk, log: FileName, pos: u64, needle: &[u8]) -> Option<(FileName, u64)> {
    for file in files(disk, FileKind::Log).into_iter().filter(|file| *file >= log) {
        let bytes = disk.bytes_of(METADATA, file);
        let mut at = if file == log { pos as usize } else { 0 };
        while let Some(head) = bytes.get(at..).and_then(batch::header) {
            let end = at + head.size;
            if bytes[at..end].windows(needle.len()).any(|w| w == needle) {
                return Some((file, end as u64));
            }
            at = end;
        }
    }
    None
}
