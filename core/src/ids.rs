//! Newtypes for everything that is counted or named, so that an offset is never mistaken for a byte position.
//!
//! State       none.
//! Holds       no type here derefs to its number; arithmetic is spelled out where it means something.
//! Not here    identifiers that only one machine knows (they live beside that machine).

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// The position of a record in its partition, counted in records from zero.
    Offset(i64)
);
id!(
    /// The term of a partition's leader. Every batch carries the epoch of the leader that appended it (KIP-101).
    LeaderEpoch(i32)
);
id!(
    /// A node of the cluster in its role as a broker (`node.id`).
    BrokerId(i32)
);
id!(
    /// The index of a partition in its topic, from zero.
    PartitionIndex(i32)
);
id!(
    /// An idempotent producer, as the broker named it (KIP-98).
    ProducerId(i64)
);
id!(
    /// The incarnation of a producer id; a newer epoch fences the older (KIP-98).
    ProducerEpoch(i16)
);
id!(
    /// One client connection. Never reused within the life of a node.
    ConnId(u64)
);
id!(
    /// One disk call. Never reused within the life of a node: a completion can only mean the call that it names.
    OpId(u64)
);
id!(
    /// A promise that a file range handed out in a reply stays as it is until `Input::Released` names it.
    LeaseId(u64)
);
id!(
    /// A directory of the data directory, as bound by `DiskCall::MakeDir` or by recovery. Never reused within the life of a node.
    DirId(u32)
);
id!(
    /// A position in a file, in bytes from its start. Never an offset.
    BytePos(u64)
);

impl Offset {
    pub const ZERO: Offset = Offset(0);

    /// The offset `records` further on.
    #[must_use]
    pub fn plus(self, records: i64) -> Offset {
        Offset(self.0 + records)
    }

    /// The offset after this one.
    #[must_use]
    pub fn next(self) -> Offset {
        self.plus(1)
    }
}

impl BytePos {
    /// The position `bytes` further on.
    #[must_use]
    pub fn plus(self, bytes: u64) -> BytePos {
        BytePos(self.0 + bytes)
    }
}

/// The identity of a topic, which a topic of the same name created later does not share (KIP-516).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TopicId(pub uuid::Uuid);

/// By its bytes, compared as one number: every look at a partition compares some.
impl Ord for TopicId {
    fn cmp(&self, other: &TopicId) -> std::cmp::Ordering {
        self.0.as_u128().cmp(&other.0.as_u128())
    }
}

impl PartialOrd for TopicId {
    fn partial_cmp(&self, other: &TopicId) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicId({self})")
    }
}

/// Kafka prints ids as unpadded URL-safe base64.
impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64_id(&self.0))
    }
}

/// One partition of one incarnation of a topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartitionId {
    pub topic: TopicId,
    pub index: PartitionIndex,
}

/// A UUID in the form that Kafka prints: 22 characters of URL-safe base64, unpadded.
#[must_use]
pub fn base64_id(id: &uuid::Uuid) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(22);
    for group in id.as_bytes().chunks(3) {
        let word = group.iter().enumerate().fold(0u32, |w, (i, b)| w | u32::from(*b) << (16 - 8 * i));
        for i in 0..=group.len() {
            text.push(ALPHABET[(word >> (18 - 6 * i)) as usize & 63] as char);
        }
    }
    text
}

/// The inverse of [`base64_id`]; `None` for anything that it does not print.
#[must_use]
pub fn parse_base64_id(text: &str) -> Option<uuid::Uuid> {
    let mut bits = 0u128;
    if text.len() != 22 {
        return None;
    }
    for (i, c) in text.bytes().enumerate() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        // The last character carries two bits of the id; its other four are zero.
        bits = match i {
            21 if six & 15 == 0 => bits << 2 | u128::from(six >> 4),
            21 => return None,
            _ => bits << 6 | u128::from(six),
        };
    }
    Some(uuid::Uuid::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_survives_kafkas_text_form() {
        for n in [0u128, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = uuid::Uuid::from_u128(n);
            assert_eq!(parse_base64_id(&base64_id(&id)), Some(id));
        }
        assert_eq!(base64_id(&uuid::Uuid::from_u128(1)), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(parse_base64_id("AAAAAAAAAAAAAAAAAAAAAB"), None);
    }
}
