//! The primitives of Kafka's flexible message encoding, as far as metadata records use them (KIP-482).
//!
//! State       `Writer`: bytes so far. `Reader`: bytes left.
//! Holds       a reader checks every length against what is left before it allocates; unknown tagged fields are skipped.
//! Not here    which fields a record has (`records.rs`).

use uuid::Uuid;

/// Builds one message.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn uvarint(&mut self, mut n: u32) {
        while n > 0x7f {
            self.0.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    pub(super) fn bool(&mut self, v: bool) {
        self.0.push(u8::from(v));
    }

    pub(super) fn i8(&mut self, v: i8) {
        self.0.push(v.cast_unsigned());
    }

    pub(super) fn u16(&mut self, v: u16) {
        self.0.extend(v.to_be_bytes());
    }

    pub(super) fn i16(&mut self, v: i16) {
        self.0.extend(v.to_be_bytes());
    }

    pub(super) fn i32(&mut self, v: i32) {
        self.0.extend(v.to_be_bytes());
    }

    pub(super) fn i64(&mut self, v: i64) {
        self.0.extend(v.to_be_bytes());
    }

    pub(super) fn uuid(&mut self, v: Uuid) {
        self.0.extend(v.as_bytes());
    }

    /// The length of a string or array, which is one more on the wire: zero is null.
    pub(super) fn len(&mut self, n: usize) {
        let n = u32::try_from(n).expect("metadata is counted in 32 bits");
        self.uvarint(n + 1);
    }

    pub(super) fn string(&mut self, v: &str) {
        self.len(v.len());
        self.0.extend(v.as_bytes());
    }

    pub(super) fn nullable(&mut self, v: Option<&str>) {
        match v {
            Some(v) => self.string(v),
            None => self.uvarint(0),
        }
    }

    pub(super) fn array<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Writer, &T)) {
        self.len(items.len());
        for item in items {
            each(self, item);
        }
    }

    /// The tagged fields at the end of a structure, in the order of their tags; most have none.
    pub(super) fn tagged(&mut self, fields: &[(u32, Writer)]) {
        self.uvarint(u32::try_from(fields.len()).expect("few"));
        for (tag, field) in fields {
            self.uvarint(*tag);
            self.uvarint(u32::try_from(field.0.len()).expect("metadata is counted in 32 bits"));
            self.0.extend(&field.0);
        }
    }

    pub(super) fn no_tags(&mut self) {
        self.0.push(0);
    }
}

/// Takes one message apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// What is wrong with a record's bytes.
pub(super) type Bad = String;

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Bad> {
        let Some((taken, rest)) = self.0.split_at_checked(n) else {
            return Err(format!("{n} bytes expected, {} left", self.0.len()));
        };
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(super) fn uvarint(&mut self) -> Result<u32, Bad> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| "a number of more than 32 bits".to_owned());
            }
        }
        Err("a number of more than 32 bits".to_owned())
    }

    pub(super) fn bool(&mut self) -> Result<bool, Bad> {
        Ok(self.take(1)?[0] != 0)
    }

    pub(super) fn i8(&mut self) -> Result<i8, Bad> {
        Ok(i8::from_be_bytes(self.fixed()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Bad> {
        Ok(u16::from_be_bytes(self.fixed()?))
    }

    pub(super) fn i16(&mut self) -> Result<i16, Bad> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, Bad> {
        Ok(i32::from_be_bytes(self.fixed()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, Bad> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, Bad> {
        Ok(Uuid::from_bytes(self.fixed()?))
    }

    pub(super) fn nullable(&mut self) -> Result<Option<String>, Bad> {
        let Some(n) = self.uvarint()?.checked_sub(1) else { return Ok(None) };
        let text = std::str::from_utf8(self.take(n as usize)?).map_err(|e| e.to_string())?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn string(&mut self) -> Result<String, Bad> {
        self.nullable()?.ok_or_else(|| "a string that cannot be null is null".to_owned())
    }

    pub(super) fn nullable_array<T>(
        &mut self,
        mut each: impl FnMut(&mut Reader<'a>) -> Result<T, Bad>,
    ) -> Result<Option<Vec<T>>, Bad> {
        let Some(n) = self.uvarint()?.checked_sub(1) else { return Ok(None) };
        // Every element takes a byte at least.
        if n as usize > self.0.len() {
            return Err(format!("an array of {n} elements in {} bytes", self.0.len()));
        }
        (0..n).map(|_| each(self)).collect::<Result<Vec<T>, Bad>>().map(Some)
    }

    pub(super) fn array<T>(&mut self, each: impl FnMut(&mut Reader<'a>) -> Result<T, Bad>) -> Result<Vec<T>, Bad> {
        self.nullable_array(each)?.ok_or_else(|| "an array that cannot be null is null".to_owned())
    }

    /// The tagged fields of a structure: `each` reads those it knows.
    pub(super) fn tagged(&mut self, mut each: impl FnMut(u32, &mut Reader<'a>) -> Result<(), Bad>) -> Result<(), Bad> {
        for _ in 0..self.uvarint()? {
            let (tag, len) = (self.uvarint()?, self.uvarint()?);
            each(tag, &mut Reader(self.take(len as usize)?))?;
        }
        Ok(())
    }

    pub(super) fn no_tags(&mut self) -> Result<(), Bad> {
        self.tagged(|_, _| Ok(()))
    }
}
