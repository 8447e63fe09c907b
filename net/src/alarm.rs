//! Waking at an instant: exactly, where the system can, and by tokio's clock in a simulation.
//!
//! State       one timer and what it is armed for.
//! Holds       it goes off at the latest when it was asked for last; a timer that is armed for earlier is left alone, because a
//!             turn too many does no harm and a call of the system for each long poll would.
//!
//! tokio's timers count whole milliseconds and round up, which would end a long poll one or two milliseconds late.

use rustix::fd::OwnedFd;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, Sleep};

/// Something that wakes a task at an instant.
pub struct Alarm {
    timer: Timer,
    armed: Option<Instant>,
}

enum Timer {
    /// A timerfd.
    Exact(AsyncFd<OwnedFd>),
    /// Whatever drives tokio's clock.
    Tokio(Pin<Box<Sleep>>),
}

impl Alarm {
    /// An alarm of the operating system.
    #[expect(
        deprecated,
        reason = "its successor is unsafe for the sake of types whose descriptor may change; an `OwnedFd`'s cannot"
    )]
    pub fn exact() -> std::io::Result<Alarm> {
        let fd = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Alarm { timer: Timer::Exact(AsyncFd::with_interest(fd, Interest::READABLE)?), armed: None })
    }

    /// An alarm that follows tokio's clock, to the millisecond.
    #[must_use]
    pub fn tokio() -> Alarm {
        Alarm { timer: Timer::Tokio(Box::pin(tokio::time::sleep(Duration::ZERO))), armed: None }
    }

    /// Wait until `at`, or until an earlier instant that was asked for before.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<std::io::Result<()>> {
        if self.armed.is_none_or(|armed| at < armed) {
            self.arm(at)?;
        }
        match &mut self.timer {
            Timer::Exact(fd) => ready!(poll_expired(fd, cx))?,
            Timer::Tokio(sleep) => ready!(sleep.as_mut().poll(cx)),
        }
        self.armed = None;
        Poll::Ready(Ok(()))
    }

    fn arm(&mut self, at: Instant) -> std::io::Result<()> {
        self.armed = Some(at);
        match &mut self.timer {
            Timer::Exact(fd) => {
                // Zero would disarm it.
                let left = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
                let value = Timespec::try_from(left).map_err(std::io::Error::other)?;
                let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
                let spec = Itimerspec { it_interval: interval, it_value: value };
                rustix::time::timerfd_settime(fd.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
            }
            Timer::Tokio(sleep) => sleep.as_mut().reset(at),
        }
        Ok(())
    }
}

fn poll_expired(fd: &AsyncFd<OwnedFd>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
    loop {
        let mut guard = ready!(fd.poll_read_ready(cx))?;
        let mut expirations = [0u8; 8];
        match guard.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut expirations)?)) {
            Ok(read) => return Poll::Ready(read.map(|_| ())),
            Err(_would_block) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn an_exact_alarm_goes_off_within_a_millisecond_and_never_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut alarm = Alarm::exact().unwrap();
            let mut late: Vec<Duration> = Vec::new();
            for i in 0..20 {
                let at = Instant::now() + Duration::from_micros(300 + 137 * i);
                poll_fn(|cx| alarm.poll_until(cx, at)).await.unwrap();
                late.push(Instant::now().checked_duration_since(at).expect("it went off early"));
            }
            late.sort_unstable();
            assert!(late[10] < Duration::from_millis(1), "{late:?}");
        });
    }

    #[test]
    fn an_earlier_wish_wins() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut alarm = Alarm::tokio();
            let start = Instant::now();
            let mut wishes = [60, 20, 40].into_iter();
            poll_fn(|cx| {
                let mut last = Poll::Pending;
                for after in wishes.by_ref() {
                    last = alarm.poll_until(cx, start + Duration::from_millis(after));
                }
                if last.is_pending() { alarm.poll_until(cx, start + Duration::from_millis(40)) } else { last }
            })
            .await
            .unwrap();
            assert_eq!(start.elapsed(), Duration::from_millis(20));
        });
    }
}
