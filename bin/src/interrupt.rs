//! Ctrl-C for commands that compute: they stop after what is under way, and say what they have. For those that talk to a broker, whose
//! event loops wait for it themselves: whoever presses it twice does not want to wait.
//!
//! State       whether it was pressed.

use crate::failure::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notice Ctrl-C from now on.
    pub(crate) fn watch() -> Result<Interrupt, Failure> {
        let pressed = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&pressed);
        on_thread(async move |mut signal| {
            signal.recv().await;
            tell.store(true, Ordering::Relaxed);
        })?;
        Ok(Interrupt(pressed))
    }

    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// From now on the second Ctrl-C ends the process, also where its own thread waits for something else, such as a full pipe.
pub(crate) fn second_ends() -> Result<(), Failure> {
    on_thread(async |mut signal| {
        signal.recv().await;
        signal.recv().await;
        #[expect(clippy::disallowed_methods, reason = "the thread that could return from main waits for something else")]
        std::process::exit(Failure::Interrupted(String::new()).code().into());
    })
}

/// Listen to Ctrl-C on a thread of its own. It is registered when this returns: a signal that comes at once is not lost.
fn on_thread(listen: impl AsyncFnOnce(Signal) + Send + 'static) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listens = {
        let _inside = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    std::thread::spawn(move || runtime.block_on(listen(listens)));
    Ok(())
}
