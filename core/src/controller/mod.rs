//! The controller: cluster metadata as fold(metadata log), and the one place that changes it.
//!
//! State       the metadata log, the image of what is durable, the image with what is still being written, answers that wait.
//! Takes       `ControllerEvent`: admin requests with a token, disk completions.
//! Gives       `ControllerIntent`: answers, what changed (after it is durable), the end of the node. Never connections.
//! Holds       `image()` == fold(durable prefix of the log); an answer leaves after the sync that covers its records.
//! Not here    which connection asked (the session), partitions' files (the node acts on `Changed`).
//! Read first  `records.rs`, `image.rs`, then `Controller::handle`.

pub mod image;
pub mod query;

use crate::config::Settings;
use crate::ids::{BrokerId, PartitionIndex, TopicId};
use crate::io::Fatal;
use crate::wire::{Response, msg};
pub use image::Image;

/// Who waits for an answer. Chosen by the asker, given back with the answer, never looked into.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// What a controller is told at its start.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    pub node: BrokerId,
    /// Where clients reach this broker: (listener name, host, port). Registered at every start.
    pub endpoints: Vec<Endpoint>,
    /// The settings of this broker as they were given at its start.
    pub settings: Settings,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub listener: String,
    pub host: String,
    pub port: u16,
}

/// A request that changes metadata. Those that only ask are answered from an image by `query`.
#[derive(Clone, Debug)]
pub enum Change {
    CreateTopics {
        version: i16,
        request: msg::CreateTopicsRequest,
    },
    /// Topics that Metadata or Produce met and that auto-creation shall make: answered by `ControllerIntent::Done`.
    AutoCreate {
        names: Vec<String>,
    },
    DeleteTopics {
        version: i16,
        request: msg::DeleteTopicsRequest,
    },
    CreatePartitions {
        version: i16,
        request: msg::CreatePartitionsRequest,
    },
    AlterConfigs {
        version: i16,
        request: msg::AlterConfigsRequest,
    },
    IncrementalAlterConfigs {
        version: i16,
        request: msg::IncrementalAlterConfigsRequest,
    },
    /// The next block of producer ids: answered by `ControllerIntent::ProducerIds`.
    ProducerIds,
}

/// What a controller decided. Given in the order in which it became durable.
#[derive(Clone, Debug)]
pub enum ControllerIntent {
    /// This life's registration is durable: the node may serve, and may do what cannot be undone (remove stray directories).
    Active,
    /// The answer to a change.
    Reply { token: Token, response: Response },
    /// The answer to `AutoCreate`: each topic exists by now, or was refused.
    Done { token: Token },
    /// A block of `count` producer ids from `first` on, which nobody was or will be given.
    ProducerIds { token: Token, first: i64, count: i32 },
    /// The image has changed; `image()` already shows it.
    Changed(Delta),
    /// Metadata cannot be made durable any more, or contradicts itself.
    Halt(Fatal),
}

/// One change of the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delta {
    TopicCreated {
        topic: TopicId,
        name: String,
    },
    /// After `TopicCreated` for its first partitions, too: indexes `from..to`.
    PartitionsAdded {
        topic: TopicId,
        from: PartitionIndex,
        to: PartitionIndex,
    },
    TopicDeleted {
        topic: TopicId,
        name: String,
        partitions: Vec<PartitionIndex>,
    },
    TopicConfigChanged {
        topic: TopicId,
    },
    /// Settings of this broker, or of all, changed: every topic's resolved settings may have.
    BrokerConfigChanged,
}

/// The machine. Recovered before anything else of a node; takes `Change`s and disk completions.
#[derive(Debug)]
pub struct Controller {
    config: ControllerConfig,
    cluster_id: String,
    /// fold(durable log).
    image: Image,
}

impl Controller {
    /// Metadata as it is durable.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// What queries are answered from.
    #[must_use]
    pub fn view(&self) -> query::View<'_> {
        query::View { image: &self.image, settings: &self.config.settings, node: self.config.node, cluster_id: &self.cluster_id }
    }

    /// The broker's settings with what was changed since its start laid over them.
    #[must_use]
    pub fn broker_settings(&self) -> Settings {
        self.config.settings.clone()
    }

    /// The settings of a topic as its log reads them.
    #[must_use]
    pub fn topic_settings(&self, topic: TopicId) -> Option<crate::config::TopicSettings> {
        let name = self.image.topics.get(&topic)?.name.clone();
        let own = self.image.config(&image::Resource::Topic(name)).cloned().unwrap_or_default();
        Some(crate::config::TopicSettings::new(&self.broker_settings(), &own))
    }
}
