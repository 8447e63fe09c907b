//! The control records of the metadata log and its snapshots, and batches of both kinds of records.
//!
//! Holds       control records are in Kafka's schemas and say nothing about the cluster: the image ignores them.
//! Not here    metadata records (`records.rs`), when a batch is written (`Controller`).

use super::records::Record;
use super::schema::Writer;
use crate::wire::batch::{BatchBuilder, Checked};
use crate::wire::compress::Compression;
use uuid::Uuid;

/// A record about the metadata log itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Control {
    /// A leader has begun its epoch. Version 0, without directory ids: Kafka's own reader knows no other.
    LeaderChange {
        leader: i32,
    },
    SnapshotHeader {
        last_timestamp: i64,
    },
    SnapshotFooter,
    /// The quorum's protocol: 1 can change its voters (KIP-853).
    KRaftVersion {
        level: i16,
    },
    /// Who the voters are, and where.
    Voters {
        voter: Voter,
        listener: String,
        host: String,
        port: u16,
    },
}

/// The only voter of a quorum of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Voter {
    pub(super) id: i32,
    pub(super) directory: Uuid,
}

impl Control {
    fn key(&self) -> [u8; 4] {
        let kind = match self {
            Control::LeaderChange { .. } => 2,
            Control::SnapshotHeader { .. } => 3,
            Control::SnapshotFooter => 4,
            Control::KRaftVersion { .. } => 5,
            Control::Voters { .. } => 6,
        };
        [0, 0, 0, kind]
    }

    fn value(&self) -> Vec<u8> {
        let mut w = Writer::default();
        match self {
            Control::LeaderChange { leader } => {
                w.i16(0);
                w.i32(*leader);
                // All voters, and those that chose the leader: here both are the leader itself.
                for _ in 0..2 {
                    w.array(&[*leader], |w, id| {
                        w.i32(*id);
                        w.no_tags();
                    });
                }
            }
            Control::SnapshotHeader { last_timestamp } => {
                w.i16(0);
                w.i64(*last_timestamp);
            }
            Control::SnapshotFooter => w.i16(0),
            Control::KRaftVersion { level } => {
                w.i16(0);
                w.i16(*level);
            }
            Control::Voters { voter, listener, host, port } => {
                w.i16(0);
                w.array(&[*voter], |w, v| {
                    w.i32(v.id);
                    w.uuid(v.directory);
                    w.array(&[()], |w, ()| {
                        w.string(listener);
                        w.string(host);
                        w.u16(*port);
                        w.no_tags();
                    });
                    // The versions of the quorum's protocol that it supports.
                    w.i16(0);
                    w.i16(1);
                    w.no_tags();
                    w.no_tags();
                });
            }
        }
        w.no_tags();
        w.0
    }
}

/// One batch of control records. Offsets and epoch are those of a snapshot; a log assigns its own.
pub(super) fn control_batch(records: &[Control], base: i64, epoch: i32, timestamp: i64) -> Checked {
    let mut batch = BatchBuilder::new(Compression::default()).base_offset(base).leader_epoch(epoch).control(true);
    for record in records {
        batch.push(timestamp, Some(&record.key()), Some(&record.value()), []);
    }
    batch.build().expect("uncompressed batches always build")
}

/// One batch of metadata records.
pub(super) fn record_batch(records: &[Record], base: i64, epoch: i32, timestamp: i64) -> Checked {
    let mut batch = BatchBuilder::new(Compression::default()).base_offset(base).leader_epoch(epoch);
    for record in records {
        batch.push(timestamp, None, Some(&record.encode()), []);
    }
    batch.build().expect("uncompressed batches always build")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes that Kafka's schemas give; Kafka's own decoder has read them too.
    #[test]
    fn control_records_have_kafkas_shape() {
        let voter = Voter { id: 1, directory: Uuid::from_u128(1) };
        let voters = Control::Voters { voter, listener: "CONTROLLER".into(), host: "localhost".into(), port: 9093 };
        for (control, kind, size) in [
            (Control::LeaderChange { leader: 1 }, 2, 19),
            (Control::SnapshotHeader { last_timestamp: 5 }, 3, 11),
            (Control::SnapshotFooter, 4, 3),
            (Control::KRaftVersion { level: 1 }, 5, 5),
            (voters, 6, 55),
        ] {
            assert_eq!((control.key(), control.value().len()), ([0, 0, 0, kind], size), "{control:?}");
        }
        let batch = control_batch(&[Control::SnapshotFooter], 7, 2, 5);
        assert!(batch.batches[0].attributes.is_control());
        assert_eq!((batch.batches[0].base_offset, batch.batches[0].leader_epoch), (7, 2));
    }
}
