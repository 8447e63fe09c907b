//! Ctrl-C for commands that compute: they stop after what is under way, and say what they have.
//!
//! State       whether it was pressed.
//! Not here    commands that talk to a broker, whose event loops wait for it themselves.

use crate::failure::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notice Ctrl-C from now on.
    pub(crate) fn watch() -> Result<Interrupt, Failure> {
        let pressed = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&pressed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Registered before anything is computed: a signal that comes at once is not lost.
        let mut signal = {
            let _inside = runtime.enter();
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                signal.recv().await;
                tell.store(true, Ordering::Relaxed);
            });
        });
        Ok(Interrupt(pressed))
    }

    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
