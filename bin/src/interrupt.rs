//! Ctrl-C for commands that compute: they stop after what is under way, and say what they have. For those that talk to a broker, whose
//! event loops wait for it themselves: whoever presses it twice does not want to wait. And what ends a broker.
//!
//! State       whether it was pressed.

use crate::failure::Failure;
use ottla_net::Stop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notice Ctrl-C from now on.
    pub(crate) fn watch() -> Result<Interrupt, Failure> {
        let pressed = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&pressed);
        on_thread(vec![SignalKind::interrupt()], move |_| tell.store(true, Ordering::Relaxed))?;
        Ok(Interrupt(pressed))
    }

    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// From now on the second Ctrl-C ends the process, also where its own thread waits for something else, such as a full pipe.
pub(crate) fn second_ends() -> Result<(), Failure> {
    let mut pressed = 0;
    on_thread(vec![SignalKind::interrupt()], move |_| {
        pressed += 1;
        if pressed == 2 {
            #[expect(clippy::disallowed_methods, reason = "the thread that could return from main waits for something else")]
            std::process::exit(Failure::Interrupted(String::new()).code().into());
        }
    })
}

/// What ends a broker in order, noticed from now on: SIGTERM, SIGINT, and SIGHUP, which a terminal sends when it goes; one that is ignored
/// already stays so, as `nohup` has it. While `others` is set, Ctrl-C is somebody else's, who got it from the terminal, too.
pub(crate) fn stop(others: Arc<AtomicBool>) -> Result<Stop, Failure> {
    let (tell, stop) = tokio::sync::mpsc::unbounded_channel();
    let hangup = (!ignores(SignalKind::hangup())).then(SignalKind::hangup);
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()].into_iter().chain(hangup);
    on_thread(kinds.collect(), move |kind| {
        if kind != SignalKind::interrupt() || !others.load(Ordering::Relaxed) {
            let _ = tell.send(());
        }
    })?;
    Ok(stop)
}

/// Whether this process was told to ignore a signal; no where the system does not say.
fn ignores(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal.as_raw_value() - 1) & 1 == 1)
}

/// Listen to signals on a thread of its own. They are registered when this returns: one that comes at once is not lost.
fn on_thread(kinds: Vec<SignalKind>, mut on_signal: impl FnMut(SignalKind) + Send + 'static) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = Vec::new();
    {
        let _inside = runtime.enter();
        for kind in kinds {
            signals.push((kind, signal(kind)?));
        }
    }
    let mut next = move |cx: &mut Context<'_>| {
        let came = signals.iter_mut().find_map(|(kind, signal)| signal.poll_recv(cx).is_ready().then_some(*kind));
        came.map_or(Poll::Pending, Poll::Ready)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                on_signal(std::future::poll_fn(&mut next).await);
            }
        })
    });
    Ok(())
}
