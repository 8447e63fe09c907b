//! Produce: the batches of one request to their partitions, and what became of them back into one response.
//!
//! Holds       a batch is in the log at most once for each time it was sent; a part that is not answered in time is
//!             REQUEST_TIMED_OUT, which says nothing about whether it will be there.

use super::{Ask, Lookup, Place, merged, text, token};
use crate::ids::PartitionId;
use crate::partition::events::{Acks, PartitionEvent, Produced};
use crate::planted::{Bug, Planted};
use crate::wire::batch::{Checked, RecordsError, Scope};
use crate::wire::msg::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use crate::wire::msg::{StrBytes, TopicName};
use crate::wire::{ErrorCode, Produce, ProducePartition};

/// A Produce in progress.
#[derive(Debug)]
pub struct Job {
    pub acks: i16,
    response: ProduceResponse,
    /// Where each part's answer goes, the partition, and whether it is there.
    places: Vec<(Place, PartitionId, bool)>,
    failed: bool,
}

/// The job, and what each partition is asked. Parts that are refused at once are in the job already. Only who calls itself Kafka's
/// admin client (`is_admin`) may write to the brokers' own topics.
pub fn split(lookup: Lookup<'_>, gather: u64, version: i16, is_admin: bool, request: Produce) -> (Job, Vec<Ask>) {
    let mut job = Job { acks: request.acks, response: ProduceResponse::default(), places: Vec::new(), failed: false };
    let mut asks = Vec::new();
    let acks = match request.acks {
        0 | 1 => Some(Acks::Leader),
        -1 => Some(Acks::All),
        _ => None,
    };
    let whole = match request.refusal() {
        Some(error) => Some(unreadable(error.clone())),
        None if request.transactional_id.is_none() && request.has_transactional_records() => {
            Some(Produced::refused(ErrorCode::TransactionalIdAuthorizationFailed))
        }
        None => None,
    };
    let named = request.topics.into_iter().map(|t| ((t.name, t.id), t.partitions)).collect();
    for (topic, partitions) in merged(named, |p| p.index) {
        let t = job.response.responses.len() as u32;
        let mut answer = TopicProduceResponse::default();
        answer.partition_responses.reserve_exact(partitions.len());
        for (p, ProducePartition { index, records }) in partitions.into_iter().enumerate() {
            let found = match version {
                13.. => lookup.by_id(topic.1, index),
                _ => lookup.by_name(&topic.0, index),
            };
            let is_transactional = |records: &Checked| records.batches.iter().any(|batch| batch.attributes.is_transactional());
            let refused = match (found, acks, records) {
                _ if whole.is_some() => whole.clone().unwrap_or_default(),
                (Err(error), ..) => Produced::refused(error),
                (_, None, _) => Produced::refused(ErrorCode::InvalidRequiredAcks),
                (_, _, Err(error)) if error.is_framing() => unreadable(error),
                (Ok(id), ..) if !is_admin && lookup.is_internal(id) => Produced::refused(ErrorCode::InvalidTopicException),
                (Ok(id), _, Err(error)) => {
                    let log = lookup.hosted.get(&id).map(|p| p.log());
                    let error = match log {
                        Some(log) => error.limited(log.config().max_message_bytes),
                        None => error,
                    };
                    let log_start = log.filter(|_| error.scope == Scope::Log).map_or(-1, |log| log.log_start().0);
                    Produced { log_start_offset: log_start, ..unreadable(error) }
                }
                // No transaction was ever begun here.
                (Ok(_), _, Ok(records)) if is_transactional(&records) => Produced::refused(ErrorCode::InvalidTxnState),
                (Ok(id), Some(acks), Ok(records)) => {
                    let token = token(gather, job.places.len());
                    asks.push((id, PartitionEvent::Produce { token, acks, records }));
                    job.places.push(((t, p as u32), id, false));
                    answer.partition_responses.push(PartitionProduceResponse::default().with_index(index));
                    continue;
                }
            };
            job.failed = true;
            answer.partition_responses.push(filled(index, refused));
        }
        if version >= 13 {
            answer.topic_id = topic.1.0;
        } else {
            answer.name = TopicName(StrBytes::from_string(topic.0));
        }
        job.response.responses.push(answer);
    }
    (job, asks)
}

impl Job {
    /// The answer of one part. False if it came too late.
    pub fn on_produced(&mut self, part: u32, outcome: Produced) -> bool {
        let ((t, p), _, done) = &mut self.places[part as usize];
        if std::mem::replace(done, true) {
            return false;
        }
        self.failed |= outcome.error != ErrorCode::None;
        let slot = &mut self.response.responses[*t as usize].partition_responses[*p as usize];
        *slot = filled(slot.index, outcome);
        true
    }

    /// What tells the partitions that nobody waits any more.
    #[must_use]
    pub fn unwait(&self, gather: u64) -> Vec<Ask> {
        let out = self.places.iter().enumerate().filter(|(_, (_, _, done))| !done);
        out.map(|(i, (_, id, _))| (*id, PartitionEvent::Unwait { token: token(gather, i) })).collect()
    }

    /// Time is up: what is still out gets no better answer than that. Kafka answers so, too: the records may be there.
    pub fn on_timeout(&mut self, planted: Planted) {
        let definite = planted.has(Bug::TimeoutIsDefinite);
        let error = if definite { ErrorCode::InvalidRecord } else { ErrorCode::RequestTimedOut };
        for part in 0..self.places.len() {
            self.on_produced(part as u32, Produced::refused(error));
        }
    }

    /// Whether any part was refused: under acks=0 the only way to say so is to close the connection.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    #[must_use]
    pub fn into_response(self) -> ProduceResponse {
        self.response
    }
}

fn unreadable(error: RecordsError) -> Produced {
    Produced { message: error.message, record_errors: error.records, ..Produced::refused(error.code) }
}

fn filled(index: i32, outcome: Produced) -> PartitionProduceResponse {
    let mut answer = PartitionProduceResponse::default()
        .with_index(index)
        .with_error_code(outcome.error.code())
        .with_base_offset(outcome.base_offset)
        .with_log_append_time_ms(outcome.log_append_time)
        .with_log_start_offset(outcome.log_start_offset)
        .with_error_message(outcome.message.as_deref().map(text));
    for (index, message) in &outcome.record_errors {
        let error =
            BatchIndexAndErrorMessage::default().with_batch_index(*index).with_batch_index_error_message(Some(text(message)));
        answer.record_errors.push(error);
    }
    answer
}
