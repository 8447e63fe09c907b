//! The one table of what is served: key, versions, request and response type. Decoding, encoding and ApiVersions come from it.
//!
//! Holds       what is not in the table is not advertised and not decoded.

use super::msg;
use super::{FetchReply, Produce};

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
        }

        /// A decoded request.
        #[derive(Debug, Clone)]
        #[expect(clippy::large_enum_variant, reason = "moved once from the codec to the core; a box would be one more allocation")]
        pub enum Request {
            $($name($request),)*
            /// A key or version that is not served; answered, not dropped.
            Unsupported { api_key: i16 },
        }

        /// An answer, not yet encoded.
        #[derive(Debug, Clone)]
        pub enum Response {
            $($name($response),)*
            /// The answer to a request that is not served: an error code where the API's answer can carry one.
            Unsupported { api_key: i16 },
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
