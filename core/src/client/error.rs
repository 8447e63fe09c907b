//! Kafka's error codes: their names, what they mean in a sentence, and what a producer may conclude from each.
//!
//! Holds       one row a code; a code that is not here is printed as its number and treated as final and uncertain.
//! Not here    what is done about an error (`producer.rs`, `fetcher.rs`, `admin.rs`).

use std::fmt;

/// An error code as it is on the wire. 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

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

impl ErrorCode {
    pub const NONE: ErrorCode = ErrorCode(0);
    pub const OFFSET_OUT_OF_RANGE: ErrorCode = ErrorCode(1);
    pub const CORRUPT_MESSAGE: ErrorCode = ErrorCode(2);
    pub const UNKNOWN_TOPIC_OR_PARTITION: ErrorCode = ErrorCode(3);
    pub const LEADER_NOT_AVAILABLE: ErrorCode = ErrorCode(5);
    pub const NOT_LEADER_OR_FOLLOWER: ErrorCode = ErrorCode(6);
    pub const REQUEST_TIMED_OUT: ErrorCode = ErrorCode(7);
    pub const MESSAGE_TOO_LARGE: ErrorCode = ErrorCode(10);
    pub const NETWORK_EXCEPTION: ErrorCode = ErrorCode(13);
    pub const NOT_ENOUGH_REPLICAS: ErrorCode = ErrorCode(19);
    pub const NOT_ENOUGH_REPLICAS_AFTER_APPEND: ErrorCode = ErrorCode(20);
    pub const UNSUPPORTED_VERSION: ErrorCode = ErrorCode(35);
    pub const TOPIC_ALREADY_EXISTS: ErrorCode = ErrorCode(36);
    pub const INVALID_CONFIG: ErrorCode = ErrorCode(40);
    pub const NOT_CONTROLLER: ErrorCode = ErrorCode(41);
    pub const OUT_OF_ORDER_SEQUENCE_NUMBER: ErrorCode = ErrorCode(45);
    pub const DUPLICATE_SEQUENCE_NUMBER: ErrorCode = ErrorCode(46);
    pub const INVALID_PRODUCER_EPOCH: ErrorCode = ErrorCode(47);
    pub const KAFKA_STORAGE_ERROR: ErrorCode = ErrorCode(56);
    pub const UNKNOWN_PRODUCER_ID: ErrorCode = ErrorCode(59);
    pub const FETCH_SESSION_ID_NOT_FOUND: ErrorCode = ErrorCode(70);
    pub const INVALID_FETCH_SESSION_EPOCH: ErrorCode = ErrorCode(71);
    pub const FENCED_LEADER_EPOCH: ErrorCode = ErrorCode(74);
    pub const UNKNOWN_LEADER_EPOCH: ErrorCode = ErrorCode(75);
    pub const OFFSET_NOT_AVAILABLE: ErrorCode = ErrorCode(78);
    pub const THROTTLING_QUOTA_EXCEEDED: ErrorCode = ErrorCode(89);
    pub const UNKNOWN_TOPIC_ID: ErrorCode = ErrorCode(100);
    pub const INCONSISTENT_TOPIC_ID: ErrorCode = ErrorCode(103);
    pub const FETCH_SESSION_TOPIC_ID_ERROR: ErrorCode = ErrorCode(106);

    #[must_use]
    pub fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Kafka's name; `None` for a code that Kafka 4.3 does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        TABLE.binary_search_by_key(&self.0, |row| row.0).ok().map(|i| TABLE[i].1)
    }

    /// A sentence for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match TABLE.binary_search_by_key(&self.0, |row| row.0) {
            Ok(i) if !TABLE[i].2.is_empty() => TABLE[i].2,
            _ => "the broker refused",
        }
    }

    /// What a producer concludes from this code on a partition of its Produce request (KIP-98, KIP-360).
    #[must_use]
    pub fn verdict(self) -> Verdict {
        use Certainty::{NotDone, Unknown};
        match self {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            | ErrorCode::LEADER_NOT_AVAILABLE
            | ErrorCode::NOT_LEADER_OR_FOLLOWER
            | ErrorCode::FENCED_LEADER_EPOCH
            | ErrorCode::UNKNOWN_LEADER_EPOCH
            | ErrorCode::UNKNOWN_TOPIC_ID
            | ErrorCode::INCONSISTENT_TOPIC_ID => Verdict::Again { refresh: true, certainty: NotDone },
            ErrorCode::CORRUPT_MESSAGE | ErrorCode::NOT_ENOUGH_REPLICAS | ErrorCode::THROTTLING_QUOTA_EXCEEDED => {
                Verdict::Again { refresh: false, certainty: NotDone }
            }
            // A disk that failed may have taken the bytes first.
            ErrorCode::KAFKA_STORAGE_ERROR => Verdict::Again { refresh: true, certainty: Unknown },
            ErrorCode::REQUEST_TIMED_OUT | ErrorCode::NETWORK_EXCEPTION | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND => {
                Verdict::Again { refresh: false, certainty: Unknown }
            }
            ErrorCode::MESSAGE_TOO_LARGE => Verdict::Split,
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Verdict::Duplicate,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER => Verdict::OutOfOrder,
            ErrorCode::UNKNOWN_PRODUCER_ID => Verdict::UnknownProducer,
            ErrorCode(-1) => Verdict::Final(Unknown),
            code if code.name().is_some() => Verdict::Final(NotDone),
            _ => Verdict::Final(Unknown),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[rustfmt::skip]
const TABLE: &[(i16, &str, &str)] = &[
    (-1, "UNKNOWN_SERVER_ERROR", "the broker met an error that it has no code for; its log says more"),
    (0, "NONE", "no error"),
    (1, "OFFSET_OUT_OF_RANGE", "the offset is not in the log of the partition any more, or not yet"),
    (2, "CORRUPT_MESSAGE", "the records did not survive the way: a checksum does not match"),
    (3, "UNKNOWN_TOPIC_OR_PARTITION", "there is no such topic or partition on this broker"),
    (4, "INVALID_FETCH_SIZE", ""),
    (5, "LEADER_NOT_AVAILABLE", "the partition has no leader at the moment"),
    (6, "NOT_LEADER_OR_FOLLOWER", "the broker does not lead the partition any more"),
    (7, "REQUEST_TIMED_OUT", "the broker ran out of time"),
    (8, "BROKER_NOT_AVAILABLE", ""),
    (9, "REPLICA_NOT_AVAILABLE", ""),
    (10, "MESSAGE_TOO_LARGE", "the batch is larger than the topic's max.message.bytes"),
    (11, "STALE_CONTROLLER_EPOCH", ""),
    (12, "OFFSET_METADATA_TOO_LARGE", ""),
    (13, "NETWORK_EXCEPTION", "the connection was lost"),
    (14, "COORDINATOR_LOAD_IN_PROGRESS", ""),
    (15, "COORDINATOR_NOT_AVAILABLE", ""),
    (16, "NOT_COORDINATOR", ""),
    (17, "INVALID_TOPIC_EXCEPTION", "the topic's name is not valid, or the topic is internal"),
    (18, "RECORD_LIST_TOO_LARGE", "the request holds more than one segment of the log may"),
    (19, "NOT_ENOUGH_REPLICAS", "fewer replicas are in sync than min.insync.replicas asks for"),
    (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "appended, but meanwhile fewer replicas are in sync than min.insync.replicas asks for"),
    (21, "INVALID_REQUIRED_ACKS", "acks must be 0, 1 or all"),
    (22, "ILLEGAL_GENERATION", ""),
    (23, "INCONSISTENT_GROUP_PROTOCOL", ""),
    (24, "INVALID_GROUP_ID", ""),
    (25, "UNKNOWN_MEMBER_ID", ""),
    (26, "INVALID_SESSION_TIMEOUT", ""),
    (27, "REBALANCE_IN_PROGRESS", ""),
    (28, "INVALID_COMMIT_OFFSET_SIZE", ""),
    (29, "TOPIC_AUTHORIZATION_FAILED", "not authorized for the topic"),
    (30, "GROUP_AUTHORIZATION_FAILED", ""),
    (31, "CLUSTER_AUTHORIZATION_FAILED", "not authorized for the cluster"),
    (32, "INVALID_TIMESTAMP", "the record's timestamp is out of the bounds that the topic sets"),
    (33, "UNSUPPORTED_SASL_MECHANISM", ""),
    (34, "ILLEGAL_SASL_STATE", ""),
    (35, "UNSUPPORTED_VERSION", "the broker does not serve this version of the API"),
    (36, "TOPIC_ALREADY_EXISTS", "a topic of that name exists"),
    (37, "INVALID_PARTITIONS", "the number of partitions is not valid"),
    (38, "INVALID_REPLICATION_FACTOR", "the replication factor is not valid: a cluster cannot hold more replicas than it has brokers"),
    (39, "INVALID_REPLICA_ASSIGNMENT", "the replica assignment is not valid"),
    (40, "INVALID_CONFIG", "a setting is not valid"),
    (41, "NOT_CONTROLLER", "the broker is not the controller"),
    (42, "INVALID_REQUEST", "the request makes no sense to the broker"),
    (43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", "the topic's message format cannot hold this"),
    (44, "POLICY_VIOLATION", "a policy of the broker forbids it"),
    (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", "a sequence number is out of order: records before it are missing from the log"),
    (46, "DUPLICATE_SEQUENCE_NUMBER", "the broker has these records already"),
    (47, "INVALID_PRODUCER_EPOCH", "the producer's epoch is older than one that the broker has seen"),
    (48, "INVALID_TXN_STATE", ""),
    (49, "INVALID_PRODUCER_ID_MAPPING", ""),
    (50, "INVALID_TRANSACTION_TIMEOUT", ""),
    (51, "CONCURRENT_TRANSACTIONS", ""),
    (52, "TRANSACTION_COORDINATOR_FENCED", ""),
    (53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", ""),
    (54, "SECURITY_DISABLED", ""),
    (55, "OPERATION_NOT_ATTEMPTED", ""),
    (56, "KAFKA_STORAGE_ERROR", "the broker's disk failed"),
    (57, "LOG_DIR_NOT_FOUND", "the broker has no such log directory"),
    (58, "SASL_AUTHENTICATION_FAILED", ""),
    (59, "UNKNOWN_PRODUCER_ID", "the broker does not know this producer any more"),
    (60, "REASSIGNMENT_IN_PROGRESS", "a reassignment of the partition is in progress"),
    (61, "DELEGATION_TOKEN_AUTH_DISABLED", ""),
    (62, "DELEGATION_TOKEN_NOT_FOUND", ""),
    (63, "DELEGATION_TOKEN_OWNER_MISMATCH", ""),
    (64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", ""),
    (65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", ""),
    (66, "DELEGATION_TOKEN_EXPIRED", ""),
    (67, "INVALID_PRINCIPAL_TYPE", ""),
    (68, "NON_EMPTY_GROUP", ""),
    (69, "GROUP_ID_NOT_FOUND", ""),
    (70, "FETCH_SESSION_ID_NOT_FOUND", "the broker has forgotten the fetch session"),
    (71, "INVALID_FETCH_SESSION_EPOCH", "the fetch session is at another epoch"),
    (72, "LISTENER_NOT_FOUND", ""),
    (73, "TOPIC_DELETION_DISABLED", "delete.topic.enable is false on this broker"),
    (74, "FENCED_LEADER_EPOCH", "the leader epoch is older than the broker's"),
    (75, "UNKNOWN_LEADER_EPOCH", "the leader epoch is newer than the broker's"),
    (76, "UNSUPPORTED_COMPRESSION_TYPE", "the broker does not take this compression"),
    (77, "STALE_BROKER_EPOCH", ""),
    (78, "OFFSET_NOT_AVAILABLE", "the leader does not know its high watermark yet"),
    (79, "MEMBER_ID_REQUIRED", ""),
    (80, "PREFERRED_LEADER_NOT_AVAILABLE", ""),
    (81, "GROUP_MAX_SIZE_REACHED", ""),
    (82, "FENCED_INSTANCE_ID", ""),
    (83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", ""),
    (84, "ELECTION_NOT_NEEDED", ""),
    (85, "NO_REASSIGNMENT_IN_PROGRESS", ""),
    (86, "GROUP_SUBSCRIBED_TO_TOPIC", ""),
    (87, "INVALID_RECORD", "the broker found a record that the topic does not allow"),
    (88, "UNSTABLE_OFFSET_COMMIT", ""),
    (89, "THROTTLING_QUOTA_EXCEEDED", "too many requests: a quota is exceeded"),
    (90, "PRODUCER_FENCED", "a newer producer of the same name has taken over"),
    (91, "RESOURCE_NOT_FOUND", ""),
    (92, "DUPLICATE_RESOURCE", ""),
    (93, "UNACCEPTABLE_CREDENTIAL", ""),
    (94, "INCONSISTENT_VOTER_SET", ""),
    (95, "INVALID_UPDATE_VERSION", ""),
    (96, "FEATURE_UPDATE_FAILED", ""),
    (97, "PRINCIPAL_DESERIALIZATION_FAILURE", ""),
    (98, "SNAPSHOT_NOT_FOUND", ""),
    (99, "POSITION_OUT_OF_RANGE", ""),
    (100, "UNKNOWN_TOPIC_ID", "there is no topic of this id on this broker"),
    (101, "DUPLICATE_BROKER_REGISTRATION", ""),
    (102, "BROKER_ID_NOT_REGISTERED", ""),
    (103, "INCONSISTENT_TOPIC_ID", "the topic's id is not that of the log"),
    (104, "INCONSISTENT_CLUSTER_ID", ""),
    (105, "TRANSACTIONAL_ID_NOT_FOUND", ""),
    (106, "FETCH_SESSION_TOPIC_ID_ERROR", "the fetch session mixes names and ids of topics"),
    (107, "INELIGIBLE_REPLICA", ""),
    (108, "NEW_LEADER_ELECTED", ""),
    (109, "OFFSET_MOVED_TO_TIERED_STORAGE", ""),
    (110, "FENCED_MEMBER_EPOCH", ""),
    (111, "UNRELEASED_INSTANCE_ID", ""),
    (112, "UNSUPPORTED_ASSIGNOR", ""),
    (113, "STALE_MEMBER_EPOCH", ""),
    (114, "MISMATCHED_ENDPOINT_TYPE", ""),
    (115, "UNSUPPORTED_ENDPOINT_TYPE", ""),
    (116, "UNKNOWN_CONTROLLER_ID", ""),
    (117, "UNKNOWN_SUBSCRIPTION_ID", ""),
    (118, "TELEMETRY_TOO_LARGE", ""),
    (119, "INVALID_REGISTRATION", ""),
    (120, "TRANSACTION_ABORTABLE", ""),
    (121, "INVALID_RECORD_STATE", ""),
    (122, "SHARE_SESSION_NOT_FOUND", ""),
    (123, "INVALID_SHARE_SESSION_EPOCH", ""),
    (124, "FENCED_STATE_EPOCH", ""),
    (125, "INVALID_VOTER_KEY", ""),
    (126, "DUPLICATE_VOTER", ""),
    (127, "VOTER_NOT_FOUND", ""),
    (128, "INVALID_REGULAR_EXPRESSION", ""),
    (129, "REBOOTSTRAP_REQUIRED", ""),
    (130, "STREAMS_INVALID_TOPOLOGY", ""),
    (131, "STREAMS_INVALID_TOPOLOGY_EPOCH", ""),
    (132, "STREAMS_TOPOLOGY_FENCED", ""),
    (133, "SHARE_SESSION_LIMIT_REACHED", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_without_gaps() {
        for (row, code) in TABLE.iter().zip(-1i16..) {
            assert_eq!(row.0, code);
        }
        assert_eq!(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.to_string(), "UNKNOWN_TOPIC_OR_PARTITION");
        assert_eq!(ErrorCode(4711).to_string(), "error 4711");
    }

    #[test]
    fn only_a_code_that_is_known_and_says_so_is_certain() {
        assert_eq!(ErrorCode(4711).verdict(), Verdict::Final(Certainty::Unknown));
        assert_eq!(ErrorCode(-1).verdict(), Verdict::Final(Certainty::Unknown));
        assert_eq!(ErrorCode(87).verdict(), Verdict::Final(Certainty::NotDone));
    }
}
