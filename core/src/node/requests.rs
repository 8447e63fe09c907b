//! What a request becomes: an answer at once, events for partitions, or a change for the controller.

use super::{Node, Phase, timers};
use crate::controller::{Change, ControllerEvent, Token as ControllerToken, query};
use crate::ids::{ConnId, LeaseId};
use crate::io::{Effect, Reply};
use crate::planted::Bug;
use crate::serve::{Ask, Gather, Job, api_versions, delete_records, describe, fetch, offsets, produce, telemetry};
use crate::session::{Answer, RequestId};
use crate::time::{Instant, Now};
use crate::wire::msg::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};
use crate::wire::{ErrorCode, Request, RequestFrame, Response};
use std::collections::VecDeque;
use std::time::Duration;

/// The shortest wait for the disk that ends in REQUEST_TIMED_OUT.
const DISK_WAIT_MS_MIN: i32 = 1000;

/// How long Kafka goes on handing a request to its controller before it answers REQUEST_TIMED_OUT, whatever the request says.
const ADMIN_WAIT_MS_MAX: i32 = 60_000;

/// The client id that lets a produce write to the brokers' own topics, as in Kafka.
const ADMIN_CLIENT: &str = "__admin_client";

/// How long a producer waits for an id that the disk does not let be given: it has others to ask, and asks again.
const PRODUCER_ID_WAIT_MS: i32 = 10_000;

/// Producer ids that the controller gave to this node, and who waits for more.
#[derive(Debug, Default)]
pub(super) struct ProducerIds {
    next: i64,
    end: i64,
    waiting: VecDeque<u64>,
}

impl ProducerIds {
    fn take(&mut self) -> Option<i64> {
        (self.next < self.end).then(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

/// What an answer is addressed to.
#[derive(Clone, Copy, Debug)]
struct Head {
    request: RequestId,
    correlation: i32,
    version: i16,
}

impl Node {
    pub(super) fn on_request(&mut self, now: Now, conn: ConnId, frame: RequestFrame, out: &mut Vec<Effect>) {
        let Some(request) = self.sessions.admit(conn, frame.size) else { return };
        let is_about_versions = matches!(frame.request, Request::ApiVersions(_));
        match self.phase {
            Phase::Starting if !is_about_versions => self.held.push_back((request, frame)),
            Phase::Starting | Phase::Serving => self.start(now, request, frame, out),
            // Kafka closes its connections when it ends; a client finds out by itself and asks elsewhere or later.
            Phase::Draining | Phase::Closing | Phase::Marking | Phase::Halted => self.answer(request, Answer::Close, out),
        }
    }

    /// Begin a request. Ends in an answer, or in a gather that will give one.
    pub(super) fn start(&mut self, now: Now, request: RequestId, frame: RequestFrame, out: &mut Vec<Effect>) {
        let RequestFrame { correlation, version, client_id, request: body, .. } = frame;
        let head = Head { request, correlation, version };
        let view = self.controller.view(self.lookup());
        let response = match body {
            Request::Produce(r) => {
                let is_admin = client_id.as_deref() == Some(ADMIN_CLIENT);
                return self.start_produce(now, head, is_admin, r, out);
            }
            Request::Fetch(r) => return self.start_fetch(now, head, r, out),
            Request::ListOffsets(r) => {
                let (job, asks) = offsets::split_list(self.lookup(), self.next_gather, version, r);
                return self.gather(head, Job::ListOffsets(job), asks, None, out);
            }
            Request::OffsetForLeaderEpoch(r) => {
                let (job, asks) = offsets::split_epochs(self.lookup(), self.next_gather, r);
                return self.gather(head, Job::EpochEnds(job), asks, None, out);
            }
            Request::DeleteRecords(r) => {
                let deadline = Some(after_disk(now.mono, r.timeout_ms));
                let (job, asks) = delete_records::split(self.lookup(), self.next_gather, r);
                return self.gather(head, Job::DeleteRecords(job), asks, deadline, out);
            }
            Request::InitProducerId(r) => return self.start_init_producer_id(now, head, &r, out),
            Request::CreateTopics(r) => return self.change(now, head, Change::CreateTopics { version, request: r }),
            Request::DeleteTopics(r) => return self.change(now, head, Change::DeleteTopics { version, request: r }),
            Request::CreatePartitions(r) => return self.change(now, head, Change::CreatePartitions { version, request: r }),
            Request::AlterConfigs(r) => return self.change(now, head, Change::AlterConfigs { version, request: r }),
            Request::IncrementalAlterConfigs(r) => {
                return self.change(now, head, Change::IncrementalAlterConfigs { version, request: r });
            }
            Request::Metadata(r) => {
                let (response, missing) = query::metadata(view, version, &r);
                if !missing.is_empty() {
                    self.auto_create(now, missing);
                }
                Response::Metadata(response)
            }
            Request::ApiVersions(r) => {
                let (version, response) = api_versions::answer(view.image, self.controller.image_end().0 - 1, version, &r);
                return self.reply(Head { version, ..head }, Response::ApiVersions(response), None, out);
            }
            Request::DescribeConfigs(r) => Response::DescribeConfigs(query::describe_configs(view, version, &r)),
            Request::DescribeCluster(r) => Response::DescribeCluster(query::describe_cluster(view, version, &r)),
            Request::ListConfigResources(r) => Response::ListConfigResources(query::list_config_resources(view, version, &r)),
            Request::DescribeTopicPartitions(r) => Response::DescribeTopicPartitions(query::describe_topic_partitions(view, &r)),
            Request::DescribeLogDirs(r) => {
                let dir = self.config.settings.text("log.dirs").unwrap_or_default();
                Response::DescribeLogDirs(describe::log_dirs(self.lookup(), dir, self.volume, &r))
            }
            Request::DescribeProducers(r) => Response::DescribeProducers(describe::producers(self.lookup(), &r)),
            Request::GetTelemetrySubscriptions(r) => {
                let instance = if r.client_instance_id.is_nil() { self.rng.uuid() } else { r.client_instance_id };
                Response::GetTelemetrySubscriptions(telemetry::subscriptions(instance))
            }
            Request::PushTelemetry(_) => Response::PushTelemetry(telemetry::push()),
            // As Kafka: a request that is not served ends its connection.
            Request::Unsupported { .. } => return self.answer(request, Answer::Close, out),
        };
        self.reply(head, response, None, out);
    }

    fn start_produce(&mut self, now: Now, head: Head, is_admin: bool, request: crate::wire::Produce, out: &mut Vec<Effect>) {
        // Only the wait for other replicas (and here for the disk) has a limit; the leader's own append has none in Kafka either.
        let deadline = (request.acks == -1).then(|| after_disk(now.mono, request.timeout_ms));
        let (job, asks) = produce::split(self.lookup(), self.next_gather, head.version, is_admin, request);
        self.gather(head, Job::Produce(job), asks, deadline, out);
    }

    fn start_fetch(&mut self, now: Now, head: Head, request: crate::wire::msg::FetchRequest, out: &mut Vec<Effect>) {
        let lease = self.next_lease();
        let lookup = super::Lookup { image: self.controller.image(), hosted: &self.partitions, barred: &self.barred };
        match fetch::begin(now.mono, lookup, &mut self.fetch_sessions, lease, self.fetch_limits, head.version, request) {
            Err(reply) => self.reply(head, Response::Fetch(reply), None, out),
            Ok(job) => {
                let session = job.session();
                let number = self.insert(head, Job::Fetch(Box::new(job)), 0, None);
                if let Some(before) = session.and_then(|id| self.fetch_sessions.answered_by(id, number)) {
                    self.end_stale_fetch(now, before, out);
                }
                self.step_fetch(now, number, out);
            }
        }
    }

    fn start_init_producer_id(&mut self, now: Now, head: Head, request: &InitProducerIdRequest, out: &mut Vec<Effect>) {
        let one_sided = (request.producer_id.0 == -1) != (request.producer_epoch == -1);
        let error = match &request.transactional_id {
            _ if one_sided => Some(ErrorCode::InvalidRequest),
            Some(id) if id.is_empty() => Some(ErrorCode::InvalidRequest),
            // Transactions have no coordinator here, and no version of this API would find one.
            Some(_) => Some(ErrorCode::UnsupportedVersion),
            None => None,
        };
        let response = match (error, self.producer_ids.take()) {
            (Some(error), _) => init_refused(error),
            (None, Some(id)) => InitProducerIdResponse::default().with_producer_id(ProducerId(id)).with_producer_epoch(0),
            (None, None) => {
                let deadline = Some(after_ms(now.mono, PRODUCER_ID_WAIT_MS));
                let number = self.insert(head, Job::ProducerId, 1, deadline.filter(|_| !self.has(Bug::AdminWaitsForEver)));
                self.producer_ids.waiting.push_back(number);
                if self.producer_ids.waiting.len() == 1 {
                    self.ask_controller(now, ControllerToken(number), Change::ProducerIds);
                }
                return;
            }
        };
        self.reply(head, Response::InitProducerId(response), None, out);
    }

    /// A block of ids for whoever waits; an empty one is a refusal.
    pub(super) fn on_producer_ids(&mut self, now: Now, first: i64, count: i32, out: &mut Vec<Effect>) {
        if count == 0 {
            for number in std::mem::take(&mut self.producer_ids.waiting) {
                // Retriable, and what Kafka says when it gets no block.
                let refused = init_refused(ErrorCode::CoordinatorLoadInProgress);
                if self.gathers.contains_key(&number) {
                    self.finish(number, Response::InitProducerId(refused), None, out);
                }
            }
            return;
        }
        (self.producer_ids.next, self.producer_ids.end) = (first, first + i64::from(count));
        while let Some(number) = self.producer_ids.waiting.front().copied() {
            if !self.gathers.contains_key(&number) {
                self.producer_ids.waiting.pop_front();
                continue;
            }
            let Some(id) = self.producer_ids.take() else {
                return self.ask_controller(now, ControllerToken(number), Change::ProducerIds);
            };
            self.producer_ids.waiting.pop_front();
            let response = InitProducerIdResponse::default().with_producer_id(ProducerId(id)).with_producer_epoch(0);
            self.finish(number, Response::InitProducerId(response), None, out);
        }
    }

    fn auto_create(&mut self, now: Now, names: Vec<String>) {
        // Nobody waits for it: the answer to Metadata is on its way, and the client asks again.
        let token = ControllerToken(self.next_gather);
        self.next_gather += 1;
        self.ask_controller(now, token, Change::AutoCreate { names });
    }

    fn change(&mut self, now: Now, head: Head, change: Change) {
        let wait_ms = match &change {
            Change::CreateTopics { request, .. } => request.timeout_ms,
            Change::DeleteTopics { request, .. } => request.timeout_ms,
            Change::CreatePartitions { request, .. } => request.timeout_ms,
            _ => ADMIN_WAIT_MS_MAX,
        };
        let deadline = Some(after_disk(now.mono, wait_ms.min(ADMIN_WAIT_MS_MAX)));
        let number = self.insert(head, Job::Controller, 1, deadline.filter(|_| !self.has(Bug::AdminWaitsForEver)));
        self.ask_controller(now, ControllerToken(number), change);
    }

    /// A request over partitions: send what was split, or answer at once if nothing was.
    fn gather(&mut self, head: Head, job: Job, asks: Vec<Ask>, deadline: Option<Instant>, out: &mut Vec<Effect>) {
        let count = u32::try_from(asks.len()).expect("a request has fewer parts than bytes");
        let number = self.insert(head, job, count, deadline.filter(|_| count > 0));
        self.events.extend(asks);
        self.maybe_finish(number, out);
    }

    /// The next number of a gather is in the tokens already: `next_gather` is what `split` was given.
    fn insert(&mut self, head: Head, job: Job, count: u32, deadline: Option<Instant>) -> u64 {
        let number = self.next_gather;
        self.next_gather += 1;
        let Head { request, correlation, version } = head;
        self.gathers.insert(number, Gather { request, correlation, version, deadline, out: count, job });
        self.gather_of.insert(request, number);
        if deadline.is_some() {
            self.timers.set(timers::Owner::Gather(number), deadline);
        }
        number
    }

    pub(super) fn next_lease(&mut self) -> LeaseId {
        self.next_lease += 1;
        LeaseId(self.next_lease)
    }

    fn reply(&mut self, head: Head, response: Response, lease: Option<LeaseId>, out: &mut Vec<Effect>) {
        let Head { request, correlation, version } = head;
        self.answer(request, Answer::Reply(Reply { correlation, version, response, lease }), out);
    }

    /// Give the answer to the session; what cannot leave any more gives its lease back.
    pub(super) fn answer(&mut self, request: RequestId, answer: Answer, out: &mut Vec<Effect>) {
        if let Some(lease) = self.sessions.answer(request, answer, out) {
            self.on_released(lease);
        }
    }

    /// Take a gather off the table.
    pub(super) fn take_gather(&mut self, number: u64) -> Option<Gather> {
        let gather = self.gathers.remove(&number)?;
        self.gather_of.remove(&gather.request);
        self.timers.set(timers::Owner::Gather(number), None);
        Some(gather)
    }

    /// Answer a gather's request.
    pub(super) fn finish(&mut self, number: u64, response: Response, lease: Option<LeaseId>, out: &mut Vec<Effect>) {
        if let Some(gather) = self.take_gather(number) {
            let head = Head { request: gather.request, correlation: gather.correlation, version: gather.version };
            self.reply(head, response, lease, out);
        }
    }
}

impl Node {
    /// Time is up for a request: it is answered with what there is.
    pub(super) fn on_gather_timeout(&mut self, now: Now, number: u64, out: &mut Vec<Effect>) {
        let Some(gather) = self.gathers.get_mut(&number) else { return };
        match &mut gather.job {
            Job::Fetch(_) if self.config.planted.has(Bug::WaitWithoutEnd) => {}
            Job::Fetch(job) if job.is_parked() => self.look_again(now, number, out),
            Job::Produce(job) => {
                self.events.extend(job.unwait(number));
                job.on_timeout(self.config.planted);
                gather.out = 0;
                self.maybe_finish(number, out);
            }
            Job::DeleteRecords(job) => {
                self.events.extend(job.unwait(number));
                job.on_timeout();
                gather.out = 0;
                self.maybe_finish(number, out);
            }
            Job::Controller => self.tell_controller(now, ControllerEvent::Expired { token: ControllerToken(number) }),
            Job::ProducerId => {
                let refused = init_refused(ErrorCode::CoordinatorLoadInProgress);
                self.finish(number, Response::InitProducerId(refused), None, out);
            }
            _ => {}
        }
    }
}

fn init_refused(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse::default().with_error_code(error.code()).with_producer_id(ProducerId(-1)).with_producer_epoch(-1)
}

/// When a wait of `ms` ends that in Kafka is one for other replicas only, and here one for this node's disk, too: a client that asks
/// for less than a disk may take would be refused what Kafka grants it.
fn after_disk(now: Instant, ms: i32) -> Instant {
    after_ms(now, ms.max(DISK_WAIT_MS_MIN))
}

/// `ms` from now; a negative time is none.
pub(super) fn after_ms(now: Instant, ms: i32) -> Instant {
    now.after(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}
