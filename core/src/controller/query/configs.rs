//! DescribeConfigs and ListConfigResources: settings, where each is from, and what else could have given it.

use super::View;
use crate::config::foreign::foreign_setting;
use crate::config::other::{CLIENT_METRICS_SETTINGS, GROUP_SETTINGS, GROUP_SETTINGS_WITHOUT_BROKERS};
use crate::config::{BROKER_SETTINGS, Kind, Setting, Settings, TOPIC_SETTINGS, TopicSettings, Update, broker, broker_setting};
use crate::controller::create_topics::source;
use crate::controller::effective;
use crate::controller::image::Resource;
use crate::controller::refusal::{Refusal, text};
use crate::controller::topic_name;
use crate::ids::BrokerId;
use crate::wire::{ErrorCode, msg};
use msg::describe_configs_request::DescribeConfigsResource;
use msg::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym};
use std::collections::{BTreeMap, BTreeSet};

type Own = BTreeMap<String, String>;

/// One value that a setting has or could have had: name, value, where from.
type Synonym = (String, Option<String>, i8);

/// What an answer shall contain besides the values.
#[derive(Clone, Copy)]
struct Wanted {
    synonyms: bool,
    documentation: bool,
}

/// A setting as it is described.
struct Shown<'a> {
    setting: Option<&'a Setting>,
    name: &'a str,
    value: Option<String>,
    read_only: bool,
    synonyms: Vec<Synonym>,
    /// What the synonyms say, where they do not say it by being first.
    source: Option<i8>,
}

#[must_use]
pub fn describe_configs(view: View<'_>, version: i16, request: &msg::DescribeConfigsRequest) -> msg::DescribeConfigsResponse {
    let wanted = Wanted { synonyms: request.include_synonyms, documentation: version >= 3 && request.include_documentation };
    let settings = effective(view.settings, view.image, view.node);
    let mut response = msg::DescribeConfigsResponse::default();
    let mut answered = BTreeSet::new();
    for resource in &request.resources {
        // Kafka gives the same answer again. No client asks for that, and the answer is some thousand times as large as the question.
        if !answered.insert((resource.resource_type, resource.resource_name.as_str(), keys_of(resource))) {
            continue;
        }
        let mut result = DescribeConfigsResult::default();
        (result.resource_type, result.resource_name) = (resource.resource_type, resource.resource_name.clone());
        match describe(view, &settings, resource, wanted) {
            Ok(configs) => {
                result.error_message = Some(text(""));
                result.configs = configs;
            }
            Err(refusal) => {
                result.error_code = refusal.code.code();
                result.error_message = Some(text(refusal.message.as_deref().unwrap_or_default()));
            }
        }
        response.results.push(result);
    }
    response
}

fn describe(
    view: View<'_>,
    settings: &Settings,
    resource: &DescribeConfigsResource,
    wanted: Wanted,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let name = resource.resource_name.as_str();
    let keys = keys_of(resource);
    let is_asked = |name: &str| keys.is_empty() || keys.contains(name);
    let invalid = |why: &str| Err(Refusal::new(ErrorCode::InvalidRequest, why));
    let shown = match resource.resource_type {
        Resource::TOPIC => {
            topic_name::check(name).map_err(|why| Refusal::new(ErrorCode::InvalidTopicException, why))?;
            if !view.image.names.contains_key(name) {
                return Err(Refusal::bare(ErrorCode::UnknownTopicOrPartition));
            }
            topic(view, settings, name)
        }
        Resource::BROKER if name.is_empty() => default_broker(view),
        Resource::BROKER => {
            let Ok(id) = name.parse::<i32>() else {
                return invalid(&format!("Broker id must be an integer, but it is: {name}"));
            };
            if id != view.node.0 {
                return invalid(&format!("Unexpected broker id, expected {} or empty string, but received {name}", view.node));
            }
            this_broker(view, settings)
        }
        Resource::BROKER_LOGGER => {
            return match name.parse::<i32>() {
                _ if name.is_empty() => invalid("Broker id must not be empty"),
                Err(_) => invalid(&format!("Broker id must be an integer, but it is: {name}")),
                Ok(id) if id != view.node.0 => {
                    invalid(&format!("Unexpected broker id, expected {} but received {name}", view.node))
                }
                // No logger has a level that could be asked for or changed here.
                Ok(_) => Ok(Vec::new()),
            };
        }
        Resource::CLIENT_METRICS if name.is_empty() => return invalid("Client metrics subscription name must not be empty"),
        Resource::CLIENT_METRICS => {
            let own = own(view, &Resource::ClientMetrics(name.to_owned()));
            CLIENT_METRICS_SETTINGS.iter().map(|s| plain(s, &own, source::CLIENT_METRICS, Vec::new())).collect()
        }
        Resource::GROUP if name.is_empty() => return invalid("Group name must not be empty"),
        Resource::GROUP => {
            let own = own(view, &Resource::Group(name.to_owned()));
            GROUP_SETTINGS.iter().map(|s| plain(s, &own, source::GROUP, group_default(s))).collect()
        }
        _ => {
            return invalid(
                "This most likely occurs because of a request being malformed by the client library or the message was sent to an \
                 incompatible broker. See the broker logs for more details.",
            );
        }
    };
    Ok(shown.into_iter().filter(|s| is_asked(s.name)).map(|s| line(s, wanted)).collect())
}

/// The settings that are asked for; none are all of them.
fn keys_of(resource: &DescribeConfigsResource) -> BTreeSet<&str> {
    resource.configuration_keys.iter().flatten().map(|k| k.as_str()).collect()
}

fn own(view: View<'_>, resource: &Resource) -> Own {
    view.image.config(resource).cloned().unwrap_or_default()
}

fn line(shown: Shown<'_>, wanted: Wanted) -> DescribeConfigsResourceResult {
    let mut line = DescribeConfigsResourceResult::default();
    // What is not known might be a secret.
    let sensitive = shown.setting.is_none_or(|s| s.kind == Kind::Password);
    line.name = text(shown.name);
    line.value = shown.value.as_deref().filter(|_| !sensitive).map(text);
    line.read_only = shown.read_only;
    line.is_sensitive = sensitive;
    line.config_source = shown.source.or(shown.synonyms.first().map(|s| s.2)).unwrap_or(source::DEFAULT);
    line.config_type = shown.setting.map_or(0, |s| s.kind.code());
    line.documentation = shown.setting.filter(|_| wanted.documentation).map(|s| text(s.doc));
    if wanted.synonyms {
        line.synonyms = shown
            .synonyms
            .into_iter()
            .map(|(name, value, source)| {
                let mut synonym = DescribeConfigsSynonym::default();
                synonym.name = text(&name);
                synonym.value = value.as_deref().filter(|_| !sensitive).map(text);
                synonym.source = source;
                synonym
            })
            .collect();
    }
    line
}

/// A setting of a kind of resource whose settings come from itself or from a default.
fn plain<'a>(setting: &'a Setting, own: &Own, from: i8, default: Vec<Synonym>) -> Shown<'a> {
    let mine = own.get(setting.name).and_then(|v| setting.parse(v).ok());
    let mut synonyms: Vec<Synonym> = mine.clone().map(|v| (setting.name.to_owned(), Some(v), from)).into_iter().collect();
    synonyms.extend(default);
    let value = mine.or(setting.default.map(str::to_owned));
    Shown { setting: Some(setting), name: setting.name, value, read_only: false, synonyms, source: None }
}

fn group_default(setting: &Setting) -> Vec<Synonym> {
    let name = match GROUP_SETTINGS_WITHOUT_BROKERS.contains(&setting.name) {
        true => setting.name.to_owned(),
        false => format!("group.{}", setting.name),
    };
    vec![(name, setting.default.map(str::to_owned), source::DEFAULT)]
}

/// What could give a broker setting its value, the strongest first: its names in the settings of the broker, of all brokers, in
/// what was given at the start, and in the defaults. Names before the first that is its own are left out, as in Kafka.
fn broker_synonyms(view: View<'_>, name: &str) -> Vec<Synonym> {
    let names = broker::synonyms(name);
    let (node, all) = (own(view, &Resource::Broker(Some(view.node))), own(view, &Resource::Broker(None)));
    let shown = |name: &str, value: &str| broker_setting(name).and_then(|s| s.parse(value).ok());
    let mut synonyms = Vec::new();
    for (dynamic, from) in [(&node, source::BROKER), (&all, source::DEFAULT_BROKER)] {
        for name in names {
            if let Some(value) = dynamic.get(*name) {
                synonyms.push(((*name).to_owned(), shown(name, value), from));
            }
        }
    }
    for name in names {
        if let Some(value) = view.settings.given_value(name) {
            synonyms.push(((*name).to_owned(), Some(value.to_owned()), source::STATIC_BROKER));
        }
    }
    for name in names {
        if let Some(value) = broker_setting(name).and_then(|s| s.default) {
            synonyms.push(((*name).to_owned(), Some(value.to_owned()), source::DEFAULT));
        }
    }
    synonyms.into_iter().skip_while(|(n, ..)| n != name).collect()
}

fn topic<'a>(view: View<'_>, settings: &Settings, name: &str) -> Vec<Shown<'a>> {
    let own = own(view, &Resource::Topic(name.to_owned()));
    let resolved = TopicSettings::new(settings, &own);
    let rows = TOPIC_SETTINGS.iter().filter(|row| !row.internal || own.contains_key(row.setting.name));
    rows.map(|row| {
        let setting = &row.setting;
        let value = resolved.text(setting.name).map(str::to_owned);
        let mine = own.contains_key(setting.name).then(|| (setting.name.to_owned(), value.clone(), source::TOPIC));
        let from_broker = row.from_broker.first().filter(|_| !row.internal).map(|(name, _)| broker_synonyms(view, name));
        let synonyms = mine.into_iter().chain(from_broker.unwrap_or_default()).collect();
        Shown { setting: Some(setting), name: setting.name, value, read_only: false, synonyms, source: None }
    })
    .collect()
}

fn this_broker<'a>(view: View<'a>, settings: &Settings) -> Vec<Shown<'a>> {
    let hidden = |s: &&Setting| s.name.starts_with("internal.") && settings.given_value(s.name).is_none();
    let known = BROKER_SETTINGS.iter().filter(|s| !hidden(s)).map(|setting| {
        let value = settings.text(setting.name).map(str::to_owned);
        let read_only = setting.update == Update::ReadOnly;
        let synonyms = broker_synonyms(view, setting.name);
        Shown { setting: Some(setting), name: setting.name, value, read_only, synonyms, source: None }
    });
    known.chain(foreign(view, &[Some(view.node), None])).collect()
}

/// Settings that brokers were given and that do nothing here, or that nobody knows.
fn foreign<'a>(view: View<'a>, of: &[Option<BrokerId>]) -> Vec<Shown<'a>> {
    let mut shown: BTreeMap<&str, Vec<Synonym>> = BTreeMap::new();
    for broker in of {
        let from = if broker.is_some() { source::BROKER } else { source::DEFAULT_BROKER };
        for (name, value) in view.image.config(&Resource::Broker(*broker)).into_iter().flatten() {
            if broker_setting(name).is_none() {
                shown.entry(name).or_default().push((name.clone(), Some(value.clone()), from));
            }
        }
    }
    let shown = shown.into_iter().map(|(name, mut synonyms)| {
        let setting = foreign_setting(name);
        let value = synonyms.first().and_then(|s| s.1.clone());
        match setting.and_then(|s| s.default).filter(|_| of.len() > 1) {
            Some(default) => synonyms.push((name.to_owned(), Some(default.to_owned()), source::DEFAULT)),
            // Of what nobody knows Kafka tells the value that holds.
            None => synonyms.truncate(if setting.is_some() { synonyms.len() } else { 1 }),
        }
        Shown { setting, name, value, read_only: setting.is_none_or(|s| s.update == Update::ReadOnly), synonyms, source: None }
    });
    shown.collect()
}

fn default_broker<'a>(view: View<'a>) -> Vec<Shown<'a>> {
    let own = own(view, &Resource::Broker(None));
    let known = BROKER_SETTINGS.iter().filter_map(|setting| {
        let value = setting.parse(own.get(setting.name)?).ok();
        let synonyms = vec![(setting.name.to_owned(), value.clone(), source::DEFAULT_BROKER)];
        let read_only = setting.update == Update::ReadOnly;
        Some(Shown { setting: Some(setting), name: setting.name, value, read_only, synonyms, source: None })
    });
    known.chain(foreign(view, &[None])).collect()
}

/// Kafka's order of the kinds of resources in an answer.
const LISTED: [i8; 5] = [Resource::GROUP, Resource::CLIENT_METRICS, Resource::BROKER_LOGGER, Resource::BROKER, Resource::TOPIC];

#[must_use]
pub fn list_config_resources(
    view: View<'_>,
    version: i16,
    request: &msg::ListConfigResourcesRequest,
) -> msg::ListConfigResourcesResponse {
    let mut response = msg::ListConfigResourcesResponse::default();
    // Version 0 was for client metrics alone.
    let kinds: Vec<i8> = match &request.resource_types {
        _ if version == 0 => vec![Resource::CLIENT_METRICS],
        kinds if kinds.is_empty() => LISTED.to_vec(),
        kinds => kinds.clone(),
    };
    if kinds.iter().any(|k| !LISTED.contains(k)) {
        response.error_code = ErrorCode::UnsupportedVersion.code();
        return response;
    }
    for kind in LISTED.into_iter().filter(|k| kinds.contains(k)) {
        let names: Vec<String> = match kind {
            Resource::TOPIC => view.image.names.keys().cloned().collect(),
            Resource::BROKER | Resource::BROKER_LOGGER => view.brokers().map(|(id, _)| id.to_string()).collect(),
            _ => view.image.configs.keys().map(Resource::to_kafka).filter(|(k, _)| *k == kind).map(|(_, name)| name).collect(),
        };
        for name in names {
            let mut line = msg::list_config_resources_response::ConfigResource::default();
            (line.resource_name, line.resource_type) = (text(&name), kind);
            response.config_resources.push(line);
        }
    }
    response
}
