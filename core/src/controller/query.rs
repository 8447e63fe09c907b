//! Requests that only ask: answered from an image, changing nothing.
//!
//! State       none: pure functions of a `View` and a request.
//! Not here    requests that change metadata (`Controller::handle`).

use super::image::Image;
use crate::config::Settings;
use crate::ids::BrokerId;
use crate::wire::msg;

/// What an answer is made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub image: &'a Image,
    /// This broker's settings as given at its start.
    pub settings: &'a Settings,
    pub node: BrokerId,
    pub cluster_id: &'a str,
}

/// Metadata, all versions. The second value names the topics that auto-creation shall make: the caller asks the controller
/// (`Change::AutoCreate`), and answers at once as Kafka does.
#[must_use]
pub fn metadata(_view: View<'_>, _version: i16, _request: &msg::MetadataRequest) -> (msg::MetadataResponse, Vec<String>) {
    (msg::MetadataResponse::default(), Vec::new())
}

#[must_use]
pub fn describe_cluster(_view: View<'_>, _version: i16, _request: &msg::DescribeClusterRequest) -> msg::DescribeClusterResponse {
    msg::DescribeClusterResponse::default()
}

#[must_use]
pub fn describe_configs(_view: View<'_>, _version: i16, _request: &msg::DescribeConfigsRequest) -> msg::DescribeConfigsResponse {
    msg::DescribeConfigsResponse::default()
}

#[must_use]
pub fn list_config_resources(
    _view: View<'_>,
    _version: i16,
    _request: &msg::ListConfigResourcesRequest,
) -> msg::ListConfigResourcesResponse {
    msg::ListConfigResourcesResponse::default()
}

#[must_use]
pub fn describe_topic_partitions(
    _view: View<'_>,
    _request: &msg::DescribeTopicPartitionsRequest,
) -> msg::DescribeTopicPartitionsResponse {
    msg::DescribeTopicPartitionsResponse::default()
}
