//! Metadata records as JSON, in the words of Kafka's schemas and of its `kafka-dump-log`.
//!
//! Takes       a record that was decoded.
//! Gives       the name of its type, and its fields as an object.
//! Holds       tagged fields stand there only where they differ from their defaults, ids are Kafka's base 64.
//! Not here    control records (`control.rs`).

use ottla_core::controller::records::{
    BrokerChange, Endpoint, FeatureRange, PartitionChange, PartitionRecord, Record, RegisterBroker, RegisterController,
};
use ottla_core::ids::base64_id;
use serde_json::{Value, json};

/// The type and the fields of a record.
pub(crate) fn object(record: &Record) -> (&'static str, Value) {
    match record {
        Record::RegisterBroker(r) => ("REGISTER_BROKER_RECORD", register_broker(r)),
        Record::UnregisterBroker { broker, epoch } => {
            ("UNREGISTER_BROKER_RECORD", json!({"brokerId": broker, "brokerEpoch": epoch}))
        }
        Record::Topic { name, id } => ("TOPIC_RECORD", json!({"name": name, "topicId": base64_id(id)})),
        Record::Partition(r) => ("PARTITION_RECORD", partition(r)),
        Record::Config { resource_type, resource_name, name, value } => {
            ("CONFIG_RECORD", json!({"resourceType": resource_type, "resourceName": resource_name, "name": name, "value": value}))
        }
        Record::PartitionChange(r) => ("PARTITION_CHANGE_RECORD", partition_change(r)),
        Record::FenceBroker { broker, epoch } => ("FENCE_BROKER_RECORD", json!({"id": broker, "epoch": epoch})),
        Record::UnfenceBroker { broker, epoch } => ("UNFENCE_BROKER_RECORD", json!({"id": broker, "epoch": epoch})),
        Record::RemoveTopic { id } => ("REMOVE_TOPIC_RECORD", json!({"topicId": base64_id(id)})),
        Record::FeatureLevel { name, level } => ("FEATURE_LEVEL_RECORD", json!({"name": name, "featureLevel": level})),
        Record::ProducerIds { broker, epoch, next } => {
            ("PRODUCER_IDS_RECORD", json!({"brokerId": broker, "brokerEpoch": epoch, "nextProducerId": next}))
        }
        Record::BrokerChange(r) => ("BROKER_REGISTRATION_CHANGE_RECORD", broker_change(r)),
        Record::NoOp => ("NO_OP_RECORD", json!({})),
        Record::BeginTransaction { name } => ("BEGIN_TRANSACTION_RECORD", tagged([("name", name.as_ref().map(|n| json!(n)))])),
        Record::EndTransaction => ("END_TRANSACTION_RECORD", json!({})),
        Record::AbortTransaction { reason } => {
            ("ABORT_TRANSACTION_RECORD", tagged([("reason", reason.as_ref().map(|r| json!(r)))]))
        }
        Record::RegisterController(r) => ("REGISTER_CONTROLLER_RECORD", register_controller(r)),
        Record::ClearElr { topic_name } => ("CLEAR_ELR_RECORD", json!({"topicName": topic_name})),
    }
}

fn tagged<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect())
}

/// Some fields, and those that are tagged.
fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut object, more) {
        all.extend(more);
    }
    object
}

/// A list of ids.
macro_rules! ids {
    ($list:expr) => {
        json!($list.iter().map(base64_id).collect::<Vec<_>>())
    };
}

fn endpoints(all: &[Endpoint]) -> Value {
    let one = |e: &Endpoint| json!({"name": e.listener, "host": e.host, "port": e.port, "securityProtocol": e.security});
    all.iter().map(one).collect()
}

fn features(all: &[FeatureRange]) -> Value {
    let one = |f: &FeatureRange| json!({"name": f.name, "minSupportedVersion": f.min, "maxSupportedVersion": f.max});
    all.iter().map(one).collect()
}

fn register_broker(r: &RegisterBroker) -> Value {
    let object = json!({
        "brokerId": r.broker,
        "isMigratingZkBroker": false,
        "incarnationId": base64_id(&r.incarnation),
        "brokerEpoch": r.epoch,
        "endPoints": endpoints(&r.endpoints),
        "features": features(&r.features),
        "rack": r.rack,
        "fenced": r.fenced,
        "inControlledShutdown": r.in_controlled_shutdown,
    });
    let dirs = (!r.log_dirs.is_empty()).then(|| ids!(r.log_dirs));
    with(object, tagged([("logDirs", dirs), ("cordonedLogDirs", r.cordoned_log_dirs.as_ref().map(|d| ids!(d)))]))
}

fn broker_change(r: &BrokerChange) -> Value {
    let object = json!({"brokerId": r.broker, "brokerEpoch": r.epoch});
    let dirs = (!r.log_dirs.is_empty()).then(|| ids!(r.log_dirs));
    let changed = |n: i8| (n != 0).then(|| json!(n));
    with(
        object,
        tagged([
            ("fenced", changed(r.fenced)),
            ("inControlledShutdown", changed(r.in_controlled_shutdown)),
            ("logDirs", dirs),
            ("cordonedLogDirs", r.cordoned_log_dirs.as_ref().map(|d| ids!(d))),
        ]),
    )
}

fn partition(r: &PartitionRecord) -> Value {
    let object = json!({
        "partitionId": r.index,
        "topicId": base64_id(&r.topic),
        "replicas": r.replicas,
        "isr": r.isr,
        "removingReplicas": r.removing,
        "addingReplicas": r.adding,
        "leader": r.leader,
        "leaderEpoch": r.leader_epoch,
        "partitionEpoch": r.partition_epoch,
        "directories": ids!(r.directories),
    });
    with(
        object,
        tagged([
            ("leaderRecoveryState", (r.recovery_state != 0).then(|| json!(r.recovery_state))),
            ("eligibleLeaderReplicas", r.elr.as_ref().map(|l| json!(l))),
            ("lastKnownElr", r.last_known_elr.as_ref().map(|l| json!(l))),
        ]),
    )
}

fn partition_change(r: &PartitionChange) -> Value {
    let list = |l: &Option<Vec<i32>>| l.as_ref().map(|l| json!(l));
    with(
        json!({"partitionId": r.index, "topicId": base64_id(&r.topic)}),
        tagged([
            ("isr", list(&r.isr)),
            ("leader", r.leader.map(|l| json!(l))),
            ("replicas", list(&r.replicas)),
            ("removingReplicas", list(&r.removing)),
            ("addingReplicas", list(&r.adding)),
            ("leaderRecoveryState", r.recovery_state.map(|s| json!(s))),
            ("eligibleLeaderReplicas", list(&r.elr)),
            ("lastKnownElr", list(&r.last_known_elr)),
            ("directories", r.directories.as_ref().map(|d| ids!(d))),
        ]),
    )
}

fn register_controller(r: &RegisterController) -> Value {
    json!({
        "controllerId": r.controller,
        "incarnationId": base64_id(&r.incarnation),
        "zkMigrationReady": r.zk_migration_ready,
        "endPoints": endpoints(&r.endpoints),
        "features": features(&r.features),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_core::ids::parse_base64_id;

    /// What `kafka-dump-log --cluster-metadata-decoder` of Kafka 4.3.1 prints of the same records.
    #[test]
    fn records_read_as_kafka_prints_them() {
        let id = parse_base64_id("d8xUyzorT-OUgC5z2rud3w").expect("an id");
        let endpoint = Endpoint { listener: "PLAINTEXT".into(), host: "127.0.0.1".into(), port: 19778, security: 0 };
        let range = FeatureRange { name: "kraft.version".into(), min: 0, max: 1 };
        let broker = Record::RegisterBroker(RegisterBroker {
            broker: 1,
            incarnation: id,
            epoch: 7,
            endpoints: vec![endpoint],
            features: vec![range],
            rack: None,
            fenced: false,
            in_controlled_shutdown: false,
            log_dirs: vec![id],
            cordoned_log_dirs: Some(vec![]),
        });
        let made = PartitionRecord {
            topic: id,
            index: 1,
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            directories: vec![id],
            ..PartitionRecord::default()
        };
        let change = PartitionChange { topic: id, index: 1, isr: Some(vec![]), leader: Some(-1), ..PartitionChange::default() };
        let unset = Record::Config { resource_type: 2, resource_name: "t".into(), name: "retention.ms".into(), value: None };
        for (record, kind, printed) in [
            (
                broker,
                "REGISTER_BROKER_RECORD",
                r#"{"brokerId":1,"isMigratingZkBroker":false,"incarnationId":"d8xUyzorT-OUgC5z2rud3w","brokerEpoch":7,
                "endPoints":[{"name":"PLAINTEXT","host":"127.0.0.1","port":19778,"securityProtocol":0}],
                "features":[{"name":"kraft.version","minSupportedVersion":0,"maxSupportedVersion":1}],"rack":null,"fenced":false,
                "inControlledShutdown":false,"logDirs":["d8xUyzorT-OUgC5z2rud3w"],"cordonedLogDirs":[]}"#,
            ),
            (
                Record::Partition(made),
                "PARTITION_RECORD",
                r#"{"partitionId":1,"topicId":"d8xUyzorT-OUgC5z2rud3w","replicas":[1],"isr":[1],"removingReplicas":[],
                "addingReplicas":[],"leader":1,"leaderEpoch":0,"partitionEpoch":0,"directories":["d8xUyzorT-OUgC5z2rud3w"]}"#,
            ),
            (
                Record::PartitionChange(change),
                "PARTITION_CHANGE_RECORD",
                r#"{"partitionId":1,"topicId":"d8xUyzorT-OUgC5z2rud3w","isr":[],"leader":-1}"#,
            ),
            (unset, "CONFIG_RECORD", r#"{"resourceType":2,"resourceName":"t","name":"retention.ms","value":null}"#),
        ] {
            let printed: Value = serde_json::from_str(printed).expect("JSON");
            assert_eq!(object(&record), (kind, printed));
        }
    }
}
