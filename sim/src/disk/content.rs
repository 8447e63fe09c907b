//! The bytes of a file, of which long runs that nobody looks at are only described.
//!
//! State       the beginning as bytes; behind it, runs of zeros, of drawn and of other bytes; all as bytes, once somebody has looked.
//! Holds       whoever looks sees the same bytes, and a stream of numbers comes to the same place, as if every byte were there.
//! Not here    which bytes a file has, and why (file.rs).
//!
//! A broker keeps a reserve of some megabytes of zeros on its disk. A world spends its time better than on writing them out.

use super::file::usize_of;
use bytes::Bytes;
use ottla_core::rng::Rng;
use std::cell::OnceCell;
use std::sync::Arc;

/// Zeros from this number on are a run.
const LONG: usize = 64 * 1024;

static ZEROS: [u8; 4096] = [0; 4096];

#[derive(Clone, Debug)]
enum What {
    Zeros,
    /// One byte of each number that comes behind so many of this stream.
    Drawn(Arc<Rng>, usize),
    /// These, between what is only described.
    Bytes(Bytes),
}

#[derive(Clone, Debug)]
struct Run {
    what: What,
    /// Where it begins and ends in the file.
    from: usize,
    to: usize,
}

/// Bytes. See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    runs: Vec<Run>,
    seen: OnceCell<Vec<u8>>,
}

impl Content {
    pub(crate) fn len(&self) -> usize {
        self.runs.last().map_or(self.bytes.len(), |run| run.to)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a part of it is only described.
    pub(crate) fn is_described(&self) -> bool {
        !self.runs.is_empty()
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.runs.is_empty() { &self.bytes } else { self.seen.get_or_init(|| self.written_out()) }
    }

    pub(crate) fn make_mut(&mut self) -> &mut Vec<u8> {
        if !self.runs.is_empty() {
            self.bytes = self.seen.take().unwrap_or_else(|| self.written_out());
            self.runs.clear();
        }
        &mut self.bytes
    }

    fn written_out(&self) -> Vec<u8> {
        let mut all = self.bytes.clone();
        for run in &self.runs {
            match &run.what {
                What::Zeros => all.resize(run.to, 0),
                What::Drawn(rng, skipped) => {
                    let mut rng = Rng::clone(rng);
                    rng.skip(*skipped as u64);
                    all.extend((run.from..run.to).map(|_| rng.next_u64() as u8));
                }
                What::Bytes(bytes) => all.extend_from_slice(&bytes[..run.to - run.from]),
            }
        }
        all
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.seen.take();
        self.bytes.truncate(len);
        self.runs.truncate(self.runs.partition_point(|run| run.from < len));
        if let Some(last) = self.runs.last_mut() {
            last.to = last.to.min(len);
        }
    }

    /// Cut, or filled up with zeros.
    pub(crate) fn resize(&mut self, len: usize) {
        self.truncate(len);
        self.push_zeros(len.saturating_sub(self.len()));
    }

    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        if self.runs.is_empty() && bytes.len() < LONG {
            self.bytes.extend_from_slice(bytes);
        } else if are_zeros(bytes) {
            self.push_zeros(bytes.len());
        } else if self.runs.is_empty() {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.push_run(What::Bytes(Bytes::copy_from_slice(bytes)), bytes.len());
        }
    }

    pub(crate) fn push_zeros(&mut self, count: usize) {
        if self.runs.is_empty() && count < LONG {
            self.bytes.resize(self.bytes.len() + count, 0);
        } else {
            self.push_run(What::Zeros, count);
        }
    }

    /// One byte of each of the next numbers of a stream; only described, if that is wanted or something is described already.
    pub(crate) fn push_drawn(&mut self, count: usize, rng: &mut Rng, describe: bool) {
        if describe || !self.runs.is_empty() {
            self.push_run(What::Drawn(Arc::new(rng.clone()), 0), count);
            rng.skip(count as u64);
        } else {
            self.bytes.extend((0..count).map(|_| rng.next_u64() as u8));
        }
    }

    fn push_run(&mut self, what: What, count: usize) {
        let from = self.len();
        match (&what, self.runs.last_mut()) {
            _ if count == 0 => return,
            (What::Zeros, Some(Run { what: What::Zeros, to, .. })) => *to += count,
            _ => self.runs.push(Run { what, from, to: from + count }),
        }
        self.seen.take();
    }

    /// A range of another content, and zeros beyond its end. What is described there is described here.
    pub(crate) fn push_range(&mut self, source: &Content, from: u64, to: u64) {
        let (from, to) = (usize_of(from), usize_of(to));
        let there = source.bytes.len();
        self.push_bytes(&source.bytes[from.min(there)..to.min(there)]);
        let first = source.runs.partition_point(|run| run.to <= from);
        for run in source.runs[first..].iter().take_while(|run| run.from < to) {
            let (begin, end) = (run.from.max(from), run.to.min(to));
            let what = match &run.what {
                What::Zeros => What::Zeros,
                What::Drawn(rng, skipped) => What::Drawn(Arc::clone(rng), skipped + (begin - run.from)),
                What::Bytes(bytes) => What::Bytes(bytes.slice(begin - run.from..end - run.from)),
            };
            self.push_run(what, end - begin);
        }
        self.push_zeros(to.saturating_sub(from.max(source.len())));
    }
}

fn are_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is described, next to the bytes that it stands for.
    #[derive(Default)]
    struct Both {
        content: Content,
        bytes: Vec<u8>,
    }

    /// The operations of a file, at random: lengths are such that runs begin, end, and are cut.
    fn change(b: &mut Both, other: &Both, rng: &mut Rng, draws: &mut (Rng, Rng)) {
        let (n, len) = (usize_of(rng.below(2000)), b.bytes.len() as u64);
        match rng.below(8) {
            0 => {
                let bytes: Vec<u8> = (0..n).map(|i| i as u8).collect();
                b.content.push_bytes(&bytes);
                b.bytes.extend(bytes);
            }
            1 => {
                let zeros = vec![0; n + LONG * usize_of(rng.below(2))];
                b.content.push_bytes(&zeros);
                b.bytes.extend(zeros);
            }
            2 | 3 => {
                b.content.push_drawn(n, &mut draws.0, rng.chance(1, 3));
                b.bytes.extend((0..n).map(|_| draws.1.next_u64() as u8));
            }
            4 => {
                let to = usize_of(rng.between(0, len + 100));
                b.content.resize(to);
                b.bytes.resize(to, 0);
            }
            5 if len > 0 => {
                let at = usize_of(rng.below(len));
                b.content.make_mut()[at] ^= 1;
                b.bytes[at] ^= 1;
            }
            _ => {
                let from = rng.below(other.bytes.len() as u64 + 10);
                let to = from + rng.below(3000);
                b.content.push_range(&other.content, from, to);
                b.bytes.extend((from..to).map(|i| other.bytes.get(usize_of(i)).copied().unwrap_or(0)));
            }
        }
    }

    #[test]
    fn what_is_described_is_the_bytes_that_would_be_there() {
        let mut rng = Rng::stream(1, "test");
        let mut draws = (Rng::stream(2, "test"), Rng::stream(2, "test"));
        let mut described = 0;
        for _ in 0..60 {
            let (mut a, mut b) = (Both::default(), Both::default());
            for _ in 0..20 {
                change(&mut a, &b, &mut rng, &mut draws);
                std::mem::swap(&mut a, &mut b);
                described += usize::from(!b.content.runs.is_empty());
                assert_eq!(b.content.len(), b.bytes.len());
                if rng.chance(1, 4) {
                    assert!(b.content.as_slice() == b.bytes);
                }
            }
            assert!(a.content.as_slice() == a.bytes && b.content.as_slice() == b.bytes);
        }
        assert_eq!(draws.0.next_u64(), draws.1.next_u64());
        assert!(described > 300, "{described}");
    }
}
