//! The records of the metadata log, in Kafka's own schemas, so that Kafka's tools read them.
//!
//! State       none.
//! Holds       what is encoded decodes to the same; a record that is not known here is an error, never skipped.
//! Not here    what a record does (`image.rs`), batches (`wire::batch`), control records (`control.rs`).
//! Read first  `Record`. Framing: frame version, record type and record version as unsigned varints, then the fields.

use super::schema::{Bad, Reader, Writer};
use uuid::Uuid;

/// One change of cluster metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    RegisterBroker(RegisterBroker),
    UnregisterBroker { broker: i32, epoch: i64 },
    Topic { name: String, id: Uuid },
    Partition(PartitionRecord),
    Config { resource_type: i8, resource_name: String, name: String, value: Option<String> },
    PartitionChange(PartitionChange),
    FenceBroker { broker: i32, epoch: i64 },
    UnfenceBroker { broker: i32, epoch: i64 },
    RemoveTopic { id: Uuid },
    FeatureLevel { name: String, level: i16 },
    ProducerIds { broker: i32, epoch: i64, next: i64 },
    BrokerChange(BrokerChange),
    NoOp,
    BeginTransaction { name: Option<String> },
    EndTransaction,
    AbortTransaction { reason: Option<String> },
    RegisterController(RegisterController),
    ClearElr { topic_name: String },
}

/// A place where a node listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The listener's name, e.g. PLAINTEXT.
    pub listener: String,
    pub host: String,
    pub port: u16,
    /// Kafka's number of the protocol: 0 is PLAINTEXT.
    pub security: i16,
}

/// The levels of a feature that a node supports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeatureRange {
    pub name: String,
    pub min: i16,
    pub max: i16,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterBroker {
    pub broker: i32,
    pub incarnation: Uuid,
    pub epoch: i64,
    pub endpoints: Vec<Endpoint>,
    pub features: Vec<FeatureRange>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    /// `None`: not known yet.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BrokerChange {
    pub broker: i32,
    pub epoch: i64,
    /// -1 unfenced, 1 fenced, 0 no change.
    pub fenced: i8,
    /// 1 entered, 0 no change.
    pub in_controlled_shutdown: i8,
    /// Empty: no change.
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartitionRecord {
    pub topic: Uuid,
    pub index: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing: Vec<i32>,
    pub adding: Vec<i32>,
    pub leader: i32,
    /// 1 after an unclean election, until the leader has recovered.
    pub recovery_state: i8,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub directories: Vec<Uuid>,
    pub elr: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

/// `None` everywhere means no change.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartitionChange {
    pub topic: Uuid,
    pub index: i32,
    pub isr: Option<Vec<i32>>,
    /// -1: nobody.
    pub leader: Option<i32>,
    pub replicas: Option<Vec<i32>>,
    pub removing: Option<Vec<i32>>,
    pub adding: Option<Vec<i32>>,
    pub recovery_state: Option<i8>,
    pub directories: Option<Vec<Uuid>>,
    pub elr: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterController {
    pub controller: i32,
    pub incarnation: Uuid,
    pub zk_migration_ready: bool,
    pub endpoints: Vec<Endpoint>,
    pub features: Vec<FeatureRange>,
}

/// Kafka's frame around every record; there has only ever been this version.
const FRAME_VERSION: u32 = 1;
const LEADER_UNCHANGED: i32 = -2;

fn ints(w: &mut Writer, v: &[i32]) {
    w.array(v, |w, n| w.i32(*n));
}

fn uuids(w: &mut Writer, v: &[Uuid]) {
    w.array(v, |w, id| w.uuid(*id));
}

fn endpoints(w: &mut Writer, v: &[Endpoint]) {
    w.array(v, |w, e| {
        w.string(&e.listener);
        w.string(&e.host);
        w.u16(e.port);
        w.i16(e.security);
        w.no_tags();
    });
}

fn features(w: &mut Writer, v: &[FeatureRange]) {
    w.array(v, |w, f| {
        w.string(&f.name);
        w.i16(f.min);
        w.i16(f.max);
        w.no_tags();
    });
}

/// A tagged field, unless it has its default.
fn tag(fields: &mut Vec<(u32, Writer)>, number: u32, present: bool, write: impl FnOnce(&mut Writer)) {
    if present {
        let mut w = Writer::default();
        write(&mut w);
        fields.push((number, w));
    }
}

fn tag_list<T>(fields: &mut Vec<(u32, Writer)>, number: u32, value: Option<&Vec<T>>, write: impl FnOnce(&mut Writer, &[T])) {
    if let Some(value) = value {
        tag(fields, number, true, |w| write(w, value));
    }
}

impl Record {
    /// Kafka's number and the version in which the record is written here: those of metadata version 4.3.
    fn kind(&self) -> (u32, u32) {
        match self {
            Record::RegisterBroker(_) => (0, 4),
            Record::UnregisterBroker { .. } => (1, 0),
            Record::Topic { .. } => (2, 0),
            Record::Partition(_) => (3, 2),
            Record::Config { .. } => (4, 0),
            Record::PartitionChange(_) => (5, 2),
            Record::FenceBroker { .. } => (7, 0),
            Record::UnfenceBroker { .. } => (8, 0),
            Record::RemoveTopic { .. } => (9, 0),
            Record::FeatureLevel { .. } => (12, 0),
            Record::ProducerIds { .. } => (15, 0),
            Record::BrokerChange(_) => (17, 3),
            Record::NoOp => (20, 0),
            Record::BeginTransaction { .. } => (23, 0),
            Record::EndTransaction => (24, 0),
            Record::AbortTransaction { .. } => (25, 0),
            Record::RegisterController(_) => (27, 0),
            Record::ClearElr { .. } => (28, 0),
        }
    }

    /// The bytes of the record, frame included: the value of a Kafka record without a key.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        let (kind, version) = self.kind();
        w.uvarint(FRAME_VERSION);
        w.uvarint(kind);
        w.uvarint(version);
        self.encode_fields(&mut w);
        w.0
    }

    fn encode_fields(&self, w: &mut Writer) {
        match self {
            Record::RegisterBroker(r) => return encode_register_broker(w, r),
            Record::Partition(r) => return encode_partition(w, r),
            Record::PartitionChange(r) => return encode_partition_change(w, r),
            Record::BrokerChange(r) => return encode_broker_change(w, r),
            Record::BeginTransaction { name: text } | Record::AbortTransaction { reason: text } => {
                let mut fields = Vec::new();
                tag(&mut fields, 0, text.is_some(), |w| w.nullable(text.as_deref()));
                return w.tagged(&fields);
            }
            Record::UnregisterBroker { broker, epoch }
            | Record::FenceBroker { broker, epoch }
            | Record::UnfenceBroker { broker, epoch } => {
                w.i32(*broker);
                w.i64(*epoch);
            }
            Record::Topic { name, id } => {
                w.string(name);
                w.uuid(*id);
            }
            Record::Config { resource_type, resource_name, name, value } => {
                w.i8(*resource_type);
                w.string(resource_name);
                w.string(name);
                w.nullable(value.as_deref());
            }
            Record::RemoveTopic { id } => w.uuid(*id),
            Record::FeatureLevel { name, level } => {
                w.string(name);
                w.i16(*level);
            }
            Record::ProducerIds { broker, epoch, next } => {
                w.i32(*broker);
                w.i64(*epoch);
                w.i64(*next);
            }
            Record::NoOp | Record::EndTransaction => {}
            Record::RegisterController(r) => {
                w.i32(r.controller);
                w.uuid(r.incarnation);
                w.bool(r.zk_migration_ready);
                endpoints(w, &r.endpoints);
                features(w, &r.features);
            }
            Record::ClearElr { topic_name } => w.string(topic_name),
        }
        w.no_tags();
    }

    /// The version in which these bytes hold a record.
    pub fn version(bytes: &[u8]) -> Result<u32, String> {
        read_frame(&mut Reader(bytes)).map(|(_, version)| version)
    }

    /// The record that these bytes are.
    pub fn decode(bytes: &[u8]) -> Result<Record, String> {
        let mut r = Reader(bytes);
        let (kind, version) = read_frame(&mut r)?;
        let record = decode_fields(kind, version, &mut r)
            .map_err(|why| format!("metadata record of type {kind}, version {version}: {why}"))?;
        if r.0.is_empty() { Ok(record) } else { Err(format!("metadata record of type {kind}: {} bytes too many", r.0.len())) }
    }
}

/// The type and the version of the record that follows.
fn read_frame(r: &mut Reader<'_>) -> Result<(u32, u32), String> {
    let frame = r.uvarint()?;
    if frame != FRAME_VERSION {
        return Err(format!("metadata record in frame version {frame}, which is not known here"));
    }
    Ok((r.uvarint()?, r.uvarint()?))
}

fn encode_register_broker(w: &mut Writer, r: &RegisterBroker) {
    w.i32(r.broker);
    w.bool(false);
    w.uuid(r.incarnation);
    w.i64(r.epoch);
    endpoints(w, &r.endpoints);
    features(w, &r.features);
    w.nullable(r.rack.as_deref());
    w.bool(r.fenced);
    w.bool(r.in_controlled_shutdown);
    let mut fields = Vec::new();
    tag(&mut fields, 0, !r.log_dirs.is_empty(), |w| uuids(w, &r.log_dirs));
    tag_list(&mut fields, 1, r.cordoned_log_dirs.as_ref(), uuids);
    w.tagged(&fields);
}

fn encode_partition(w: &mut Writer, r: &PartitionRecord) {
    w.i32(r.index);
    w.uuid(r.topic);
    for list in [&r.replicas, &r.isr, &r.removing, &r.adding] {
        ints(w, list);
    }
    w.i32(r.leader);
    w.i32(r.leader_epoch);
    w.i32(r.partition_epoch);
    uuids(w, &r.directories);
    let mut fields = Vec::new();
    tag(&mut fields, 0, r.recovery_state != 0, |w| w.i8(r.recovery_state));
    tag_list(&mut fields, 1, r.elr.as_ref(), ints);
    tag_list(&mut fields, 2, r.last_known_elr.as_ref(), ints);
    w.tagged(&fields);
}

fn encode_partition_change(w: &mut Writer, r: &PartitionChange) {
    w.i32(r.index);
    w.uuid(r.topic);
    let mut fields = Vec::new();
    tag_list(&mut fields, 0, r.isr.as_ref(), ints);
    tag(&mut fields, 1, r.leader.is_some(), |w| w.i32(r.leader.unwrap_or(LEADER_UNCHANGED)));
    tag_list(&mut fields, 2, r.replicas.as_ref(), ints);
    tag_list(&mut fields, 3, r.removing.as_ref(), ints);
    tag_list(&mut fields, 4, r.adding.as_ref(), ints);
    tag(&mut fields, 5, r.recovery_state.is_some(), |w| w.i8(r.recovery_state.unwrap_or(-1)));
    tag_list(&mut fields, 6, r.elr.as_ref(), ints);
    tag_list(&mut fields, 7, r.last_known_elr.as_ref(), ints);
    tag_list(&mut fields, 8, r.directories.as_ref(), uuids);
    w.tagged(&fields);
}

fn encode_broker_change(w: &mut Writer, r: &BrokerChange) {
    w.i32(r.broker);
    w.i64(r.epoch);
    let mut fields = Vec::new();
    tag(&mut fields, 0, r.fenced != 0, |w| w.i8(r.fenced));
    tag(&mut fields, 1, r.in_controlled_shutdown != 0, |w| w.i8(r.in_controlled_shutdown));
    tag(&mut fields, 2, !r.log_dirs.is_empty(), |w| uuids(w, &r.log_dirs));
    tag_list(&mut fields, 3, r.cordoned_log_dirs.as_ref(), uuids);
    w.tagged(&fields);
}

fn read_ints(r: &mut Reader<'_>) -> Result<Vec<i32>, Bad> {
    r.array(|r| r.i32())
}

fn read_uuids(r: &mut Reader<'_>) -> Result<Vec<Uuid>, Bad> {
    r.array(|r| r.uuid())
}

fn read_endpoints(r: &mut Reader<'_>) -> Result<Vec<Endpoint>, Bad> {
    r.array(|r| {
        let e = Endpoint { listener: r.string()?, host: r.string()?, port: r.u16()?, security: r.i16()? };
        r.no_tags()?;
        Ok(e)
    })
}

fn read_features(r: &mut Reader<'_>) -> Result<Vec<FeatureRange>, Bad> {
    r.array(|r| {
        let f = FeatureRange { name: r.string()?, min: r.i16()?, max: r.i16()? };
        r.no_tags()?;
        Ok(f)
    })
}

/// The highest version of each record that can be read.
fn version_max(kind: u32) -> Option<u32> {
    Some(match kind {
        0 => 4,
        3 | 5 => 2,
        17 => 3,
        1 | 2 | 4 | 7 | 8 | 9 | 12 | 15 | 20 | 23 | 24 | 25 | 27 | 28 => 0,
        _ => return None,
    })
}

fn decode_fields(kind: u32, version: u32, r: &mut Reader<'_>) -> Result<Record, Bad> {
    match version_max(kind) {
        None => return Err("not known here".to_owned()),
        Some(max) if version > max => return Err(format!("only versions up to {max} are known here")),
        Some(_) => {}
    }
    let record = match kind {
        0 => return decode_register_broker(version, r),
        3 => return decode_partition(version, r),
        5 => return decode_partition_change(r),
        17 => return decode_broker_change(r),
        23 | 25 => {
            let mut text = None;
            r.tagged(|tag, r| {
                if tag == 0 {
                    text = r.nullable()?;
                }
                Ok(())
            })?;
            return Ok(if kind == 23 {
                Record::BeginTransaction { name: text }
            } else {
                Record::AbortTransaction { reason: text }
            });
        }
        1 => Record::UnregisterBroker { broker: r.i32()?, epoch: r.i64()? },
        2 => Record::Topic { name: r.string()?, id: r.uuid()? },
        4 => Record::Config { resource_type: r.i8()?, resource_name: r.string()?, name: r.string()?, value: r.nullable()? },
        7 => Record::FenceBroker { broker: r.i32()?, epoch: r.i64()? },
        8 => Record::UnfenceBroker { broker: r.i32()?, epoch: r.i64()? },
        9 => Record::RemoveTopic { id: r.uuid()? },
        12 => Record::FeatureLevel { name: r.string()?, level: r.i16()? },
        15 => Record::ProducerIds { broker: r.i32()?, epoch: r.i64()?, next: r.i64()? },
        20 => Record::NoOp,
        24 => Record::EndTransaction,
        27 => Record::RegisterController(RegisterController {
            controller: r.i32()?,
            incarnation: r.uuid()?,
            zk_migration_ready: r.bool()?,
            endpoints: read_endpoints(r)?,
            features: read_features(r)?,
        }),
        28 => Record::ClearElr { topic_name: r.string()? },
        _ => return Err("not known here".to_owned()),
    };
    r.no_tags()?;
    Ok(record)
}

fn decode_register_broker(version: u32, r: &mut Reader<'_>) -> Result<Record, Bad> {
    let broker = r.i32()?;
    if version >= 2 {
        r.bool()?;
    }
    let mut record = RegisterBroker {
        broker,
        incarnation: r.uuid()?,
        epoch: r.i64()?,
        endpoints: read_endpoints(r)?,
        features: read_features(r)?,
        rack: r.nullable()?,
        fenced: r.bool()?,
        in_controlled_shutdown: if version >= 1 { r.bool()? } else { false },
        log_dirs: Vec::new(),
        cordoned_log_dirs: None,
    };
    r.tagged(|tag, r| {
        match tag {
            0 => record.log_dirs = read_uuids(r)?,
            1 => record.cordoned_log_dirs = r.nullable_array(|r| r.uuid())?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Record::RegisterBroker(record))
}

fn decode_partition(version: u32, r: &mut Reader<'_>) -> Result<Record, Bad> {
    let mut record = PartitionRecord {
        index: r.i32()?,
        topic: r.uuid()?,
        replicas: read_ints(r)?,
        isr: read_ints(r)?,
        removing: read_ints(r)?,
        adding: read_ints(r)?,
        leader: r.i32()?,
        leader_epoch: r.i32()?,
        partition_epoch: r.i32()?,
        directories: if version >= 1 { read_uuids(r)? } else { Vec::new() },
        ..PartitionRecord::default()
    };
    r.tagged(|tag, r| {
        match tag {
            0 => record.recovery_state = r.i8()?,
            1 => record.elr = r.nullable_array(|r| r.i32())?,
            2 => record.last_known_elr = r.nullable_array(|r| r.i32())?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Record::Partition(record))
}

fn decode_partition_change(r: &mut Reader<'_>) -> Result<Record, Bad> {
    let mut record = PartitionChange { index: r.i32()?, topic: r.uuid()?, ..PartitionChange::default() };
    r.tagged(|tag, r| {
        match tag {
            0 => record.isr = r.nullable_array(|r| r.i32())?,
            1 => record.leader = Some(r.i32()?).filter(|l| *l != LEADER_UNCHANGED),
            2 => record.replicas = r.nullable_array(|r| r.i32())?,
            3 => record.removing = r.nullable_array(|r| r.i32())?,
            4 => record.adding = r.nullable_array(|r| r.i32())?,
            5 => record.recovery_state = Some(r.i8()?).filter(|s| *s != -1),
            6 => record.elr = r.nullable_array(|r| r.i32())?,
            7 => record.last_known_elr = r.nullable_array(|r| r.i32())?,
            8 => record.directories = r.nullable_array(|r| r.uuid())?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Record::PartitionChange(record))
}

fn decode_broker_change(r: &mut Reader<'_>) -> Result<Record, Bad> {
    let mut record = BrokerChange { broker: r.i32()?, epoch: r.i64()?, ..BrokerChange::default() };
    r.tagged(|tag, r| {
        match tag {
            0 => record.fenced = r.i8()?,
            1 => record.in_controlled_shutdown = r.i8()?,
            2 => record.log_dirs = read_uuids(r)?,
            3 => record.cordoned_log_dirs = r.nullable_array(|r| r.uuid())?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Record::BrokerChange(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    pub(crate) fn one_of_each() -> Vec<Record> {
        let id = Uuid::from_u128(0x77bc_e9e0_a95d_4f67_b215_1c4c_349e_8ea8);
        let endpoint = Endpoint { listener: "PLAINTEXT".into(), host: "localhost".into(), port: 9092, security: 0 };
        let range = FeatureRange { name: "metadata.version".into(), min: 7, max: 30 };
        vec![
            Record::RegisterBroker(RegisterBroker {
                broker: 1,
                incarnation: id,
                epoch: 11,
                endpoints: vec![endpoint.clone()],
                features: vec![range.clone()],
                rack: Some("r1".into()),
                fenced: true,
                in_controlled_shutdown: false,
                log_dirs: vec![id],
                cordoned_log_dirs: Some(vec![]),
            }),
            Record::UnregisterBroker { broker: 1, epoch: 2 },
            Record::Topic { name: "t1".into(), id },
            Record::Partition(PartitionRecord {
                topic: id,
                index: 1,
                replicas: vec![1, 2],
                isr: vec![1],
                leader: 1,
                leader_epoch: 3,
                partition_epoch: 4,
                directories: vec![id, id],
                elr: Some(vec![2]),
                recovery_state: 1,
                ..PartitionRecord::default()
            }),
            Record::Config { resource_type: 2, resource_name: "t1".into(), name: "retention.ms".into(), value: Some("5".into()) },
            Record::Config { resource_type: 4, resource_name: String::new(), name: "a".into(), value: None },
            Record::PartitionChange(PartitionChange {
                topic: id,
                index: 1,
                isr: Some(vec![1]),
                leader: Some(-1),
                recovery_state: Some(0),
                directories: Some(vec![id]),
                ..PartitionChange::default()
            }),
            Record::FenceBroker { broker: 1, epoch: 2 },
            Record::UnfenceBroker { broker: 1, epoch: 2 },
            Record::RemoveTopic { id },
            Record::FeatureLevel { name: "metadata.version".into(), level: 30 },
            Record::ProducerIds { broker: 1, epoch: 11, next: 1000 },
            Record::BrokerChange(BrokerChange { broker: 1, epoch: 11, fenced: -1, ..BrokerChange::default() }),
            Record::NoOp,
            Record::BeginTransaction { name: Some("Bootstrap records".into()) },
            Record::EndTransaction,
            Record::AbortTransaction { reason: None },
            Record::RegisterController(RegisterController {
                controller: 1,
                incarnation: id,
                zk_migration_ready: false,
                endpoints: vec![endpoint],
                features: vec![range],
            }),
            Record::ClearElr { topic_name: String::new() },
        ]
    }

    #[test]
    fn every_record_decodes_to_itself() {
        for record in one_of_each() {
            assert_eq!(Record::decode(&record.encode()), Ok(record));
        }
    }

    /// Sizes and bytes as Kafka 4.3.1 writes them into its own metadata log.
    #[test]
    fn bytes_are_kafkas() {
        let begin = Record::BeginTransaction { name: Some("Bootstrap records".into()) }.encode();
        assert_eq!(hex(&begin), "01170001001212426f6f747374726170207265636f726473");
        assert_eq!(hex(&Record::NoOp.encode()), "01140000");
        let feature = Record::FeatureLevel { name: "metadata.version".into(), level: 30 }.encode();
        assert_eq!((feature.len(), hex(&feature[..4]), hex(&feature[20..])), (23, "010c0011".into(), "001e00".into()));
        assert_eq!(one_of_each()[2].encode().len(), 23);
        let partition = Record::Partition(PartitionRecord {
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            directories: vec![Uuid::from_u128(1)],
            ..PartitionRecord::default()
        });
        assert_eq!(partition.encode().len(), 65);
        let unfenced = Record::BrokerChange(BrokerChange { broker: 1, epoch: 11, fenced: -1, ..BrokerChange::default() });
        assert_eq!(unfenced.encode().len(), 19);
    }

    #[test]
    fn unknown_types_and_versions_and_cut_bytes_are_errors() {
        assert!(Record::decode(&[1, 99, 0]).unwrap_err().contains("not known"));
        assert!(Record::decode(&[1, 2, 1]).unwrap_err().contains("versions up to 0"));
        assert!(Record::decode(&[2, 2, 0]).unwrap_err().contains("frame version 2"));
        for record in one_of_each() {
            let bytes = record.encode();
            for cut in 0..bytes.len() {
                assert!(Record::decode(&bytes[..cut]).is_err(), "{record:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn hostile_lengths_allocate_nothing() {
        assert!(
            Record::decode(&[1, 3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f])
                .is_err()
        );
    }
}
