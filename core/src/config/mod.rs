//! Settings under Kafka's names: one table of brokers' and topics' settings, and the typed values that the machines read.

use std::collections::BTreeMap;

/// Settings as they were given: validated against the table, defaults not filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(pub BTreeMap<String, String>);
