//! The simulated network: connections between clients and nodes, and the frames on their way.
//!
//! State       connections (never forgotten: their number is the `ConnId`), frames in flight, links' characters.
//! Holds       frames of one connection arrive in order or not at all; what was in flight when a connection broke arrives up to some
//!             frame and then no more. Ranges of files stay pinned until their answer was read or can never be.
//! Not here    what the frames mean.

use bytes::Bytes;
use ottla_core::ids::LeaseId;
use ottla_core::io::{FileName, Reply};
use ottla_core::wire::{ApiKey, RequestFrame};
use std::collections::VecDeque;

/// How the network behaves when nothing is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetCharacter {
    /// The shortest and longest time of a message, in virtual nanoseconds.
    pub delay_ns: (u64, u64),
    /// Connections in a hundred whose frames go through real bytes: encoded, decoded, answers assembled from files.
    pub bytes_percent: u64,
}

impl Default for NetCharacter {
    fn default() -> NetCharacter {
        NetCharacter { delay_ns: (20_000, 400_000), bytes_percent: 50 }
    }
}

/// What a node was asked, as far as the checks need it when the answer leaves.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) correlation: i32,
    pub(crate) produce: Option<Box<AskedProduce>>,
    pub(crate) fetch: Option<Box<AskedFetch>>,
    /// Questions whose answers are compared with the log.
    pub(crate) looks: Vec<Look>,
    pub(crate) change: Option<AskedChange>,
}

/// A request that changes metadata.
#[derive(Clone, Debug)]
pub(crate) struct AskedChange {
    pub(crate) validate_only: bool,
    /// Topics that get partitions, with their ids when the request came.
    pub(crate) topics: Vec<(String, Option<[u8; 16]>)>,
    /// Settings that are set or removed: of which kind of resource, of which one, which, to what.
    pub(crate) settings: Vec<(i8, String, String, Option<String>)>,
    /// The file of the metadata log's last batch when the request came, and where that batch ends.
    pub(crate) end: Option<(FileName, u64)>,
}

/// A Fetch request: of which partitions it wants records, those of its session included.
#[derive(Clone, Debug)]
pub(crate) struct AskedFetch {
    pub(crate) min_bytes: i32,
    pub(crate) bytes_max: i32,
    /// Until then it may wait, in virtual nanoseconds.
    pub(crate) until_ns: u64,
    pub(crate) session: i32,
    pub(crate) session_epoch: i32,
    pub(crate) parts: Vec<FetchPart>,
    /// Topic name, topic id and partition of what the session shall not be about any more.
    pub(crate) forgotten: Vec<(String, u128, i32)>,
    /// `parts` is complete.
    pub(crate) known: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct FetchPart {
    pub(crate) name: String,
    pub(crate) id: u128,
    pub(crate) index: i32,
    pub(crate) offset: i64,
    pub(crate) bytes_max: i32,
    /// What of the log somebody had seen when the request came.
    pub(crate) visible: i64,
    /// The log of that name when the request came: the answer may speak of one that is deleted meanwhile.
    pub(crate) log: Option<usize>,
}

/// One question about one partition.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) what: LookFor,
    pub(crate) name: String,
    pub(crate) id: u128,
    pub(crate) index: i32,
    /// The leader epoch that the client believes in, or -1.
    pub(crate) current_epoch: i32,
    /// What of the log somebody had seen when the question came.
    pub(crate) visible: i64,
    /// The log of that name when the question came: the answer may speak of one that is deleted meanwhile.
    pub(crate) log: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LookFor {
    /// Records: only the leader epoch matters.
    Records,
    /// ListOffsets.
    Time(i64),
    /// OffsetForLeaderEpoch.
    Epoch(i32),
}

/// The batches of a Produce request: topic name, topic id, partition, checksum, records.
#[derive(Clone, Debug)]
pub(crate) struct AskedProduce {
    pub(crate) acks: i16,
    pub(crate) parts: Vec<AskedPart>,
}

#[derive(Clone, Debug)]
pub(crate) struct AskedPart {
    pub(crate) name: String,
    pub(crate) id: u128,
    pub(crate) index: i32,
    pub(crate) crc: u32,
    /// The codec's number. The broker may have been told to store another.
    pub(crate) codec: i16,
    pub(crate) count: i32,
    /// The log of that name when the request came: the answer may speak of one that is deleted meanwhile.
    pub(crate) log: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Conn {
    pub(crate) client: u32,
    pub(crate) node: u32,
    /// The life of the node that accepted it; 0 before that.
    pub(crate) life: u32,
    /// Still there for the client.
    pub(crate) client_side: bool,
    /// The client may still send on it.
    pub(crate) sends: bool,
    /// Still there for the node.
    pub(crate) node_side: bool,
    /// The client is gone without a word: nothing that either side sends arrives.
    pub(crate) silent: bool,
    /// The client sends no more, and the node knows it: with the last answer the connection ends.
    pub(crate) ended: bool,
    /// When bytes came or went last, as the node's edge sees it.
    pub(crate) active: u64,
    /// Answers that nobody takes: leases and pinned files. They end with the connection.
    pub(crate) stuck: Vec<(LeaseId, Vec<u32>)>,
    pub(crate) by_bytes: bool,
    /// The node wants it closed: what else was asked on it gets no answer.
    pub(crate) closing: bool,
    /// When the last frame in each direction arrives.
    pub(crate) last_to_node: u64,
    pub(crate) last_to_client: u64,
    /// Frames of each direction that will still arrive after a break; `None` while there is none.
    pub(crate) broken: Option<Break>,
    /// Requests handed to the node and not answered, in order.
    pub(crate) asked: VecDeque<Asked>,
    /// Requests sent by the client and not answered: correlation, key, version.
    pub(crate) awaited: VecDeque<(i32, ApiKey, i16)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Break {
    pub(crate) to_node: u32,
    pub(crate) to_client: u32,
}

/// A frame on its way.
#[derive(Clone, Debug)]
pub(crate) enum Flight {
    Request(RequestFrame),
    Raw(Bytes),
    Reply { reply: Reply, pins: Vec<u32> },
}

/// Frames on their way, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights {
    slots: Vec<Option<Flight>>,
    free: Vec<u32>,
}

impl Flights {
    pub(crate) fn put(&mut self, flight: Flight) -> u32 {
        match self.free.pop() {
            Some(n) => {
                self.slots[n as usize] = Some(flight);
                n
            }
            None => {
                self.slots.push(Some(flight));
                self.slots.len() as u32 - 1
            }
        }
    }

    pub(crate) fn take(&mut self, n: u32) -> Option<Flight> {
        let flight = self.slots.get_mut(n as usize)?.take();
        self.free.push(n);
        flight
    }
}
