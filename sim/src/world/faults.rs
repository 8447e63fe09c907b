//! The fault plan at work: each entry is carried out when it is due, and it is known what became of it.
//!
//! State       per entry of the plan, whether it struck, or why it could not.
//! Holds       an entry either strikes, or is moot for a reason from a closed list. Anything else is a fault that never fired.
//! Not here    drawing plans (plan.rs).

use super::Sim;
use super::agenda::Event;
use super::node::DOWN_NS;
use crate::disk::{Aim, Armed};
use crate::history::Mishap;
use crate::plan::{Action, Calls, Kind, Plan};
use serde::Serialize;

/// What became of an entry of the plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Fired {
    /// Not due yet, or waiting for its disk call.
    NotYet,
    Struck,
    /// The node was down when it was due.
    NodeDown,
    /// The client had no connection when it was due.
    NoConnection,
    /// There was no such file, or nothing in it, or what it would have struck was about to be overwritten.
    NothingToStrike,
    /// Nothing came that it waited for, before it ended or all faults did.
    NoSuchCall,
    /// The node was not started again before the faults ended.
    NoStart,
}

/// The end of a life that waits for its disk call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtCall {
    entry: u32,
    node: u32,
    of: Calls,
    /// It strikes when so many of these boundaries have been passed.
    at: u64,
}

impl Sim {
    /// Put a plan on the agenda.
    pub fn set_plan(&mut self, plan: Plan) {
        self.fired = vec![Fired::NotYet; plan.entries.len()];
        for (i, entry) in plan.entries.iter().enumerate() {
            self.agenda.at(entry.at_ms * 1_000_000, Event::Plan { entry: i as u32 });
        }
        self.plan = plan;
    }

    /// What became of each entry of the plan.
    #[must_use]
    pub fn fired(&self) -> &[Fired] {
        &self.fired
    }

    pub(super) fn on_plan(&mut self, entry: u32) {
        let action = self.plan.entries[entry as usize].action.clone();
        let kind = action.kind();
        self.digest.word(31 | u64::from(entry) << 8);
        let told = if self.is_traced() { self.unseen(&action) } else { None };
        let fired = self.carry_out(entry, action);
        if self.is_traced() {
            match told.filter(|_| matches!(fired, Fired::Struck | Fired::NotYet)) {
                Some(told) => self.say(&format!("{}: {told}", kind.name())),
                None => self.say(&format!("plan: {} {fired:?}", kind.name())),
            }
        }
        self.fired[entry as usize] = fired;
    }

    /// What is to be told of an action that nothing else tells of when it strikes: whom it is for, how far and how long.
    fn unseen(&self, action: &Action) -> Option<String> {
        let name = |client: &u32| self.client_names.get(*client as usize).map_or("?", String::as_str);
        Some(match action {
            Action::ClockJump { node, by_ms } => format!("node {} by {by_ms}ms", node + 1),
            Action::ResetAll { node } => format!("node {}", node + 1),
            Action::Reset { client } | Action::HalfOpen { client } | Action::HalfClose { client } => name(client).into(),
            Action::SlowReader { client, by_ms, for_ms } => format!("{} by {by_ms}ms for {for_ms}ms", name(client)),
            Action::Delay { node, by_ms, for_ms } => format!("node {} by {by_ms}ms for {for_ms}ms", node + 1),
            Action::PauseClient { client, for_ms } => format!("{} for {for_ms}ms", name(client)),
            Action::ClientSkew { client, by_ms } | Action::ClientClockJump { client, by_ms } => {
                format!("{} by {by_ms}ms", name(client))
            }
            Action::Crash { .. }
            | Action::PowerLoss { .. }
            | Action::PowerLossAtCall { .. }
            | Action::CrashAtCall { .. }
            | Action::Shutdown { .. }
            | Action::PowerOff { .. }
            | Action::Pause { .. }
            | Action::Disk { .. }
            | Action::BitFlip { .. }
            | Action::LatentError { .. }
            | Action::LostFile { .. }
            | Action::DiskFull { .. } => return None,
        })
    }

    /// Do something to the world now, as a plan would.
    pub fn inject(&mut self, action: Action) -> Fired {
        let entry = self.plan.entries.len() as u32;
        self.plan.entries.push(crate::plan::Entry { at_ms: self.now_ns() / 1_000_000, action: action.clone() });
        self.fired.push(Fired::NotYet);
        let fired = self.carry_out(entry, action);
        self.fired[entry as usize] = fired;
        fired
    }

    fn carry_out(&mut self, entry: u32, action: Action) -> Fired {
        const MS: u64 = 1_000_000;
        match action {
            Action::Crash { node, down_ms } if self.is_up(node) => {
                self.crash(node);
                self.agenda.after(down_ms * MS, Event::Start { node });
            }
            Action::PowerLoss { node, down_ms, loss } if self.is_up(node) => {
                self.lose_power(node, loss);
                self.agenda.after(down_ms * MS, Event::Start { node });
            }
            Action::PowerLossAtCall { node, after, of, .. } | Action::CrashAtCall { node, after, of, .. } => {
                let at = self.boundaries_of(node, of) + u64::from(after) + 1;
                self.at_calls.push(AtCall { entry, node, of, at });
                return Fired::NotYet;
            }
            Action::Shutdown { node, down_ms } if self.is_up(node) => self.shut_down(node, down_ms * MS),
            Action::PowerOff { node, down_ms, loss } if self.is_up(node) => {
                self.nodes[node as usize].power_off = Some(loss);
                self.shut_down(node, down_ms * MS);
            }
            Action::Pause { node, for_ms } if self.is_up(node) => self.pause_node(node, for_ms * MS),
            Action::Crash { .. }
            | Action::PowerLoss { .. }
            | Action::Shutdown { .. }
            | Action::PowerOff { .. }
            | Action::Pause { .. } => return Fired::NodeDown,
            Action::ClockJump { node, by_ms } => self.nodes[node as usize].wall_offset_ms += by_ms,
            Action::Disk { node, strike, aim, after, stall_ms } => {
                let stall_ns = stall_ms * MS;
                self.disk(node).arm(Armed { by: entry, strike, aim, after, stall_ns });
                return Fired::NotYet;
            }
            Action::BitFlip { node, aim } => return self.damage(node, &aim, Kind::BitFlip),
            Action::LatentError { node, aim } => return self.damage(node, &aim, Kind::LatentError),
            // Under a process that has it open a file goes on to be there: what was taken is missed at the next start.
            Action::LostFile { node, .. } if self.is_up(node) => return Fired::NotYet,
            Action::LostFile { node, aim } => return self.damage(node, &aim, Kind::LostFile),
            Action::DiskFull { node, bytes, for_ms } => {
                self.disk(node).set_budget(bytes, entry);
                self.agenda.after(for_ms * MS, Event::PlanEnd { entry });
                return Fired::NotYet;
            }
            Action::Reset { client } => {
                let conns = self.conns_of(client);
                if conns.is_empty() {
                    return Fired::NoConnection;
                }
                conns.into_iter().for_each(|c| self.close(c, true));
            }
            Action::ResetAll { node } => {
                let all = 0..self.conns.len() as u32;
                let conns: Vec<u32> =
                    all.filter(|c| self.conns[*c as usize].node == node && self.conns[*c as usize].client_side).collect();
                if conns.is_empty() {
                    return Fired::NoConnection;
                }
                conns.into_iter().for_each(|c| self.close(c, true));
            }
            Action::HalfOpen { client } => {
                let conns = self.conns_of(client);
                if conns.is_empty() {
                    return Fired::NoConnection;
                }
                conns.into_iter().for_each(|c| self.go_silent(c));
            }
            Action::HalfClose { client } => {
                let conns = self.conns_of(client);
                if conns.is_empty() {
                    return Fired::NoConnection;
                }
                conns.into_iter().for_each(|c| self.end_sending(c));
            }
            Action::SlowReader { client, by_ms, for_ms } => {
                self.set_slow_ns(client, by_ms * MS, entry);
                self.agenda.after(for_ms * MS, Event::PlanEnd { entry });
                return Fired::NotYet;
            }
            Action::Delay { by_ms, for_ms, .. } => {
                self.set_delay_ns(by_ms * MS, entry);
                self.agenda.after(for_ms * MS, Event::PlanEnd { entry });
                return Fired::NotYet;
            }
            Action::PauseClient { client, for_ms } => {
                self.pause_client(client, for_ms * MS, entry);
                return Fired::NotYet;
            }
            Action::ClientSkew { client, by_ms } | Action::ClientClockJump { client, by_ms } => {
                self.move_client_clock(client, by_ms);
            }
        }
        Fired::Struck
    }

    fn boundaries_of(&self, node: u32, of: Calls) -> u64 {
        match of {
            Calls::Any => self.nodes[node as usize].disk.boundaries(),
            Calls::Names => self.nodes[node as usize].disk.name_boundaries,
        }
    }

    /// End a life for which the boundary of a disk call was planned that has just been passed.
    pub(super) fn end_at_call(&mut self) {
        let due = |c: &AtCall| self.is_up(c.node) && self.boundaries_of(c.node, c.of) >= c.at;
        let Some(i) = self.at_calls.iter().position(due) else { return };
        let AtCall { entry, node, .. } = self.at_calls.remove(i);
        let down_ms = match self.plan.entries[entry as usize].action {
            Action::PowerLossAtCall { down_ms, loss, .. } => {
                self.lose_power(node, loss);
                down_ms
            }
            Action::CrashAtCall { down_ms, .. } => {
                self.crash(node);
                down_ms
            }
            _ => return,
        };
        self.agenda.after(down_ms.saturating_mul(1_000_000), Event::Start { node });
        self.fired[entry as usize] = Fired::Struck;
    }

    /// Take the files away that are to be missing when a node starts.
    pub(super) fn lose_files(&mut self, node: u32) {
        for i in 0..self.fired.len().min(self.plan.entries.len()) {
            let entry = &self.plan.entries[i];
            let due = self.fired[i] == Fired::NotYet && entry.at_ms.saturating_mul(1_000_000) <= self.now_ns();
            if let Action::LostFile { node: n, aim } = &entry.action
                && due
                && *n == node
            {
                let aim = aim.clone();
                self.fired[i] = self.damage(node, &aim, Kind::LostFile);
            }
        }
    }

    fn damage(&mut self, node: u32, aim: &Aim, kind: Kind) -> Fired {
        let disk = self.disk(node);
        let struck = if kind == Kind::LostFile { disk.lose_file(aim) } else { disk.damage(aim, kind == Kind::LatentError) };
        match struck {
            None => Fired::NothingToStrike,
            Some((path, name)) => {
                self.say(&format!("{}: {path}/{name}", kind.name()));
                self.history.mishaps.push((self.now_ns(), Mishap::Disk(kind.name().into())));
                self.after_disk(node);
                Fired::Struck
            }
        }
    }

    pub(super) fn on_plan_end(&mut self, entry: u32) {
        match self.plan.entries[entry as usize].action {
            Action::DiskFull { node, .. } => self.disk(node).lift_budget(),
            Action::SlowReader { client, .. } => self.set_slow_ns(client, 0, entry),
            Action::Delay { .. } => self.set_delay_ns(0, entry),
            _ => {}
        }
        let fired = &mut self.fired[entry as usize];
        if *fired == Fired::NotYet {
            *fired = Fired::NoSuchCall;
        }
    }

    /// What a fault was to hold up has been held up.
    pub(super) fn held_up(&mut self, entry: u32) {
        if let Some(fired) = self.fired.get_mut(entry as usize) {
            *fired = Fired::Struck;
        }
    }

    /// An armed disk fault has struck.
    pub(super) fn plan_struck(&mut self, _node: u32, entry: u32) {
        if let (Some(fired), Some(e)) = (self.fired.get_mut(entry as usize), self.plan.entries.get(entry as usize)) {
            *fired = Fired::Struck;
            let name = e.action.kind().name();
            if !matches!(e.action.kind(), Kind::Stall | Kind::DiskFull) {
                self.history.mishaps.push((self.agenda.now_ns(), Mishap::Disk(name.into())));
            }
            if self.is_traced() {
                self.say(&format!("{name} strikes"));
            }
        }
    }

    /// Whether any disk fault has struck so far.
    pub(crate) fn disk_faults_seen(&self) -> bool {
        self.history.mishaps.iter().any(|(_, m)| matches!(m, Mishap::Disk(_)))
    }

    /// The end of all faults: nothing strikes any more, everything that is down starts, every clock and link is as it should be.
    pub fn heal(&mut self) {
        self.say("heal: no more faults");
        for n in 0..self.nodes.len() as u32 {
            self.boundaries = self.disk(n).boundaries();
            let disk = self.disk(n);
            let never_reached = disk.fail_power_no_more();
            disk.disarm_all();
            disk.lift_budget();
            self.never_reached.extend(never_reached);
            if std::mem::take(&mut self.nodes[n as usize].paused_until) > self.now_ns() {
                self.resume(n);
            }
            self.nodes[n as usize].wall_offset_ms = 0;
            // A life that is about to end does not stay away for long, and a call that is held up ends as any other one does.
            let down_ns = &mut self.nodes[n as usize].down_ns;
            *down_ns = DOWN_NS.min(*down_ns);
            self.agenda.hasten_calls(n, self.nodes[n as usize].disk.longest_call_ns());
            self.agenda.after(0, Event::Start { node: n });
        }
        self.at_calls.clear();
        self.set_delay_ns(0, 0);
        for client in 0..self.client_names.len() as u32 {
            self.set_slow_ns(client, 0, 0);
            self.paused_clients[client as usize] = (0, 0);
            let wrong = self.client_clocks[client as usize];
            if wrong != 0 {
                self.move_client_clock(client, -wrong);
            }
        }
        let now_ns = self.now_ns();
        for (fired, entry) in self.fired.iter_mut().zip(&self.plan.entries) {
            // What is not due before the faults end never was: a plan that has such an entry is wrong.
            let waits = matches!(
                entry.action,
                Action::Disk { .. }
                    | Action::PowerLossAtCall { .. }
                    | Action::CrashAtCall { .. }
                    | Action::DiskFull { .. }
                    | Action::SlowReader { .. }
                    | Action::Delay { .. }
                    | Action::PauseClient { .. }
            );
            if *fired == Fired::NotYet && waits && entry.at_ms * 1_000_000 <= now_ns {
                *fired = Fired::NoSuchCall;
            }
            if *fired == Fired::NotYet && matches!(entry.action, Action::LostFile { .. }) {
                *fired = Fired::NoStart;
            }
        }
    }
}
