//! Control records as JSON, in the words of Kafka's schemas and of its `kafka-dump-log`: those of the metadata log and its
//! snapshots, and the markers that end transactions.
//!
//! Takes       the key and the value of a record of a control batch.
//! Gives       its type, its version, and its fields as an object.
//! Holds       every length is checked against what is left before anything is allocated; nothing panics.
//! Not here    what the metadata log says about the cluster (`metadata.rs`).

use ottla_core::ids::base64_id;
use serde_json::{Map, Value, json};

/// What a control record says.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Control {
    Known {
        version: i16,
        data: Value,
    },
    /// Why it cannot be read. Kafka's readers pass over what is newer than they are, so it is no damage.
    Unknown(String),
}

/// The numbers of the types, and their names.
const TYPES: [&str; 7] =
    ["ABORT", "COMMIT", "LEADER_CHANGE", "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION", "KRAFT_VOTERS"];

/// The type of a control record, by its key: a version and a number of 16 bits each. An error is damage.
fn number(key: Option<&[u8]>) -> Result<i16, String> {
    let key = key.ok_or("a control record without a key")?;
    let mut fields = Fields(key);
    let version = fields.i16().map_err(|why| format!("the key of a control record: {why}"))?;
    if version < 0 {
        return Err(format!("the key of a control record is of version {version}"));
    }
    // What later versions add stands behind.
    fields.i16().map_err(|why| format!("the key of a control record: {why}"))
}

/// The name of its type, as Kafka has it.
pub(crate) fn kind(key: Option<&[u8]>) -> &'static str {
    let index = number(key).ok().and_then(|n| usize::try_from(n).ok());
    index.and_then(|index| TYPES.get(index)).copied().unwrap_or("UNKNOWN")
}

/// What it says. An error is damage.
pub(crate) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Control, String> {
    let (number, kind) = (number(key)?, kind(key));
    if kind == "UNKNOWN" {
        return Ok(Control::Unknown(format!("control records of type {number} are not known")));
    }
    let damaged = |why: String| format!("{kind}: {why}");
    let value = value.ok_or_else(|| damaged("no value".to_owned()))?;
    let mut fields = Fields(value);
    let version = fields.i16().map_err(damaged)?;
    let latest = if kind == "LEADER_CHANGE" { 1 } else { 0 };
    match version {
        ..0 => return Err(damaged(format!("version {version}"))),
        known if known <= latest => {}
        // As Kafka does: what later versions add to a marker stands behind.
        _ if number < 2 => {}
        _ => return Ok(Control::Unknown(format!("{kind} of version {version} is not known"))),
    }
    let data = data(kind, version, &mut fields).map_err(damaged)?;
    match fields.0.len() {
        _ if version > latest => {}
        0 => {}
        left => return Err(damaged(format!("{left} bytes too many"))),
    }
    Ok(Control::Known { version, data })
}

/// The fields behind the version. All but the markers, which are older, stand there with it, and end in tagged fields.
fn data(kind: &str, version: i16, fields: &mut Fields<'_>) -> Result<Value, String> {
    let mut data = match kind {
        "ABORT" | "COMMIT" => return Ok(json!({"coordinatorEpoch": fields.i32()?})),
        "LEADER_CHANGE" => {
            let leader = fields.i32()?;
            let voters = fields.array(|f| leader_voter(version, f))?;
            let granting = fields.array(|f| leader_voter(version, f))?;
            json!({"leaderId": leader, "voters": voters, "grantingVoters": granting})
        }
        "SNAPSHOT_HEADER" => json!({"lastContainedLogTimestamp": fields.i64()?}),
        "KRAFT_VERSION" => json!({"kRaftVersion": fields.i16()?}),
        "KRAFT_VOTERS" => json!({"voters": fields.array(voter)?}),
        _ => Value::Object(Map::new()),
    };
    fields.tags()?;
    data["version"] = json!(version);
    Ok(data)
}

/// A voter of an election; since version 1 with its directory (KIP-853).
fn leader_voter(version: i16, fields: &mut Fields<'_>) -> Result<Value, String> {
    let mut voter = json!({"voterId": fields.i32()?});
    if version >= 1 {
        voter["voterDirectoryId"] = json!(fields.id()?);
    }
    fields.tags()?;
    Ok(voter)
}

/// A voter of the quorum, and where it is.
fn voter(fields: &mut Fields<'_>) -> Result<Value, String> {
    let (id, directory) = (fields.i32()?, fields.id()?);
    let endpoints = fields.array(|f| {
        let endpoint = json!({"name": f.string()?, "host": f.string()?, "port": f.i16()?.cast_unsigned()});
        f.tags()?;
        Ok(endpoint)
    })?;
    let range = json!({"minSupportedVersion": fields.i16()?, "maxSupportedVersion": fields.i16()?});
    fields.tags()?;
    fields.tags()?;
    Ok(json!({"voterId": id, "voterDirectoryId": directory, "endpoints": endpoints, "kRaftVersionFeature": range}))
}

/// What is left of a message in Kafka's flexible encoding (KIP-482).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or_else(|| format!("{n} bytes expected, {} left", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "as many bytes as were taken".to_owned())
    }

    fn i16(&mut self) -> Result<i16, String> {
        self.fixed().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, String> {
        self.fixed().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, String> {
        self.fixed().map(i64::from_be_bytes)
    }

    /// An id, in Kafka's base 64.
    fn id(&mut self) -> Result<String, String> {
        self.fixed().map(|bytes| base64_id(&uuid::Uuid::from_bytes(bytes)))
    }

    fn uvarint(&mut self) -> Result<u32, String> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| "a number of more than 32 bits".to_owned());
            }
        }
        Err("a number of more than 32 bits".to_owned())
    }

    /// The length of what cannot be null. It is one more on the wire, where zero is null.
    fn len(&mut self, what: &str) -> Result<usize, String> {
        self.uvarint()?.checked_sub(1).map(|n| n as usize).ok_or_else(|| format!("{what} is null"))
    }

    fn string(&mut self) -> Result<String, String> {
        let len = self.len("a text")?;
        std::str::from_utf8(self.take(len)?).map(str::to_owned).map_err(|e| e.to_string())
    }

    fn array(&mut self, mut each: impl FnMut(&mut Fields<'a>) -> Result<Value, String>) -> Result<Vec<Value>, String> {
        let n = self.len("a list")?;
        // Every element takes a byte at least.
        if n > self.0.len() {
            return Err(format!("a list of {n} elements in {} bytes", self.0.len()));
        }
        (0..n).map(|_| each(self)).collect()
    }

    /// Tagged fields: none is known yet, so they are passed over.
    fn tags(&mut self) -> Result<(), String> {
        for _ in 0..self.uvarint()? {
            let (_, len) = (self.uvarint()?, self.uvarint()?);
            self.take(len as usize)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hexadecimal")).collect()
    }

    /// Types, values, and what `kafka-dump-log` of Kafka 4.3.1 prints of them.
    const PRINTED: [(u8, &str, &str, &str); 8] = [
        (0, "ABORT", "00000000000a", r#"{"coordinatorEpoch":10}"#),
        (1, "COMMIT", "000000000009", r#"{"coordinatorEpoch":9}"#),
        (
            2,
            "LEADER_CHANGE",
            "000000000003030000000100000000030002000000030000",
            r#"{"version":0,"leaderId":3,"voters":[{"voterId":1},{"voterId":3}],"grantingVoters":[{"voterId":3}]}"#,
        ),
        (
            2,
            "LEADER_CHANGE",
            "000100000003020000000377cc54cb3a2b4fe394802e73dabb9ddf000100",
            r#"{"version":1,"leaderId":3,"voters":[{"voterId":3,"voterDirectoryId":"d8xUyzorT-OUgC5z2rud3w"}],"grantingVoters":[]}"#,
        ),
        (3, "SNAPSHOT_HEADER", "00000000018bcfe5680000", r#"{"version":0,"lastContainedLogTimestamp":1700000000000}"#),
        (4, "SNAPSHOT_FOOTER", "000000", r#"{"version":0}"#),
        (5, "KRAFT_VERSION", "0000000100", r#"{"version":0,"kRaftVersion":1}"#),
        (
            6,
            "KRAFT_VOTERS",
            "0000020000000377cc54cb3a2b4fe394802e73dabb9ddf020b434f4e54524f4c4c45520a6c6f63616c686f7374ffff0000000001000000",
            r#"{"version":0,"voters":[{"voterId":3,"voterDirectoryId":"d8xUyzorT-OUgC5z2rud3w","endpoints":[{"name":"CONTROLLER",
            "host":"localhost","port":65535}],"kRaftVersionFeature":{"minSupportedVersion":0,"maxSupportedVersion":1}}]}"#,
        ),
    ];

    #[test]
    fn control_records_read_as_kafka_prints_them() {
        for (number, name, value, printed) in PRINTED {
            let (key, value) = ([0, 0, 0, number], bytes(value));
            let version = i16::from_be_bytes([value[0], value[1]]);
            let data: Value = serde_json::from_str(printed).expect("JSON");
            assert_eq!(kind(Some(&key)), name);
            assert_eq!(decode(Some(&key), Some(&value)), Ok(Control::Known { version, data }), "{name}");
        }
    }

    #[test]
    fn what_is_newer_is_passed_over_and_said() {
        let unknown = |key: [u8; 4], value: &str| match decode(Some(&key), Some(&bytes(value))) {
            Ok(Control::Unknown(why)) => why,
            other => format!("{other:?}"),
        };
        assert_eq!(unknown([0, 0, 0, 9], "0000"), "control records of type 9 are not known");
        assert_eq!(unknown([0, 0, 255, 255], ""), "control records of type -1 are not known");
        assert_eq!(unknown([0, 0, 0, 6], "0001"), "KRAFT_VOTERS of version 1 is not known");
        let later = Control::Known { version: 7, data: json!({"coordinatorEpoch": 9}) };
        assert_eq!(decode(Some(&[0, 1, 0, 1, 5]), Some(&bytes("000700000009ff"))), Ok(later));
    }

    #[test]
    fn damage_is_said_and_never_a_panic() {
        let why = |key: &[u8], value: &str| decode(Some(key), Some(&bytes(value))).expect_err("it is damaged");
        assert_eq!(decode(None, None), Err("a control record without a key".to_owned()));
        assert_eq!(decode(Some(&[0, 0, 0, 4]), None), Err("SNAPSHOT_FOOTER: no value".to_owned()));
        assert_eq!(why(&[0, 0, 0], "00"), "the key of a control record: 2 bytes expected, 1 left");
        assert_eq!(why(&[255, 255, 0, 2], "00"), "the key of a control record is of version -1");
        assert_eq!(why(&[0, 0, 0, 4], "ffff"), "SNAPSHOT_FOOTER: version -1");
        assert_eq!(why(&[0, 0, 0, 4], "0000000a"), "SNAPSHOT_FOOTER: 1 bytes too many");
        assert_eq!(why(&[0, 0, 0, 6], "0000ffffffff0f"), "KRAFT_VOTERS: a list of 4294967294 elements in 0 bytes");
        assert_eq!(why(&[0, 0, 0, 6], "0000ffffffffff0f"), "KRAFT_VOTERS: a number of more than 32 bits");
        assert_eq!(why(&[0, 0, 0, 2], "00000000000300"), "LEADER_CHANGE: a list is null");
        assert_eq!(why(&[0, 0, 0, 4], "0000ffffffff0f"), "SNAPSHOT_FOOTER: 1 bytes expected, 0 left");
        // Whatever is cut off or turned around.
        for (number, _, value, _) in PRINTED {
            let whole = bytes(value);
            for len in 0..whole.len() {
                assert!(decode(Some(&[0, 0, 0, number]), Some(&whole[..len])).is_err(), "{number}: {len} bytes");
            }
            for at in 0..whole.len() {
                for bit in 0..8 {
                    let mut turned = whole.clone();
                    turned[at] ^= 1 << bit;
                    let _ = decode(Some(&[0, 0, 0, number]), Some(&turned));
                }
            }
        }
    }
}
