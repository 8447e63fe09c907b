//! Batches against what Kafka 4.3.1 was seen to do, against its client's bytes, and against a naive reader.

use super::header::{MAGIC_PREFIX_BYTES, Seen};
use super::*;
use crate::time::Timestamp;
use crate::wire::ErrorCode as E;
use crate::wire::compress::{Codec, Compression, compress, decompress};
use proptest::prelude::*;

/// What the Java client writes, by codec: producer 5, epoch 2, sequence 7, transactional, four records.
const JAVA: &str = include_str!("testdata/java-client.txt");
const LATEST: i16 = 13;

/// As alone in its request.
fn check(records: Option<Bytes>, version: i16) -> Result<Checked, RecordsError> {
    super::check(records, version, &mut usize::MAX.clone())
}

#[test]
fn the_batches_of_a_request_share_what_they_may_decompress_to() {
    let zeros = vec![0; 1 << 20];
    let mut builder = BatchBuilder::new(Compression { codec: Codec::Gzip, level: None });
    builder.push_record(&record(0, 0, None, Some(&zeros)));
    let bytes = builder.build().expect("it compresses").bytes;
    let mut left = (2 << 20) + (1 << 10);
    assert!(super::check(Some(bytes.clone()), LATEST, &mut left).is_ok());
    assert!(super::check(Some(bytes.clone()), LATEST, &mut left).is_ok());
    assert!(left < 1 << 10, "{left}");
    let refused = super::check(Some(bytes), LATEST, &mut left).expect_err("no third one");
    assert_eq!((refused.code, left), (E::MessageTooLarge, 0));
}

type Verdict = Result<(), (E, Scope)>;

fn java(codec: Codec) -> Bytes {
    let line = JAVA.lines().find(|l| l.starts_with(codec.name())).expect("a line per codec");
    let hex = line.split(' ').nth(1).expect("name, then bytes");
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect::<Vec<u8>>().into()
}

fn read_all(checked: &Checked) -> Vec<Record> {
    let mut all = Vec::new();
    for batch in batches(checked.bytes.clone()) {
        let batch = batch.expect("a checked batch");
        all.extend(records(&batch.info, &batch.bytes).expect("decompresses").map(|r| r.expect("a record")));
    }
    all
}

fn record(offset: i64, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Record {
    let copy = |b: &[u8]| Bytes::copy_from_slice(b);
    Record { offset, timestamp, key: key.map(copy), value: value.map(copy), headers: Vec::new() }
}

#[test]
fn the_java_clients_batches_pass_and_read_back_in_every_codec() {
    for codec in Codec::ALL {
        let checked = check(Some(java(codec)), LATEST).expect("Kafka's own client");
        let info = checked.batches[0];
        assert_eq!(info.attributes.codec(), Some(codec));
        assert!(info.attributes.is_transactional() && !info.attributes.is_control());
        assert_eq!((info.producer_id, info.producer_epoch, info.base_sequence, info.last_sequence()), (5, 2, 7, 10));
        let seen = Seen { min_timestamp: 990, max_timestamp: 1005, max_timestamp_delta: 1, keyless: true };
        assert_eq!((info.max_timestamp, info.seen), (1005, Some(seen)));
        let header = |key: &'static str, value: Option<&'static [u8]>| RecordHeader {
            key: Bytes::from_static(key.as_bytes()),
            value: value.map(Bytes::from_static),
        };
        let second = Record { headers: vec![header("h1", Some(b"x")), header("h2", None)], ..record(1, 1005, None, Some(b"")) };
        let expected = [
            record(0, 1000, Some(b"k1"), Some(b"v1")),
            second,
            record(2, 990, Some(b""), None),
            record(3, 1005, Some(b"k2"), Some(&[b'z'; 300])),
        ];
        assert_eq!(read_all(&checked), expected, "{codec:?}");
    }
}

#[test]
fn an_uncompressed_batch_is_built_byte_for_byte_as_the_java_client_builds_it() {
    let golden = check(Some(java(Codec::None)), LATEST).expect("Kafka's own client");
    let mut builder = BatchBuilder::new(Compression::default()).producer(5, 2, 7).transactional(true);
    read_all(&golden).iter().for_each(|r| builder.push_record(r));
    assert_eq!(builder.build().expect("no codec"), golden);
}

/// A batch with mistakes. The defaults make a good one of one record.
#[derive(Clone)]
struct Odd {
    base: i64,
    magic: u8,
    attributes: i16,
    last_delta: Option<i32>,
    count: Option<i32>,
    base_timestamp: i64,
    max_timestamp: i64,
    producer: (i64, i16, i32),
    records: Vec<Vec<u8>>,
    payload: Option<Vec<u8>>,
    crc_wrong: bool,
}

impl Default for Odd {
    fn default() -> Odd {
        Odd {
            base: 0,
            magic: 2,
            attributes: 0,
            last_delta: None,
            count: None,
            base_timestamp: 1_000,
            max_timestamp: 1_000,
            producer: (-1, -1, -1),
            records: vec![rec(0)],
            payload: None,
            crc_wrong: false,
        }
    }
}

/// A record with key "k" and value "v".
fn rec(offset_delta: u8) -> Vec<u8> {
    vec![16, 0, 0, offset_delta * 2, 2, b'k', 2, b'v', 0]
}

impl Odd {
    fn bytes(&self) -> Bytes {
        let payload = self.payload.clone().unwrap_or_else(|| self.records.concat());
        let count = i32::try_from(self.records.len()).expect("few");
        let mut info = BatchInfo {
            base_offset: self.base,
            leader_epoch: -1,
            attributes: Attributes(self.attributes),
            last_offset_delta: self.last_delta.unwrap_or(count - 1),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: self.producer.0,
            producer_epoch: self.producer.1,
            base_sequence: self.producer.2,
            count: self.count.unwrap_or(count),
            ..BatchInfo::default()
        };
        let mut bytes = info.seal(&payload).to_vec();
        bytes[MAGIC_PREFIX_BYTES - 1] = self.magic;
        bytes[20] ^= u8::from(self.crc_wrong);
        bytes.extend(payload);
        bytes.into()
    }

    /// Cut to this length, which the header then says.
    fn cut(&self, length: i32) -> Bytes {
        let mut bytes = self.bytes().to_vec();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes.truncate(12 + usize::try_from(length).unwrap_or(60));
        bytes.into()
    }

    fn packed(codec: Codec, records: Vec<Vec<u8>>) -> Odd {
        let payload = Some(compress(Compression { codec, level: None }, &records.concat()).expect("compresses"));
        Odd { attributes: codec.number(), records, payload, ..Odd::default() }
    }
}

fn verdict(bytes: impl Into<Bytes>, version: i16) -> Verdict {
    check(Some(bytes.into()), version).map(|_| ()).map_err(|e| (e.code, e.scope))
}

#[test]
fn framing_mistakes_get_kafkas_answers() {
    let ok = Odd::default().bytes();
    let join = |tail: &[u8]| Bytes::from([&ok[..], tail].concat());
    let partition = |code| Err((code, Scope::Partition));
    let request = |code| Err((code, Scope::Request));
    assert_eq!(check(None, LATEST).map_err(|e| e.code), Err(E::InvalidRecord));
    let cases: Vec<(&str, Bytes, Verdict)> = vec![
        ("good", ok.clone(), Ok(())),
        ("empty", Bytes::new(), partition(E::InvalidRecord)),
        ("11 bytes", Bytes::from_static(&[0; 11]), partition(E::InvalidRecord)),
        ("12 zero bytes", Bytes::from_static(&[0; 12]), request(E::CorruptMessage)),
        ("cut off", ok.slice(..ok.len() - 1), partition(E::InvalidRecord)),
        ("5 bytes after it", join(&[1; 5]), Ok(())),
        ("12 zero bytes after it", join(&[0; 12]), partition(E::CorruptMessage)),
        ("16 bytes of another", join(&ok[..16]), Ok(())),
        ("another, cut off", join(&ok[..ok.len() - 1]), Ok(())),
        ("two", join(&ok), partition(E::InvalidRecord)),
        ("magic 0", Odd { magic: 0, ..Odd::default() }.bytes(), partition(E::InvalidRecord)),
        ("magic 1", Odd { magic: 1, ..Odd::default() }.bytes(), partition(E::InvalidRecord)),
        ("magic 3", Odd { magic: 3, ..Odd::default() }.bytes(), request(E::CorruptMessage)),
        ("magic -1", Odd { magic: 255, ..Odd::default() }.bytes(), request(E::CorruptMessage)),
        ("length -5", Odd::default().cut(-5), request(E::CorruptMessage)),
        ("length 13", Odd::default().cut(13), request(E::CorruptMessage)),
        ("length 14", Odd::default().cut(14), request(E::UnknownServerError)),
        ("length 38", Odd::default().cut(38), request(E::UnknownServerError)),
        ("length 39", Odd::default().cut(39), partition(E::CorruptMessage)),
        ("length 48", Odd::default().cut(48), partition(E::CorruptMessage)),
        ("bad CRC", Odd { crc_wrong: true, ..Odd::default() }.bytes(), partition(E::CorruptMessage)),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(verdict(bytes, LATEST), expected, "{name}");
    }
    let said = check(Some(Bytes::from_static(&[0; 12])), LATEST).expect_err("no batch").message;
    assert_eq!(said.as_deref(), Some("Record size 0 is less than the minimum record overhead (14)"));
    let said = check(Some(Odd { magic: 3, ..Odd::default() }.bytes()), LATEST).expect_err("no magic").message;
    assert_eq!(said.as_deref(), Some("Invalid magic found in record: 3"));
}

#[test]
fn header_mistakes_get_kafkas_answers() {
    let log = |code| Err((code, Scope::Log));
    let odd = Odd::default;
    let cases: Vec<(&str, Odd, Verdict)> = vec![
        ("base offset 5", Odd { base: 5, ..odd() }, log(E::InvalidRecord)),
        ("base offset 5, bad CRC", Odd { base: 5, crc_wrong: true, ..odd() }, log(E::InvalidRecord)),
        ("codec 5", Odd { attributes: 5, ..odd() }, log(E::UnknownServerError)),
        ("codec 7, control", Odd { attributes: 39, ..odd() }, log(E::UnknownServerError)),
        ("no records", Odd { records: vec![], ..odd() }, log(E::InvalidRecord)),
        ("count 0", Odd { count: Some(0), ..odd() }, log(E::InvalidRecord)),
        ("count -1", Odd { count: Some(-1), ..odd() }, log(E::InvalidRecord)),
        ("count 2 in a range of 1", Odd { count: Some(2), ..odd() }, log(E::InvalidRecord)),
        ("last delta -5", Odd { last_delta: Some(-5), ..odd() }, log(E::InvalidRecord)),
        ("last delta beyond all", Odd { last_delta: Some(i32::MAX), ..odd() }, log(E::InvalidRecord)),
        ("control", Odd { attributes: 32, ..odd() }, log(E::InvalidRecord)),
        ("a producer without sequence", Odd { producer: (5, 0, -1), ..odd() }, log(E::InvalidRecord)),
        ("a producer without epoch", Odd { producer: (5, -1, 0), ..odd() }, Ok(())),
        ("a sequence without producer", Odd { producer: (-1, 3, 4), ..odd() }, Ok(())),
        ("producer -2", Odd { producer: (-2, 0, -1), ..odd() }, Ok(())),
        ("unknown attribute bits", Odd { attributes: 0x01c0, ..odd() }, Ok(())),
        ("LogAppendTime claimed", Odd { attributes: 8, ..odd() }, Ok(())),
    ];
    for (name, batch, expected) in cases {
        assert_eq!(verdict(batch.bytes(), LATEST), expected, "{name}");
    }
}

#[test]
fn record_mistakes_get_kafkas_answers() {
    let invalid = Err((E::InvalidRecord, Scope::Log));
    let plain = |record: Vec<u8>| Odd { records: vec![record], ..Odd::default() };
    let patched = |at: usize, byte: u8| {
        let mut r = rec(0);
        r[at] = byte;
        plain(r)
    };
    let cases: Vec<(&str, Odd, Verdict)> = vec![
        ("record attributes", patched(1, 0xff), Ok(())),
        ("length 3 too large", patched(0, 22), invalid),
        ("length 3 too small", patched(0, 10), invalid),
        ("length negative", patched(0, 9), invalid),
        ("length 0", plain(vec![0]), invalid),
        ("key of length -2", plain(vec![14, 0, 0, 0, 3, 2, b'v', 0]), Ok(())),
        ("key beyond its record", patched(4, 100), invalid),
        ("60 headers", patched(8, 120), invalid),
        ("-1 headers", patched(8, 1), invalid),
        ("a header without key", plain(vec![20, 0, 0, 0, 2, b'k', 2, b'v', 2, 1, 1]), invalid),
        ("a header without value", plain(vec![22, 0, 0, 0, 2, b'k', 2, b'v', 2, 2, b'h', 1]), Ok(())),
        ("length cut off", Odd { count: Some(2), last_delta: Some(1), ..plain([rec(0), vec![0xff]].concat()) }, invalid),
        ("one of two records", Odd { count: Some(2), last_delta: Some(1), ..Odd::default() }, invalid),
        ("two for one record", plain([rec(0), rec(1)].concat()), invalid),
        ("length of 6 bytes", plain([vec![0xff; 6], rec(0)].concat()), Err((E::UnknownServerError, Scope::Log))),
        ("number of 11 bytes", plain([vec![40, 0], vec![0xff; 19]].concat()), invalid),
    ];
    for (name, batch, expected) in cases {
        assert_eq!(verdict(batch.bytes(), LATEST), expected, "{name}");
    }
}

#[test]
fn compression_mistakes_get_kafkas_answers() {
    let server = Err((E::UnknownServerError, Scope::Log));
    let invalid = Err((E::InvalidRecord, Scope::Log));
    for codec in Codec::ALL.into_iter().skip(1) {
        let good = Odd::packed(codec, vec![rec(0), rec(1)]);
        assert_eq!(verdict(good.bytes(), LATEST), Ok(()), "{codec:?}");
        let garbage = Odd { payload: Some(rec(0)), ..good.clone() };
        assert_eq!(verdict(garbage.bytes(), LATEST), server, "{codec:?} garbage");
        let gap = Odd::packed(codec, vec![rec(0), rec(5)]);
        assert_eq!(verdict(gap.bytes(), LATEST), server, "{codec:?} offsets");
        let few = Odd { records: vec![rec(0); 3], ..good.clone() };
        assert_eq!(verdict(few.bytes(), LATEST), invalid, "{codec:?} too few");
        let many = Odd { records: vec![rec(0)], ..good.clone() };
        assert_eq!(verdict(many.bytes(), LATEST), invalid, "{codec:?} too many");
        let nothing = Odd { payload: Some(Vec::new()), ..good };
        assert_eq!(verdict(nothing.bytes(), LATEST), if codec == Codec::Zstd { invalid } else { server }, "{codec:?} empty");
    }
    let zstd = Odd::packed(Codec::Zstd, vec![rec(0)]);
    assert_eq!(verdict(zstd.bytes(), 6), Err((E::UnsupportedCompressionType, Scope::Partition)));
    assert_eq!(verdict(zstd.bytes(), 7), Ok(()));
    assert_eq!(verdict(Odd { attributes: 5, ..Odd::default() }.bytes(), 3), Err((E::UnknownServerError, Scope::Request)));
    let mut trailing = Odd::packed(Codec::Gzip, vec![rec(0)]);
    trailing.payload.as_mut().expect("packed").extend_from_slice(b"garbage");
    assert_eq!(verdict(trailing.bytes(), LATEST), Ok(()));
    let mut cut = Odd::packed(Codec::Gzip, vec![rec(0)]);
    cut.payload.as_mut().expect("packed").truncate(20);
    assert_eq!(verdict(cut.bytes(), LATEST), server);
}

#[test]
fn uncompressed_records_with_gaps_are_numbered_anew() {
    let checked = check(Some(Odd { records: vec![rec(7), rec(3)], ..Odd::default() }.bytes()), LATEST).expect("Kafka takes it");
    assert_eq!(checked, check(Some(Odd { records: vec![rec(0), rec(1)], ..Odd::default() }.bytes()), LATEST).expect("good"));
}

const POLICY: AppendPolicy = AppendPolicy {
    bytes_max: 1 << 20,
    compression: None,
    log_append_time: false,
    timestamp_before_max_ms: i64::MAX,
    timestamp_after_max_ms: 3_600_000,
    compacted: false,
};
const NOW: Timestamp = Timestamp(1_795_430_371_118);

fn ready(batch: &Odd, policy: &AppendPolicy) -> Result<Ready, RecordsError> {
    let checked = check(Some(batch.bytes()), LATEST).expect("checked before");
    prepare(&checked, policy, "t", 0, NOW)
}

fn stored(batch: &Odd, policy: &AppendPolicy) -> (BatchInfo, Bytes) {
    let (info, parts) = ready(batch, policy).expect("taken").stamp(40, 6);
    let bytes = Bytes::from(parts.concat());
    let read = BatchInfo::parse(&bytes, 0).expect("a batch");
    assert_eq!(BatchInfo { seen: read.seen, ..info }, read, "the info says what the bytes say");
    assert!(read.crc_matches(&bytes));
    (read, bytes)
}

#[test]
fn a_good_batch_is_appended_without_touching_its_payload() {
    let checked = check(Some(java(Codec::Lz4)), LATEST).expect("good");
    let (info, [header, payload]) = prepare(&checked, &POLICY, "t", 0, NOW).expect("taken").stamp(40, 6);
    assert_eq!((info.base_offset, info.leader_epoch, info.next_offset()), (40, 6, 44));
    assert_eq!(info.max_timestamp_offset(), Some(41));
    assert_eq!(payload.as_ptr(), checked.bytes[HEADER_BYTES..].as_ptr());
    assert_eq!(header[16..], checked.bytes[16..HEADER_BYTES], "nothing behind the leader epoch changes");
}

#[test]
fn timestamps_follow_the_topics_type() {
    let log_append = AppendPolicy { log_append_time: true, ..POLICY };
    let (info, bytes) = stored(&Odd::default(), &log_append);
    assert!(info.attributes.is_log_append_time());
    assert_eq!(info.max_timestamp, NOW.0);
    assert_eq!(records(&info, &bytes).expect("plain").next().expect("one").expect("good").timestamp, NOW.0);
    assert_eq!((info.base_offset, info.max_timestamp_offset()), (40, Some(40)));
    // The records decide, not the header.
    for wrong in [5, 1 << 50] {
        assert_eq!(stored(&Odd { max_timestamp: wrong, ..Odd::default() }, &POLICY).0.max_timestamp, 1_000);
    }
    // A producer that claims the broker's clock is believed only as far as the bounds go, and the claim is taken away.
    let claimed = stored(&Odd { attributes: 8, max_timestamp: NOW.0, ..Odd::default() }, &POLICY).0;
    assert_eq!((claimed.attributes.is_log_append_time(), claimed.max_timestamp), (false, NOW.0));
    for timestamp in [-1, 0, -5, NOW.0 + 3_600_000] {
        assert!(ready(&Odd { base_timestamp: timestamp, max_timestamp: timestamp, ..Odd::default() }, &POLICY).is_ok());
    }
}

#[test]
fn refusals_speak_kafkas_words() {
    let future = Odd { base_timestamp: 1_796_430_359_671, records: vec![rec(0), rec(1)], ..Odd::default() };
    let e = ready(&future, &POLICY).expect_err("too late");
    assert_eq!((e.code, e.scope, e.records.len()), (E::InvalidTimestamp, Scope::Log, 2));
    assert_eq!(e.message.as_deref(), Some("One or more records have been rejected due to invalid timestamp"));
    assert_eq!(
        e.records[0].1,
        "Timestamp 1796430359671 of message with offset 0 is out of range. The timestamp should be within \
         [-9223370241424404689, 1795433971118]"
    );
    let minimal = Odd { base_timestamp: i64::MIN, ..Odd::default() };
    assert_eq!(ready(&minimal, &POLICY).map_err(|e| e.code), Err(E::InvalidTimestamp));

    let claim = Odd { attributes: 8, base_timestamp: -1, max_timestamp: -1, ..Odd::default() };
    assert_eq!(
        ready(&claim, &POLICY).expect_err("no time").records[0].1,
        "Invalid timestamp type in message DefaultRecord(offset=0, timestamp=-1, key=1 bytes, value=1 bytes). \
         Producer should not set timestamp type to LogAppendTime."
    );

    let keyless = |delta: u8| vec![14, 0, 0, delta * 2, 1, 2, b'v', 0];
    let compacted = AppendPolicy { compacted: true, ..POLICY };
    let batch = Odd { records: vec![rec(0), keyless(1), keyless(2), keyless(3), keyless(4)], ..Odd::default() };
    assert!(ready(&batch, &POLICY).is_ok());
    let e = ready(&batch, &compacted).expect_err("no keys");
    assert_eq!((e.code, e.records.iter().map(|r| r.0).collect::<Vec<_>>()), (E::InvalidRecord, vec![1, 2, 3, 4]));
    let one = |i: i32| {
        format!("RecordError(batchIndex={i}, message='Compacted topic cannot accept message without key in topic partition t-0')")
    };
    let message = format!(
        "One or more records have been rejected due to 4 record errors in total, and only showing the first three errors \
         at most: [{}, {}, {}]",
        one(1),
        one(2),
        one(3)
    );
    assert_eq!(e.message, Some(message));
}

#[test]
fn size_is_found_before_a_wrong_checksum_and_after_a_wrong_base_offset() {
    let large = Odd::default().bytes().len();
    let small = u32::try_from(large - 1).expect("small");
    let error = |batch: Odd| check(Some(batch.bytes()), LATEST).expect_err("refused").limited(small).code;
    assert_eq!(error(Odd { crc_wrong: true, ..Odd::default() }), E::MessageTooLarge);
    assert_eq!(error(Odd { base: 3, ..Odd::default() }), E::InvalidRecord);
    let e = ready(&Odd::default(), &AppendPolicy { bytes_max: small, ..POLICY }).expect_err("too large");
    assert_eq!((e.code, e.scope), (E::MessageTooLarge, Scope::Partition));
    assert!(ready(&Odd::default(), &AppendPolicy { bytes_max: small + 1, ..POLICY }).is_ok());
}

#[test]
fn a_topic_with_its_own_codec_stores_the_same_records_in_it() {
    for source in Codec::ALL {
        let checked = check(Some(java(source)), LATEST).expect("good");
        for target in Codec::ALL {
            let policy = AppendPolicy { compression: Some(Compression { codec: target, level: None }), ..POLICY };
            let (info, parts) = prepare(&checked, &policy, "t", 0, NOW).expect("taken").stamp(0, -1);
            assert_eq!(info.attributes.codec(), Some(target));
            let again = check(Some(parts.concat().into()), LATEST).expect("still good");
            assert_eq!(read_all(&again), read_all(&checked), "{source:?} to {target:?}");
            assert_eq!((info.producer_id, info.base_sequence, info.max_timestamp), (5, 7, 1005));
            assert!(info.attributes.is_transactional());
        }
    }
}

#[test]
fn a_batch_that_decompresses_to_too_much_is_refused_early() {
    let zeros = vec![0; 1 << 20];
    for codec in Codec::ALL.into_iter().skip(1) {
        let packed = compress(Compression { codec, level: None }, &zeros).expect("compresses");
        assert_eq!(decompress(codec, &packed, 1 << 20).map(|v| v.len()), Ok(1 << 20), "{codec:?}");
        assert!(decompress(codec, &packed, (1 << 20) - 1).is_err(), "{codec:?}");
    }
    // Raw snappy that says it holds four gigabytes.
    assert!(decompress(Codec::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], 1 << 30).is_err());
}

#[test]
fn raw_snappy_is_read_as_librdkafka_writes_it() {
    let raw = snap::raw::Encoder::new().compress_vec(&rec(0)).expect("compresses");
    let batch = Odd { attributes: Codec::Snappy.number(), payload: Some(raw), ..Odd::default() };
    assert_eq!(verdict(batch.bytes(), LATEST), Ok(()));
}

#[test]
fn levels_are_the_codecs_own() {
    let plain = vec![7; 10_000];
    for (codec, levels) in [(Codec::Gzip, [-1, 1, 9]), (Codec::Zstd, [-131_072, 1, 22]), (Codec::Lz4, [1, 9, 17])] {
        for level in levels {
            let packed = compress(Compression { codec, level: Some(level) }, &plain).expect("a level of Kafka's");
            assert_eq!(decompress(codec, &packed, 10_000).expect("readable"), plain);
        }
    }
    assert!(compress(Compression { codec: Codec::Gzip, level: Some(10) }, &plain).is_err());
}

#[test]
fn a_fetched_range_ends_quietly_in_a_cut_off_batch_and_loudly_in_a_broken_one() {
    let one = java(Codec::Gzip);
    let all = [&one[..], &java(Codec::None)[..], &one[..one.len() - 1]].concat();
    let mut reader = batches(all.clone().into());
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
    assert_eq!(reader.rest().len(), one.len() - 1);
    let mut broken = all;
    broken[one.len() + 70] ^= 1;
    let read: Vec<_> = batches(broken.into()).collect();
    assert!(matches!(read[..], [Ok(_), Err(records::ReadError::Crc { base_offset: 0 })]));
}

type Field = Option<Vec<u8>>;
/// Timestamp, key, value, headers.
type Fields = (i64, Field, Field, Vec<(Vec<u8>, Field)>);

fn field() -> impl Strategy<Value = Field> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40))
}

fn any_record() -> impl Strategy<Value = Fields> {
    let header = (proptest::collection::vec(any::<u8>(), 0..10), field());
    (-1i64..1 << 45, field(), field(), proptest::collection::vec(header, 0..4))
}

fn build(codec: Codec, list: &[Fields]) -> Checked {
    let mut builder = BatchBuilder::new(Compression { codec, level: None });
    for (timestamp, key, value, headers) in list {
        let headers = headers.iter().map(|(k, v)| (&k[..], v.as_deref()));
        builder.push(*timestamp, key.as_deref(), value.as_deref(), headers);
    }
    builder.build().expect("compresses")
}

/// Reads records by the letter of the format: no streaming, no shortcuts, one cursor over one slice.
fn naive(mut at: &[u8], count: i32) -> Option<Vec<i64>> {
    fn number(at: &mut &[u8], bytes_max: usize) -> Option<i64> {
        let len = at.iter().position(|b| *b < 0x80).filter(|n| *n < bytes_max)? + 1;
        let raw = at[..len].iter().rev().fold(0u128, |n, b| n << 7 | u128::from(b & 0x7f));
        *at = &at[len..];
        let raw = if bytes_max == 5 { raw & u128::from(u32::MAX) } else { raw & u128::from(u64::MAX) };
        let half = i128::try_from(raw >> 1).expect("64 bits");
        i64::try_from(if raw & 1 == 1 { -half - 1 } else { half }).ok()
    }
    fn bytes(at: &mut &[u8]) -> Option<bool> {
        let len = number(at, 5)?;
        if len < 0 {
            return Some(false);
        }
        *at = at.get(usize::try_from(len).ok()?..)?;
        Some(true)
    }
    let mut deltas = Vec::new();
    for _ in 0..count {
        let len = usize::try_from(number(&mut at, 5)?).ok()?;
        let mut body = at.get(..len)?;
        at = &at[len..];
        body = body.get(1..)?;
        number(&mut body, 10)?;
        deltas.push(number(&mut body, 5)?);
        bytes(&mut body)?;
        bytes(&mut body)?;
        let headers = number(&mut body, 5)?;
        if headers < 0 {
            return None;
        }
        for _ in 0..headers {
            bytes(&mut body)?.then_some(())?;
            bytes(&mut body)?;
        }
        body.is_empty().then_some(())?;
    }
    at.is_empty().then_some(deltas)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_built_passes_and_reads_back(list in proptest::collection::vec(any_record(), 1..20), codec in 0i16..5) {
        let codec = Codec::from_number(codec).expect("five codecs");
        let built = build(codec, &list);
        let checked = check(Some(built.bytes.clone()), LATEST).expect("our own");
        prop_assert_eq!(&checked, &built);
        for ((got, (timestamp, key, value, headers)), offset) in read_all(&checked).into_iter().zip(&list).zip(0..) {
            let owned = |f: &Field| f.clone().map(Bytes::from);
            prop_assert_eq!((got.offset, got.timestamp, got.key, got.value), (offset, *timestamp, owned(key), owned(value)));
            let headers: Vec<RecordHeader> =
                headers.iter().map(|(k, v)| RecordHeader { key: k.clone().into(), value: owned(v) }).collect();
            prop_assert_eq!(got.headers, headers);
        }
    }

    /// The record parser accepts what the format allows and nothing else, whatever is done to the bytes.
    #[test]
    fn the_check_agrees_with_a_naive_reader(
        list in proptest::collection::vec(any_record(), 1..6),
        hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        cut in proptest::option::of(any::<usize>()),
    ) {
        let built = build(Codec::None, &list);
        let mut payload = built.bytes[HEADER_BYTES..].to_vec();
        for (at, byte) in hits {
            let at = at % payload.len();
            payload[at] = byte;
        }
        if let Some(cut) = cut {
            payload.truncate(cut % (payload.len() + 1));
        }
        let reference = naive(&payload, built.batches[0].count);
        let records = vec![Vec::new(); list.len()];
        let batch = Odd { records, payload: Some(payload), ..Odd::default() };
        match (check(Some(batch.bytes()), LATEST), reference) {
            (Ok(checked), Some(_)) => prop_assert_eq!(read_all(&checked).len(), list.len()),
            (Err(_), None) => {}
            (got, want) => prop_assert!(false, "{:?} where the reference says {:?}", got, want),
        }
    }

    #[test]
    fn hostile_payloads_never_panic(
        list in proptest::collection::vec(any_record(), 1..6),
        codec in 1i16..5,
        hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        version in 3i16..14,
    ) {
        let built = build(Codec::from_number(codec).expect("four codecs"), &list);
        let mut payload = built.bytes[HEADER_BYTES..].to_vec();
        for (at, byte) in hits {
            let at = at % payload.len();
            payload[at] = byte;
        }
        let records = vec![Vec::new(); list.len()];
        let batch = Odd { attributes: codec, records, payload: Some(payload), ..Odd::default() }.bytes();
        if let Ok(checked) = check(Some(batch.clone()), version) {
            prop_assert_eq!(read_all(&checked).len(), list.len());
        }
        for batch in batches(batch).flatten() {
            if let Ok(records) = super::records(&batch.info, &batch.bytes) {
                prop_assert!(records.count() <= list.len());
            }
        }
    }

    #[test]
    fn hostile_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), magic in 0u8..4, len in 0i32..250) {
        if bytes.len() > 17 {
            bytes[16] = magic;
            bytes[8..12].copy_from_slice(&len.to_be_bytes());
        }
        let _ = check(Some(bytes.clone().into()), LATEST);
        let _ = batches(bytes.into()).count();
    }
}

#[test]
fn an_lz4_frame_with_dependent_blocks_is_refused_as_apache_kafka_refuses_it() {
    let compression = Compression { codec: Codec::Lz4, level: None };
    let mut frame = compress(compression, b"some records").expect("it compresses");
    assert_eq!(decompress(Codec::Lz4, &frame, 100).as_deref(), Ok(&b"some records"[..]));
    // As lz4js writes it: the flag is not set, and the header's checksum agrees.
    frame[4] &= !0x20;
    let refused = decompress(Codec::Lz4, &frame, 100).expect_err("Java could not read it");
    assert!(refused.contains("dependent"), "{refused}");
}
