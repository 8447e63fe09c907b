//! Which partition a record goes to when its sender does not say.
//!
//! State       per topic, the partition that records without a key stick to, and how much it has got.
//! Holds       a key always goes to the partition that Kafka's Java client would choose.

use crate::rng::Rng;
use std::collections::BTreeMap;

/// The choice for records without a key: one partition until a batch's worth has gone there, then another (KIP-480, KIP-794).
#[derive(Debug, Default)]
pub(super) struct Sticky {
    by_topic: BTreeMap<String, (i32, usize)>,
}

impl Sticky {
    /// Choose among `candidates` for a record of `size` bytes. `None` without candidates.
    pub(super) fn choose(
        &mut self,
        topic: &str,
        candidates: &[i32],
        size: usize,
        batch_bytes_max: usize,
        rng: &mut Rng,
    ) -> Option<i32> {
        let stuck = self.by_topic.get(topic).copied();
        if let Some((index, bytes)) = stuck
            && bytes < batch_bytes_max
            && candidates.contains(&index)
        {
            self.by_topic.insert(topic.to_owned(), (index, bytes + size));
            return Some(index);
        }
        let others: Vec<i32> = candidates.iter().copied().filter(|c| Some(*c) != stuck.map(|s| s.0)).collect();
        let index = rng.pick(if others.is_empty() { candidates } else { &others }).copied()?;
        self.by_topic.insert(topic.to_owned(), (index, size));
        Some(index)
    }
}

/// The partition of a key among `count`, at least one.
pub(super) fn of_key(key: &[u8], count: i32) -> i32 {
    assert!(count > 0, "a topic has a partition");
    let positive = i32::try_from(murmur2(key) & 0x7fff_ffff).expect("31 bits");
    positive % count
}

/// MurmurHash2, 32 bits, with the seed that Kafka's clients use.
fn murmur2(data: &[u8]) -> u32 {
    const MIX: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(MIX);
        k ^= k >> 24;
        hash = hash.wrapping_mul(MIX) ^ k.wrapping_mul(MIX);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Kafka's Java client (`Utils.murmur2`).
    #[test]
    fn keys_hash_as_in_javas_client() {
        for (key, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn records_without_a_key_stick_to_a_partition_until_a_batch_is_full() {
        let (mut sticky, mut rng) = (Sticky::default(), Rng::stream(1, "test"));
        let mut choose = |size| sticky.choose("t", &[0, 1, 2], size, 100, &mut rng).expect("there are candidates");
        let first = choose(60);
        assert_eq!(choose(60), first);
        let second = choose(1);
        assert_ne!(second, first);
        assert_eq!(choose(1), second);
    }
}
