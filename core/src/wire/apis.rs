//! The one table of what is served: key, versions, request and response type. Decoding, encoding and ApiVersions come from it.
//!
//! Holds       what is not in the table is not advertised and not decoded.

use super::body::{Body, Layout};
use super::codec::WireError;
use super::msg;
use super::{FetchReply, Produce};
use bytes::Bytes;

macro_rules! apis {
    ($( $name:ident = $key:literal, $min:literal ..= $max:literal, $request:ty, $response:ty; )*) => {
        /// An API that this broker serves.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum ApiKey { $($name = $key,)* }

        impl ApiKey {
            pub const ALL: &'static [ApiKey] = &[$(ApiKey::$name,)*];

            /// The API with this number on the wire, if it is served.
            #[must_use]
            pub fn from_code(code: i16) -> Option<ApiKey> {
                match code { $($key => Some(ApiKey::$name),)* _ => None }
            }

            /// The lowest and highest version that is served.
            #[must_use]
            pub fn versions(self) -> (i16, i16) {
                match self { $(ApiKey::$name => ($min, $max),)* }
            }

            /// Kafka's name of the API.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(ApiKey::$name => stringify!($name),)* }
            }

            pub(super) fn request_header_version(self, version: i16) -> i16 {
                match self { $(ApiKey::$name => <$request as Body>::header_version(version),)* }
            }

            pub(super) fn response_header_version(self, version: i16) -> i16 {
                match self { $(ApiKey::$name => <$response as Body>::header_version(version),)* }
            }
        }

        impl std::fmt::Display for ApiKey {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        /// A decoded request.
        #[derive(Debug, Clone)]
        pub enum Request {
            $($name($request),)*
            /// A key or version that is not served. Kafka closes the connection without an answer (for ApiVersions see
            /// [`super::decode_request`]).
            Unsupported { api_key: i16 },
        }

        impl Request {
            /// The API's number on the wire.
            #[must_use]
            pub fn api_key(&self) -> i16 {
                match self { $(Request::$name(_) => $key,)* Request::Unsupported { api_key } => *api_key }
            }

            /// The API, if it is one that is served.
            #[must_use]
            pub fn api(&self) -> Option<ApiKey> {
                ApiKey::from_code(self.api_key())
            }

            pub(super) fn read(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Request, WireError> {
                match api { $(ApiKey::$name => Body::read(body, version).map(Request::$name),)* }
            }

            pub(super) fn write(&self, version: i16, out: &mut Layout) -> Result<(), WireError> {
                match self {
                    $(Request::$name(body) => body.write(version, out),)*
                    Request::Unsupported { api_key } => Err(WireError::Unsayable(format!("a request with key {api_key}"))),
                }
            }
        }

        /// An answer, not yet encoded.
        #[derive(Debug, Clone)]
        pub enum Response {
            $($name($response),)*
            /// There is no answer to a request that is not served: Kafka closes the connection, and so must the core. Never encoded.
            Unsupported { api_key: i16 },
        }

        impl Response {
            /// The API's number on the wire.
            #[must_use]
            pub fn api_key(&self) -> i16 {
                match self { $(Response::$name(_) => $key,)* Response::Unsupported { api_key } => *api_key }
            }

            pub(super) fn read(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Response, WireError> {
                match api { $(ApiKey::$name => Body::read(body, version).map(Response::$name),)* }
            }

            pub(super) fn write(&self, version: i16, out: &mut Layout) -> Result<(), WireError> {
                match self {
                    $(Response::$name(body) => body.write(version, out),)*
                    Response::Unsupported { api_key } => Err(WireError::Unsayable(format!("an answer to key {api_key}"))),
                }
            }

            /// The same API's answer with nothing in it, for tests and hostile peers.
            #[cfg(test)]
            pub(super) fn empty(api: ApiKey) -> Response {
                match api { $(ApiKey::$name => Response::$name(Default::default()),)* }
            }
        }

        #[cfg(test)]
        impl Request {
            pub(super) fn empty(api: ApiKey) -> Request {
                match api { $(ApiKey::$name => Request::$name(Default::default()),)* }
            }
        }
    };
}

apis! {
    Produce = 0, 3..=13, Produce, msg::ProduceResponse;
    Fetch = 1, 4..=18, msg::FetchRequest, FetchReply;
    ListOffsets = 2, 1..=10, msg::ListOffsetsRequest, msg::ListOffsetsResponse;
    Metadata = 3, 0..=13, msg::MetadataRequest, msg::MetadataResponse;
    ApiVersions = 18, 0..=4, msg::ApiVersionsRequest, msg::ApiVersionsResponse;
    CreateTopics = 19, 2..=7, msg::CreateTopicsRequest, msg::CreateTopicsResponse;
    DeleteTopics = 20, 1..=6, msg::DeleteTopicsRequest, msg::DeleteTopicsResponse;
    DeleteRecords = 21, 0..=2, msg::DeleteRecordsRequest, msg::DeleteRecordsResponse;
    InitProducerId = 22, 0..=5, msg::InitProducerIdRequest, msg::InitProducerIdResponse;
    OffsetForLeaderEpoch = 23, 2..=4, msg::OffsetForLeaderEpochRequest, msg::OffsetForLeaderEpochResponse;
    DescribeConfigs = 32, 1..=4, msg::DescribeConfigsRequest, msg::DescribeConfigsResponse;
    AlterConfigs = 33, 0..=2, msg::AlterConfigsRequest, msg::AlterConfigsResponse;
    DescribeLogDirs = 35, 1..=4, msg::DescribeLogDirsRequest, msg::DescribeLogDirsResponse;
    CreatePartitions = 37, 0..=3, msg::CreatePartitionsRequest, msg::CreatePartitionsResponse;
    IncrementalAlterConfigs = 44, 0..=1, msg::IncrementalAlterConfigsRequest, msg::IncrementalAlterConfigsResponse;
    DescribeCluster = 60, 0..=2, msg::DescribeClusterRequest, msg::DescribeClusterResponse;
    DescribeProducers = 61, 0..=0, msg::DescribeProducersRequest, msg::DescribeProducersResponse;
    GetTelemetrySubscriptions = 71, 0..=0, msg::GetTelemetrySubscriptionsRequest, msg::GetTelemetrySubscriptionsResponse;
    PushTelemetry = 72, 0..=0, msg::PushTelemetryRequest, msg::PushTelemetryResponse;
    ListConfigResources = 74, 0..=1, msg::ListConfigResourcesRequest, msg::ListConfigResourcesResponse;
    DescribeTopicPartitions = 75, 0..=0, msg::DescribeTopicPartitionsRequest, msg::DescribeTopicPartitionsResponse;
}

impl ApiKey {
    /// The versions to be advertised by ApiVersions. Produce says 0 although it begins at 3: librdkafka decides by it (KAFKA-18659).
    #[must_use]
    pub fn advertised(self) -> (i16, i16) {
        match self {
            ApiKey::Produce => (0, self.versions().1),
            _ => self.versions(),
        }
    }

    /// Whether this version is served.
    #[must_use]
    pub fn serves(self, version: i16) -> bool {
        let (min, max) = self.versions();
        (min..=max).contains(&version)
    }
}

/// Requests that carry lists of topics, partitions, configurations: tens of thousands of entries fit.
pub(super) const LIST_BYTES_MAX: u32 = 4 << 20;
/// Requests of a few fields.
const SMALL_BYTES_MAX: u32 = 64 << 10;
/// A client's metrics; Kafka asks clients to stay under a megabyte (KIP-714).
const TELEMETRY_BYTES_MAX: u32 = 2 << 20;

/// The longest frame that is read for this API, in bytes without the length prefix, so that an edge can refuse a frame once its
/// first six bytes (length and key) are there. Only Produce carries data and may use `socket.request.max.bytes` in full, if it
/// carries them; decoded lists take up to forty times their size on the wire, which is why the others may not.
#[must_use]
pub fn frame_bytes_max(api_key: i16, socket_request_max_bytes: u32) -> u32 {
    let cap = match ApiKey::from_code(api_key) {
        Some(ApiKey::Produce) => u32::MAX,
        Some(ApiKey::ApiVersions | ApiKey::InitProducerId | ApiKey::DescribeCluster) => SMALL_BYTES_MAX,
        Some(ApiKey::GetTelemetrySubscriptions | ApiKey::ListConfigResources) => SMALL_BYTES_MAX,
        Some(ApiKey::PushTelemetry) => TELEMETRY_BYTES_MAX,
        Some(_) => LIST_BYTES_MAX,
        // Only its header is looked at.
        None => SMALL_BYTES_MAX,
    };
    cap.min(socket_request_max_bytes)
}
