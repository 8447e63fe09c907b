//! Waiting: for connections, for the disk, for deadlines, for signals.
//!
//! State       one timer, armed for the earliest of the node's deadline, the oldest idle connection and the end of draining.
//! Holds       the node is woken at its deadline; after the first signal nobody new is let in; after the second all ends at once.
//! Not here    what happens then (`edge.rs`).

use crate::alarm::Alarm;
use crate::conn::Connection;
use crate::disk::Disk;
use crate::edge::{Edge, ExitReason, enter};
use crate::sock::Listen;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Signals to end: the first asks for an orderly end, the second does not wait for it.
pub type Stop = mpsc::UnboundedReceiver<()>;

/// When accepting fails for want of resources, it is tried again after so long.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Serve until the node ends or a signal asks for it. Runs inside a tokio `LocalRuntime` or `LocalSet`.
pub async fn run<L: Listen, D: Disk>(edge: Edge<D>, listener: L, alarm: Alarm, stop: Stop) -> ExitReason {
    run_and_tell(edge, listener, alarm, stop, || ()).await
}

/// The same, and tell when requests are being served, which may be never.
///
/// A panic of any task that works for the edge goes on here. The order in which this future polls is written down, not drawn by
/// `select!`, so that a simulation replays it without tokio's unstable switches.
pub(crate) async fn run_and_tell<L: Listen, D: Disk>(
    edge: Edge<D>,
    listener: L,
    mut alarm: Alarm,
    mut stop: Stop,
    on_serving: impl FnOnce(),
) -> ExitReason {
    let mut on_serving = Some(on_serving);
    let edge = Rc::new(RefCell::new(edge));
    let acceptor = tokio::task::spawn_local(accept(listener, Rc::clone(&edge)));
    let mut waits = Waits { idle: Instant::now(), drained_by: None };
    let reason = poll_fn(|cx| {
        loop {
            while let Poll::Ready(Some(())) = stop.poll_recv(cx) {
                acceptor.abort();
                enter(&edge, Edge::on_stop);
            }
            let Some(turn) = enter(&edge, |edge| waits.turn(cx, edge)) else {
                let panic = edge.borrow_mut().take_panic().expect("only a panic closes the edge");
                std::panic::resume_unwind(panic);
            };
            if edge.borrow().is_serving()
                && let Some(tell) = on_serving.take()
            {
                tell();
            }
            match turn {
                Ok(reason) => return Poll::Ready(reason),
                Err(again_at) => match alarm.poll_until(cx, again_at) {
                    Poll::Ready(rung) => rung.expect("a timer can be set"),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    })
    .await;
    acceptor.abort();
    reason
}

/// What is waited for beside the disk and the signals.
struct Waits {
    /// When the connection that is idle for longest may be closed.
    idle: Instant,
    /// When the node has ended: how long what it said may take to leave.
    drained_by: Option<Instant>,
}

impl Waits {
    /// One turn of everything that is due. `Err` says when to come again, if nothing happens before.
    fn turn<D: Disk>(&mut self, cx: &mut Context<'_>, edge: &mut Edge<D>) -> Result<ExitReason, Instant> {
        let now = Instant::now();
        let deadline = edge.turn(cx);
        if let Some(reason) = &edge.exit {
            let reason = reason.clone();
            let drained_by = *self.drained_by.get_or_insert(now + edge.limits.drain_max);
            return if reason == ExitReason::Killed || edge.close_all() || now >= drained_by {
                Ok(reason)
            } else {
                Err(drained_by)
            };
        }
        if now >= self.idle {
            self.idle = edge.close_idle();
        }
        Err(deadline.map_or(self.idle, |at| at.min(self.idle)))
    }
}

/// Let everybody in.
async fn accept<L: Listen, D: Disk>(listener: L, edge: Rc<RefCell<Edge<D>>>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(id) = enter(&edge, |edge| edge.on_accepted(format!("/{}", peer.ip()))) else { return };
                match id {
                    Some(id) => drop(tokio::task::spawn_local(Connection::new(id, stream, Rc::clone(&edge)))),
                    None => tracing::warn!(%peer, "refused: max.connections is reached"),
                }
            }
            Err(e) => {
                tracing::warn!(error = %e, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}
