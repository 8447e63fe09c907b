//! DescribeCluster.

use super::{CLUSTER_OPERATIONS, OPERATIONS_UNASKED, View, address};
use crate::controller::refusal::text;
use crate::wire::{ErrorCode, msg};
use msg::describe_cluster_response::DescribeClusterBroker;

/// What DescribeCluster calls the endpoint that a request came in by.
const BROKER_ENDPOINT: i8 = 1;
const CONTROLLER_ENDPOINT: i8 = 2;

#[must_use]
pub fn describe_cluster(view: View<'_>, _version: i16, request: &msg::DescribeClusterRequest) -> msg::DescribeClusterResponse {
    let mut response = msg::DescribeClusterResponse::default();
    response.endpoint_type = BROKER_ENDPOINT;
    response.cluster_authorized_operations = OPERATIONS_UNASKED;
    response.error_message = None;
    let refusal = match request.endpoint_type {
        BROKER_ENDPOINT => None,
        CONTROLLER_ENDPOINT => Some((
            ErrorCode::MismatchedEndpointType,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER".to_owned(),
        )),
        other => Some((ErrorCode::UnsupportedEndpointType, format!("Unsupported endpoint type {other}"))),
    };
    if let Some((code, why)) = refusal {
        response.error_code = code.code();
        response.error_message = Some(text(&why));
        response.controller_id = msg::BrokerId(-1);
        return response;
    }
    response.cluster_id = text(view.cluster_id);
    response.controller_id = msg::BrokerId(view.node.0);
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    for (id, broker) in view.image.brokers.iter().filter(|(_, b)| !b.fenced || request.include_fenced_brokers) {
        let mut line = DescribeClusterBroker::default();
        line.broker_id = msg::BrokerId(id.0);
        (line.host, line.port) = address(broker);
        line.rack = broker.rack.as_deref().map(text);
        line.is_fenced = broker.fenced;
        response.brokers.push(line);
    }
    response
}
