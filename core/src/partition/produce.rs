//! Appends and their acknowledgement.

use super::Partition;
use super::events::{Acks, PartitionIntent, Produced, Token};
use crate::disk::DiskPort;
use crate::log::{AppendRefusal, Origin};
use crate::planted::Bug;
use crate::time::Now;
use crate::wire::ErrorCode;
use crate::wire::batch::{Checked, Scope};

impl Partition {
    pub(super) fn on_produce(
        &mut self,
        now: Now,
        token: Token,
        acks: Acks,
        records: &Checked,
        port: &mut DiskPort<'_>,
        out: &mut Vec<PartitionIntent>,
    ) {
        // As Kafka: too few in-sync replicas are found before anything is written, so that the refusal is certain. A disk that takes
        // nothing makes Kafka's threads wait; here the client waits, and asks again.
        let refused = if self.closing {
            Some(ErrorCode::NotLeaderOrFollower)
        } else if acks == Acks::All && self.min_insync_replicas.min(self.assigned_replicas()) > self.in_sync_replicas() {
            Some(ErrorCode::NotEnoughReplicas)
        } else if !port.has_room() {
            Some(ErrorCode::KafkaStorageError)
        } else {
            None
        };
        if let Some(error) = refused {
            out.push(PartitionIntent::Produced { token, outcome: Produced::refused(error) });
            return;
        }
        let origin = Origin::Client { topic: &self.topic, partition: self.id.index.0 };
        match self.log.append(records, origin, self.leader_epoch, now, port) {
            Ok(appended) => {
                if !appended.duplicate {
                    self.unseen.push_back((appended.end, appended.bytes));
                }
                let outcome = Produced {
                    base_offset: appended.base.0,
                    log_append_time: appended.append_time.0,
                    log_start_offset: self.log.log_start().0,
                    ..Produced::default()
                };
                let waits_for_all = acks == Acks::All && !port.planted(Bug::Canary);
                if acks == Acks::Leader && port.planted(Bug::AckBeforeWritten) {
                    return out.push(PartitionIntent::Produced { token, outcome });
                }
                let waiters = if waits_for_all { &mut self.on_committed } else { &mut self.on_written };
                waiters.push(appended.end, token, outcome);
                self.on_progress(out);
                // A duplicate of what is committed already waits for nothing.
                let (mark, start) = (self.high_watermark, self.log.log_start());
                self.on_committed.answer_below(mark, start, out);
            }
            Err(refusal) => out.push(PartitionIntent::Produced { token, outcome: self.outcome_of(refusal) }),
        }
    }

    /// How many replicas there are at all. Kafka asks for no more in-sync replicas than that.
    fn assigned_replicas(&self) -> u32 {
        1
    }

    /// How many replicas are in sync: this one.
    fn in_sync_replicas(&self) -> u32 {
        1
    }

    /// Kafka says the log start offset of what it refuses for the records' or the producer's fault, and not of the rest.
    fn outcome_of(&self, refusal: AppendRefusal) -> Produced {
        let log_start = self.log.log_start().0;
        let with_start = |code| Produced { log_start_offset: log_start, ..Produced::refused(code) };
        match refusal {
            AppendRefusal::Records(error) => {
                let outcome = if error.scope == Scope::Log { with_start(error.code) } else { Produced::refused(error.code) };
                Produced { message: error.message, record_errors: error.records, ..outcome }
            }
            AppendRefusal::ListTooLarge { .. } => Produced::refused(ErrorCode::RecordListTooLarge),
            AppendRefusal::InvalidProducerEpoch { .. } => with_start(ErrorCode::InvalidProducerEpoch),
            AppendRefusal::OutOfOrderSequence { .. } => with_start(ErrorCode::OutOfOrderSequenceNumber),
            AppendRefusal::NotContiguous { .. } => Produced::refused(ErrorCode::CorruptMessage),
            // Out of space, too: retriable, and the log clears itself when there is room again.
            AppendRefusal::Repairing | AppendRefusal::Offline => Produced::refused(ErrorCode::KafkaStorageError),
        }
    }
}
