//! DeleteRecords: answered when the new log start can not be taken back by a power loss.

use super::{Ask, Lookup, Place, merged, token};
use crate::ids::PartitionId;
use crate::partition::events::PartitionEvent;
use crate::wire::ErrorCode;
use crate::wire::msg::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use crate::wire::msg::{DeleteRecordsRequest, DeleteRecordsResponse};

/// A DeleteRecords in progress.
#[derive(Debug, Default)]
pub struct Job {
    response: DeleteRecordsResponse,
    places: Vec<(Place, PartitionId, bool)>,
}

/// The job, and what each partition is asked.
pub fn split(lookup: Lookup<'_>, gather: u64, request: DeleteRecordsRequest) -> (Job, Vec<Ask>) {
    let (mut job, mut asks) = (Job::default(), Vec::new());
    let named = request.topics.into_iter().map(|t| (t.name, t.partitions)).collect();
    for (t, (name, partitions)) in merged(named, |p| p.partition_index).into_iter().enumerate() {
        let mut answer = DeleteRecordsTopicResult::default().with_name(name.clone());
        for (p, partition) in partitions.iter().enumerate() {
            let error = match lookup.by_name(&name, partition.partition_index) {
                Err(error) => error,
                Ok(id) if lookup.is_internal(id) => ErrorCode::InvalidTopicException,
                Ok(id) => {
                    let token = token(gather, job.places.len());
                    asks.push((id, PartitionEvent::DeleteRecords { token, offset: partition.offset }));
                    job.places.push(((t as u32, p as u32), id, false));
                    ErrorCode::None
                }
            };
            let result = DeleteRecordsPartitionResult::default()
                .with_partition_index(partition.partition_index)
                .with_low_watermark(-1)
                .with_error_code(error.code());
            answer.partitions.push(result);
        }
        job.response.topics.push(answer);
    }
    (job, asks)
}

impl Job {
    /// The answer of one part. False if it came too late.
    pub fn on_deleted(&mut self, part: u32, error: ErrorCode, low_watermark: i64) -> bool {
        let ((t, p), _, done) = &mut self.places[part as usize];
        if std::mem::replace(done, true) {
            return false;
        }
        let slot = &mut self.response.topics[*t as usize].partitions[*p as usize];
        slot.error_code = error.code();
        slot.low_watermark = low_watermark;
        true
    }

    /// What tells the partitions that nobody waits any more.
    #[must_use]
    pub fn unwait(&self, gather: u64) -> Vec<Ask> {
        let out = self.places.iter().enumerate().filter(|(_, (_, _, done))| !done);
        out.map(|(i, (_, id, _))| (*id, PartitionEvent::Unwait { token: token(gather, i) })).collect()
    }

    /// Time is up for the parts that are still out.
    pub fn on_timeout(&mut self) {
        for part in 0..self.places.len() {
            self.on_deleted(part as u32, ErrorCode::RequestTimedOut, -1);
        }
    }

    #[must_use]
    pub fn into_response(self) -> DeleteRecordsResponse {
        self.response
    }
}
