//! What an error code means to a client: a sentence for people, and what a producer may conclude from it.
//!
//! Holds       a code that Kafka 4.3 does not know is printed as its number and treated as final and uncertain.
//! Not here    what is done about an error (`producer.rs`, `fetcher.rs`, `admin.rs`).

use crate::wire::ErrorCode;
use std::fmt;

/// An error code as it is on the wire. 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Code(pub i16);

/// Whether something that failed may have happened all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Certainty {
    /// It did not happen and never will.
    NotDone,
    /// Nobody knows: an attempt was lost, or the broker gave up after it had begun.
    Unknown,
}

/// What a producer concludes from an error code of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing was appended; the same may succeed later. `refresh`: somewhere else, perhaps.
    Again { refresh: bool, certainty: Certainty },
    /// The batch is larger than the topic takes; in smaller parts it may pass.
    Split,
    /// The broker holds these records already.
    Duplicate,
    /// The sequence does not follow what the broker has.
    OutOfOrder,
    /// The broker has forgotten the producer.
    UnknownProducer,
    /// Nothing to be done.
    Final(Certainty),
}

impl Code {
    pub const NONE: Code = Code(0);
    pub const OFFSET_OUT_OF_RANGE: Code = Code(1);
    pub const CORRUPT_MESSAGE: Code = Code(2);
    pub const UNKNOWN_TOPIC_OR_PARTITION: Code = Code(3);
    pub const LEADER_NOT_AVAILABLE: Code = Code(5);
    pub const NOT_LEADER_OR_FOLLOWER: Code = Code(6);
    pub const REQUEST_TIMED_OUT: Code = Code(7);
    pub const MESSAGE_TOO_LARGE: Code = Code(10);
    pub const NETWORK_EXCEPTION: Code = Code(13);
    pub const NOT_ENOUGH_REPLICAS: Code = Code(19);
    pub const NOT_ENOUGH_REPLICAS_AFTER_APPEND: Code = Code(20);
    pub const UNSUPPORTED_VERSION: Code = Code(35);
    pub const TOPIC_ALREADY_EXISTS: Code = Code(36);
    pub const INVALID_CONFIG: Code = Code(40);
    pub const NOT_CONTROLLER: Code = Code(41);
    pub const OUT_OF_ORDER_SEQUENCE_NUMBER: Code = Code(45);
    pub const DUPLICATE_SEQUENCE_NUMBER: Code = Code(46);
    pub const INVALID_PRODUCER_EPOCH: Code = Code(47);
    pub const KAFKA_STORAGE_ERROR: Code = Code(56);
    pub const UNKNOWN_PRODUCER_ID: Code = Code(59);
    pub const FETCH_SESSION_ID_NOT_FOUND: Code = Code(70);
    pub const INVALID_FETCH_SESSION_EPOCH: Code = Code(71);
    pub const FENCED_LEADER_EPOCH: Code = Code(74);
    pub const UNKNOWN_LEADER_EPOCH: Code = Code(75);
    pub const OFFSET_NOT_AVAILABLE: Code = Code(78);
    pub const THROTTLING_QUOTA_EXCEEDED: Code = Code(89);
    pub const UNKNOWN_TOPIC_ID: Code = Code(100);
    pub const INCONSISTENT_TOPIC_ID: Code = Code(103);
    pub const FETCH_SESSION_TOPIC_ID_ERROR: Code = Code(106);

    #[must_use]
    pub fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Kafka's name; `None` for a code that Kafka 4.3 does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        ErrorCode::from_code(self.0).map(ErrorCode::name)
    }

    /// Whether Kafka's clients try again by themselves.
    #[must_use]
    pub fn is_retriable(self) -> bool {
        ErrorCode::from_code(self.0).is_some_and(ErrorCode::is_retriable)
    }

    /// A sentence for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        TEXTS.binary_search_by_key(&self.0, |row| row.0).map_or("the broker refused", |i| TEXTS[i].1)
    }

    /// The name and the sentence.
    pub(super) fn told(self) -> String {
        format!("{self}: {}", self.text())
    }

    /// What a producer concludes from this code on a partition of its Produce request (KIP-98, KIP-360).
    #[must_use]
    pub fn verdict(self) -> Verdict {
        use Certainty::{NotDone, Unknown};
        match self {
            Code::LEADER_NOT_AVAILABLE
            | Code::FENCED_LEADER_EPOCH
            | Code::UNKNOWN_LEADER_EPOCH
            | Code::UNKNOWN_TOPIC_ID
            | Code::INCONSISTENT_TOPIC_ID => Verdict::Again { refresh: true, certainty: NotDone },
            Code::CORRUPT_MESSAGE | Code::NOT_ENOUGH_REPLICAS | Code::THROTTLING_QUOTA_EXCEEDED => {
                Verdict::Again { refresh: false, certainty: NotDone }
            }
            // Kafka says these also of what it has appended, when the partition goes while other replicas are waited for. A disk that
            // failed may have taken the bytes first.
            Code::UNKNOWN_TOPIC_OR_PARTITION | Code::NOT_LEADER_OR_FOLLOWER | Code::KAFKA_STORAGE_ERROR => {
                Verdict::Again { refresh: true, certainty: Unknown }
            }
            Code::REQUEST_TIMED_OUT | Code::NETWORK_EXCEPTION | Code::NOT_ENOUGH_REPLICAS_AFTER_APPEND => {
                Verdict::Again { refresh: false, certainty: Unknown }
            }
            Code::MESSAGE_TOO_LARGE => Verdict::Split,
            Code::DUPLICATE_SEQUENCE_NUMBER => Verdict::Duplicate,
            Code::OUT_OF_ORDER_SEQUENCE_NUMBER => Verdict::OutOfOrder,
            Code::UNKNOWN_PRODUCER_ID => Verdict::UnknownProducer,
            Code(-1) => Verdict::Final(Unknown),
            code if code.name().is_some() => Verdict::Final(NotDone),
            _ => Verdict::Final(Unknown),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A sentence for the codes that people meet.
#[rustfmt::skip]
const TEXTS: &[(i16, &str)] = &[
    (-1, "the broker refused or failed for a reason that Kafka has no code for"),
    (0, "no error"),
    (1, "the offset is not in the log of the partition any more, or not yet"),
    (2, "the records did not survive the way: a checksum does not match"),
    (3, "there is no such topic or partition on this broker"),
    (5, "the partition has no leader at the moment"),
    (6, "the broker does not lead the partition any more"),
    (7, "the broker ran out of time"),
    (10, "the batch is larger than the topic's max.message.bytes"),
    (13, "the connection was lost"),
    (17, "the topic's name is not valid, or the topic is internal"),
    (18, "the request holds more than one segment of the log may"),
    (19, "fewer replicas are in sync than min.insync.replicas asks for"),
    (20, "appended, but meanwhile fewer replicas are in sync than min.insync.replicas asks for"),
    (21, "acks must be 0, 1 or all"),
    (29, "not authorized for the topic"),
    (31, "not authorized for the cluster"),
    (32, "the record's timestamp is out of the bounds that the topic sets"),
    (35, "the broker does not serve this version of the API"),
    (36, "a topic of that name exists"),
    (37, "the number of partitions is not valid"),
    (38, "the replication factor is not valid: a cluster cannot hold more replicas than it has brokers"),
    (39, "the replica assignment is not valid"),
    (40, "a setting is not valid"),
    (41, "the broker is not the controller"),
    (42, "the request makes no sense to the broker"),
    (43, "the topic's message format cannot hold this"),
    (44, "a policy of the broker forbids it"),
    (45, "a sequence number is out of order: records before it are missing from the log"),
    (46, "the broker has these records already"),
    (47, "the producer's epoch is older than one that the broker has seen"),
    (56, "the broker's disk failed, is full, or does not keep up"),
    (57, "the broker has no such log directory"),
    (59, "the broker does not know this producer any more"),
    (60, "a reassignment of the partition is in progress"),
    (70, "the broker has forgotten the fetch session"),
    (71, "the fetch session is at another epoch"),
    (73, "delete.topic.enable is false on this broker"),
    (74, "the leader epoch is older than the broker's"),
    (75, "the leader epoch is newer than the broker's"),
    (76, "the broker does not take this compression"),
    (78, "the leader does not know its high watermark yet"),
    (87, "the broker found a record that the topic does not allow"),
    (89, "too many requests: a quota is exceeded"),
    (90, "a newer producer of the same name has taken over"),
    (100, "there is no topic of this id on this broker"),
    (103, "the topic's id is not that of the log"),
    (106, "the fetch session mixes names and ids of topics"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_sorted_and_a_code_prints_as_kafka_names_it() {
        assert!(TEXTS.is_sorted_by_key(|row| row.0));
        assert_eq!(Code::UNKNOWN_TOPIC_OR_PARTITION.to_string(), "UNKNOWN_TOPIC_OR_PARTITION");
        assert_eq!(Code(4711).to_string(), "error 4711");
    }

    #[test]
    fn only_a_code_that_is_known_and_says_so_is_certain() {
        assert_eq!(Code(4711).verdict(), Verdict::Final(Certainty::Unknown));
        assert_eq!(Code(-1).verdict(), Verdict::Final(Certainty::Unknown));
        assert_eq!(Code(87).verdict(), Verdict::Final(Certainty::NotDone));
    }
}
