//! Client metrics (KIP-714) as a broker without a receiver for them answers: no metric is asked for, and none is taken.

use crate::wire::ErrorCode;
use crate::wire::msg::{GetTelemetrySubscriptionsResponse, PushTelemetryResponse};
use uuid::Uuid;

/// Kafka's default between two pushes.
const PUSH_INTERVAL_MS: i32 = 300_000;
/// `telemetry.max.bytes`
const TELEMETRY_BYTES_MAX: i32 = 1 << 20;
/// zstd, lz4, gzip, snappy, in Kafka's order of preference.
const COMPRESSION_TYPES: [i8; 4] = [4, 3, 1, 2];

/// A subscription to nothing for the client `instance`.
#[must_use]
pub fn subscriptions(instance: Uuid) -> GetTelemetrySubscriptionsResponse {
    let id = crc32fast::hash(instance.as_bytes()).cast_signed();
    GetTelemetrySubscriptionsResponse::default()
        .with_client_instance_id(instance)
        .with_subscription_id(id)
        .with_accepted_compression_types(COMPRESSION_TYPES.to_vec())
        .with_push_interval_ms(PUSH_INTERVAL_MS)
        .with_telemetry_max_bytes(TELEMETRY_BYTES_MAX)
        .with_delta_temporality(true)
}

/// Nobody who asked first would push anything.
#[must_use]
pub fn push() -> PushTelemetryResponse {
    PushTelemetryResponse::default().with_error_code(ErrorCode::InvalidRequest.code())
}
