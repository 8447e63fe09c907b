//! The 128-bit fingerprint of a run: every input and effect goes in, in order.
//!
//! State       two 64-bit lanes and the number of words that went in.
//! Holds       equal sequences of words give equal digests, on every platform and at every optimisation level.
//! Not here    any defence against somebody who wants a collision.

/// A running fingerprint. Two runs of one seed must agree on it at every step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest {
    a: u64,
    b: u64,
    words: u64,
}

impl Default for Digest {
    fn default() -> Digest {
        Digest { a: 0x9e37_79b9_7f4a_7c15, b: 0xc2b2_ae3d_27d4_eb4f, words: 0 }
    }
}

impl Digest {
    /// Take in one word.
    pub fn word(&mut self, w: u64) {
        self.words += 1;
        self.a = (self.a ^ w).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
        self.b = (self.b.rotate_left(31) ^ w).wrapping_mul(0x9fb2_1c65_1e98_df25);
    }

    /// Take in a run of bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(Digest::word_of(bytes));
    }

    /// What goes in of a run of bytes: its length and its CRC-32C (which the processor computes).
    #[must_use]
    pub fn word_of(bytes: &[u8]) -> u64 {
        (bytes.len() as u64) << 32 | u64::from(crc32c::crc32c(bytes))
    }

    /// Take in a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// The fingerprint so far.
    #[must_use]
    pub fn value(&self) -> u128 {
        let mix = |x: u64| {
            let x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
            x ^ (x >> 29)
        };
        u128::from(mix(self.a ^ self.words)) << 64 | u128::from(mix(self.b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_count_matter() {
        let of = |words: &[u64]| {
            let mut d = Digest::default();
            words.iter().for_each(|w| d.word(*w));
            d.value()
        };
        assert_eq!(of(&[1, 2]), of(&[1, 2]));
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[0]), of(&[0, 0]));
        assert_ne!(of(&[]), of(&[0]));
    }
}
