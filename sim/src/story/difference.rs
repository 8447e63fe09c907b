//! Where a story came out otherwise: the lines of two texts that differ.
//!
//! Takes       a story as it is written, and as it came out.
//! Gives       hunks, each with the place in the written text.
//! Holds       what both texts have in common is found by the longest common subsequence of lines; where a stretch that differs is too
//!             long for that, it is one hunk.

use serde::Serialize;

/// Lines that stand in one text and not in the other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Hunk {
    /// The line of the written text where it begins, from 1.
    pub line: usize,
    pub written: Vec<String>,
    pub told: Vec<String>,
}

/// So many comparisons of lines are made at the most.
const WORK_MAX: usize = 4_000_000;

/// Where `told` differs from `written`; empty if nowhere.
#[must_use]
pub fn differences(written: &str, told: &str) -> Vec<Hunk> {
    let (a, b): (Vec<&str>, Vec<&str>) = (written.lines().collect(), told.lines().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    let mut hunks: Vec<Hunk> = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (x, y) in common(a, b).into_iter().chain([(a.len(), b.len())]) {
        if i < x || j < y {
            let lines = |lines: &[&str]| lines.iter().map(|l| (*l).to_string()).collect();
            hunks.push(Hunk { line: head + i + 1, written: lines(&a[i..x]), told: lines(&b[j..y]) });
        }
        (i, j) = (x + 1, y + 1);
    }
    hunks
}

/// The places of a longest common subsequence, in order.
fn common(a: &[&str], b: &[&str]) -> Vec<(usize, usize)> {
    if a.len().saturating_mul(b.len()) > WORK_MAX {
        return Vec::new();
    }
    // How long the longest one is of what stands from here on.
    let width = b.len() + 1;
    let mut longest = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(written: &str, told: &str) -> Vec<(usize, String, String)> {
        differences(written, told).into_iter().map(|h| (h.line, h.written.join("|"), h.told.join("|"))).collect()
    }

    #[test]
    fn only_what_differs_is_shown_and_where() {
        assert_eq!(shown("a\nb\nc\n", "a\nb\nc\n"), []);
        assert_eq!(shown("a\nb\nc\nd\ne\n", "a\nx\nc\nd\ny\ne\n"), [(2, "b".into(), "x".into()), (5, String::new(), "y".into())]);
        assert_eq!(shown("a\n----\n", "a\n----\nb\nc\n"), [(3, String::new(), "b|c".into())]);
        assert_eq!(shown("a\nb\nc\n", "a\nc\n"), [(2, "b".into(), String::new())]);
        assert_eq!(shown("a\n", "b\n"), [(1, "a".into(), "b".into())]);
    }

    #[test]
    fn stretches_too_long_to_compare_are_one_hunk() {
        let (a, b): (String, String) =
            ((0..3000).map(|i| format!("a{i}\n")).collect(), (0..3000).map(|i| format!("b{i}\n")).collect());
        let hunks = differences(&a, &b);
        assert_eq!((hunks.len(), hunks[0].written.len(), hunks[0].told.len()), (1, 3000, 3000));
    }
}
