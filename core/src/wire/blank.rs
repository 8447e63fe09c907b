//! Messages with nothing in them, as Kafka's schemas mean it: what may be null is null.
//!
//! Not here    messages whose `Default` in the protocol crate is right already.

use super::msg::{
    alter_configs_response, create_partitions_request, create_topics_request, create_topics_response, delete_topics_response,
    describe_configs_request, describe_configs_response, describe_log_dirs_request, describe_topic_partitions_response,
    incremental_alter_configs_request, incremental_alter_configs_response, init_producer_id_request, metadata_request,
    metadata_response,
};

/// A message whose nullable fields are null. The protocol crate's `Default` puts an empty value there, which means something else.
pub trait Blank: Default {
    #[must_use]
    fn blank() -> Self;
}

macro_rules! blank {
    ($( $message:path: $($with:ident),+; )*) => {
        $( impl Blank for $message {
            fn blank() -> Self {
                Self::default()$(.$with(None))+
            }
        } )*

        #[cfg(test)]
        pub(super) fn each_blank_differs_from_its_default() {
            $( assert_ne!(<$message>::blank(), <$message>::default(), stringify!($message)); )*
        }
    };
}

blank! {
    metadata_request::MetadataRequest: with_topics;
    metadata_request::MetadataRequestTopic: with_name;
    metadata_response::MetadataResponseTopic: with_name;
    create_topics_request::CreatableTopicConfig: with_value;
    create_topics_response::CreatableTopicConfigs: with_value;
    create_topics_response::CreatableTopicResult: with_error_message, with_configs;
    delete_topics_response::DeletableTopicResult: with_name;
    init_producer_id_request::InitProducerIdRequest: with_transactional_id;
    describe_configs_request::DescribeConfigsResource: with_configuration_keys;
    describe_configs_response::DescribeConfigsResourceResult: with_value, with_documentation;
    describe_configs_response::DescribeConfigsResult: with_error_message;
    describe_configs_response::DescribeConfigsSynonym: with_value;
    alter_configs_response::AlterConfigsResourceResponse: with_error_message;
    describe_log_dirs_request::DescribeLogDirsRequest: with_topics;
    create_partitions_request::CreatePartitionsTopic: with_assignments;
    incremental_alter_configs_request::AlterableConfig: with_value;
    incremental_alter_configs_response::AlterConfigsResourceResponse: with_error_message;
    describe_topic_partitions_response::DescribeTopicPartitionsResponseTopic: with_name;
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_names_no_message_whose_default_is_right() {
        super::each_blank_differs_from_its_default();
    }
}
