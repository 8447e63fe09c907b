//! Single calls: one typed request to the right broker, one typed answer.
//!
//! State       calls not yet sent, and those whose answer is awaited.
//! Takes       requests; answers; losses; time.
//! Gives       requests to be sent; `Called` for every call.
//! Holds       a call that was sent and lost is sent again only if it changes nothing. One that may have changed something ends as lost,
//!             so that its caller knows that nobody knows.
//! Not here    what the requests mean.

use super::Ctx;
use super::api::{ClientError, ClientEvent, Target, Token};
use super::connection::backoff;
use super::error::Code;
use super::metadata::Metadata;
use crate::io::Deadline;
use crate::time::Instant;
use crate::wire::{ApiKey, Request, Response};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug)]
struct Call {
    target: Target,
    request: Request,
    give_up: Instant,
    not_before: Instant,
    attempts: u32,
    in_flight: bool,
    last: String,
}

/// Where a call goes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Any,
    Broker(i32),
}

/// The machine.
#[derive(Debug, Default)]
pub(super) struct Admin {
    calls: BTreeMap<Token, Call>,
}

impl Admin {
    pub(super) fn call(
        &mut self,
        ctx: &mut Ctx<'_>,
        metadata: &mut Metadata,
        token: Token,
        (target, request, timeout): (Target, Request, Duration),
    ) {
        if let Target::Leader(partition) = &target {
            metadata.want(ctx.now, &partition.topic);
        }
        let (give_up, last) = (ctx.now.mono.after(timeout), "no broker was reached".to_owned());
        let call = Call { target, request, give_up, not_before: ctx.now.mono, attempts: 0, in_flight: false, last };
        let before = self.calls.insert(token, call);
        assert!(before.is_none(), "tokens are distinct");
    }

    /// The calls that could be sent now, and where. Those whose broker is not known put the metadata in doubt.
    pub(super) fn due(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata) -> Vec<(Token, Where)> {
        let (now, mut due) = (ctx.now.mono, Vec::new());
        for (token, call) in self.calls.iter_mut().filter(|(_, c)| !c.in_flight && c.not_before <= now) {
            let place = match &call.target {
                Target::Any => Some(Where::Any),
                Target::Broker(id) => Some(Where::Broker(*id)),
                Target::Controller => metadata.controller.map(Where::Broker),
                Target::Leader(partition) => metadata.leader(partition).map(Where::Broker),
            };
            match (place, &call.target) {
                (Some(Where::Broker(id)), _) if !metadata.brokers.contains_key(&id) => metadata.doubt_controller(ctx),
                (Some(place), _) => due.push((*token, place)),
                (None, Target::Leader(partition)) => {
                    if let Some(code) = metadata.why_leaderless(partition) {
                        call.last = code.told();
                    }
                    metadata.doubt(ctx, &partition.topic);
                }
                (None, _) => metadata.doubt_controller(ctx),
            }
        }
        due
    }

    /// A connection for the call is there: what to send, and until when its answer is waited for.
    pub(super) fn send(&mut self, token: Token) -> Option<(Request, Instant)> {
        let call = self.calls.get_mut(&token)?;
        call.in_flight = true;
        call.attempts += 1;
        Some((call.request.clone(), call.give_up))
    }

    pub(super) fn request_api(&self, token: Token) -> Option<ApiKey> {
        self.calls.get(&token).and_then(|c| c.request.api())
    }

    pub(super) fn end(&mut self, ctx: &mut Ctx<'_>, token: Token, result: Result<Response, ClientError>) {
        if self.calls.remove(&token).is_some() {
            ctx.event(ClientEvent::Called { token, result });
        }
    }

    pub(super) fn on_answer(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata, token: Token, response: Response) {
        let Some(call) = self.calls.get_mut(&token) else { return };
        match refusal(&response) {
            Some(code @ (Code::NOT_CONTROLLER | Code::NOT_LEADER_OR_FOLLOWER | Code::LEADER_NOT_AVAILABLE)) => {
                call.in_flight = false;
                call.last = code.told();
                call.not_before = ctx.now.mono.after(backoff(ctx.config, call.attempts, ctx.rng));
                match &call.target {
                    Target::Leader(partition) => metadata.doubt(ctx, &partition.topic),
                    Target::Controller => metadata.doubt_controller(ctx),
                    // Whoever names the broker wants that broker's answer.
                    Target::Any | Target::Broker(_) => self.end(ctx, token, Ok(response)),
                }
            }
            _ => self.end(ctx, token, Ok(response)),
        }
    }

    pub(super) fn on_lost(&mut self, ctx: &mut Ctx<'_>, token: Token, why: &str) {
        let Some(call) = self.calls.get_mut(&token) else { return };
        if call.request.api().is_some_and(changes_nothing) && call.give_up > ctx.now.mono {
            call.in_flight = false;
            call.last = format!("connection lost: {why}");
            call.not_before = ctx.now.mono.after(backoff(ctx.config, call.attempts, ctx.rng));
        } else {
            self.end(ctx, token, Err(ClientError::Disconnected { why: why.to_owned() }));
        }
    }

    /// What stands in the way of calls that are not sent yet.
    pub(super) fn on_unreachable(&mut self, why: &str) {
        for call in self.calls.values_mut().filter(|c| !c.in_flight) {
            why.clone_into(&mut call.last);
        }
    }

    pub(super) fn expire(&mut self, ctx: &mut Ctx<'_>) {
        let late = self.calls.iter().filter(|(_, c)| !c.in_flight && c.give_up <= ctx.now.mono);
        let late: Vec<(Token, String)> = late.map(|(token, c)| (*token, c.last.clone())).collect();
        for (token, last) in late {
            self.end(ctx, token, Err(ClientError::TimedOut { last }));
        }
    }

    pub(super) fn wants_broker(&self) -> bool {
        self.calls.values().any(|c| !c.in_flight)
    }

    pub(super) fn deadline(&self, ctx: &Ctx<'_>) -> Option<Deadline> {
        let idle = || self.calls.values().filter(|c| !c.in_flight);
        let at = idle().map(|c| c.give_up).chain(idle().map(|c| c.not_before).filter(|at| *at > ctx.now.mono)).min()?;
        Some(Deadline { at, why: "call" })
    }
}

/// Whether asking twice is as good as asking once.
fn changes_nothing(api: ApiKey) -> bool {
    use ApiKey as K;
    let changes = matches!(
        api,
        K::CreateTopics
            | K::DeleteTopics
            | K::DeleteRecords
            | K::CreatePartitions
            | K::IncrementalAlterConfigs
            | K::AlterConfigs
            | K::Produce
            | K::InitProducerId
            | K::PushTelemetry
    );
    !changes
}

/// The first error of an answer that says that another broker is to be asked.
fn refusal(response: &Response) -> Option<Code> {
    let codes: Vec<i16> = match response {
        Response::CreateTopics(r) => r.topics.iter().map(|t| t.error_code).collect(),
        Response::DeleteTopics(r) => r.responses.iter().map(|t| t.error_code).collect(),
        Response::CreatePartitions(r) => r.results.iter().map(|t| t.error_code).collect(),
        Response::IncrementalAlterConfigs(r) => r.responses.iter().map(|t| t.error_code).collect(),
        Response::AlterConfigs(r) => r.responses.iter().map(|t| t.error_code).collect(),
        Response::ListOffsets(r) => r.topics.iter().flat_map(|t| t.partitions.iter().map(|p| p.error_code)).collect(),
        Response::DeleteRecords(r) => r.topics.iter().flat_map(|t| t.partitions.iter().map(|p| p.error_code)).collect(),
        _ => return None,
    };
    codes.into_iter().find(|code| *code != 0).map(Code)
}
