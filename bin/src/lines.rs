//! The log of a broker on its way to stderr.
//!
//! State       lines that are not written yet, so many at the most; how many more there were.
//! Takes       lines, as the formatter of the log makes them, one in each write.
//! Gives       them to stderr, on a thread of its own; where nobody read, a line of how many are missing.
//! Holds       that stderr is full, or that nobody reads it any more, stops no broker.
//! Not here    what is said before there is a broker, and of its end: that is the command's, which waits.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// So many lines wait at the most.
const LINES_MAX: usize = 1024;

/// So long the end of a process waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

enum Line {
    Text(Vec<u8>),
    /// Everything before this is written.
    Told(SyncSender<()>),
}

#[derive(Clone, Debug)]
pub(crate) struct Lines {
    queue: SyncSender<Line>,
    missing: Arc<AtomicU64>,
}

impl Lines {
    pub(crate) fn start() -> Lines {
        let (queue, lines) = sync_channel(LINES_MAX);
        let missing = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&missing);
        std::thread::spawn(move || write_all(&lines, &lost));
        Lines { queue, missing }
    }
}

/// Waits at its end, not for ever, until what was said is written.
pub(crate) struct Drain(pub(crate) Lines);

impl Drop for Drain {
    fn drop(&mut self) {
        // Behind the first may come how many lines are missing.
        for _ in 0..2 {
            let (tell, told) = sync_channel(1);
            if self.0.queue.try_send(Line::Told(tell)).is_err() || told.recv_timeout(PATIENCE).is_err() {
                return;
            }
        }
    }
}

fn write_all(lines: &Receiver<Line>, missing: &AtomicU64) {
    let mut stderr = std::io::stderr();
    loop {
        let line = lines.try_recv().ok().or_else(|| {
            // All that there was room for is written: what is missing came behind it. That is a line of the log, too, in its form.
            match missing.swap(0, Ordering::Relaxed) {
                0 => {}
                n => tracing::warn!(lines = n, "lines of the log are missing: nobody read them"),
            }
            lines.recv().ok()
        });
        match line {
            Some(Line::Text(text)) => drop(stderr.write_all(&text)),
            Some(Line::Told(tell)) => drop(tell.send(())),
            None => return,
        }
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.queue.try_send(Line::Text(line.to_vec())).is_err() {
            self.missing.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> &'a Lines {
        self
    }
}
