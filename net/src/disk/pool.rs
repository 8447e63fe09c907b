//! Threads for what blocks: fsync, cold reads, cutting and removing files.
//!
//! State       one queue; threads that are started when work waits for them, up to a bound, and stay.
//! Holds       every job is run once. Jobs given to one pool may run at the same time and end in any order.
//! Not here    which jobs may run together (`order.rs`).

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    idle: usize,
    threads: usize,
    closed: bool,
}

/// A bounded number of threads. When it is dropped, what was queued is finished in the background.
pub(crate) struct Pool {
    shared: Arc<(Mutex<Queue>, Condvar)>,
    name: &'static str,
    threads_max: usize,
}

impl Pool {
    /// It has a thread from the start: later there may be none to be had.
    pub(crate) fn new(name: &'static str, threads_max: usize) -> Pool {
        let pool = Pool { shared: Arc::default(), name, threads_max };
        pool.run(|| ());
        pool
    }

    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let (queue, wake) = &*self.shared;
        let mut queue = queue.lock().expect("a job does not panic while it holds the queue");
        queue.jobs.push_back(Box::new(job));
        if queue.idle >= queue.jobs.len() || queue.threads == self.threads_max {
            drop(queue);
            wake.notify_one();
            return;
        }
        queue.threads += 1;
        drop(queue);
        let shared = Arc::clone(&self.shared);
        let started = std::thread::Builder::new().name(self.name.into()).stack_size(256 * 1024).spawn(move || work(&shared));
        if started.is_err() {
            let (queue, _) = &*self.shared;
            let mut queue = queue.lock().expect("a job does not panic while it holds the queue");
            queue.threads -= 1;
            assert!(queue.threads > 0, "cannot start a thread for the disk");
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let (queue, wake) = &*self.shared;
        if let Ok(mut queue) = queue.lock() {
            queue.closed = true;
        }
        wake.notify_all();
    }
}

fn work(shared: &(Mutex<Queue>, Condvar)) {
    let (queue, wake) = shared;
    let mut held = queue.lock().expect("a job does not panic while it holds the queue");
    loop {
        if let Some(job) = held.jobs.pop_front() {
            drop(held);
            job();
            held = queue.lock().expect("a job does not panic while it holds the queue");
        } else if held.closed {
            return;
        } else {
            held.idle += 1;
            held = wake.wait(held).expect("a job does not panic while it holds the queue");
            held.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_runs_once_and_a_bounded_number_at_a_time() {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        let pool = Pool::new("test", 3);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (tell, told) = std::sync::mpsc::channel();
        for i in 0..200 {
            let (running, most, tell) = (running.clone(), most.clone(), tell.clone());
            pool.run(move || {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, SeqCst);
                tell.send(i).unwrap();
            });
        }
        drop((pool, tell));
        let mut ran: Vec<i32> = told.iter().collect();
        ran.sort_unstable();
        assert_eq!(ran, (0..200).collect::<Vec<_>>());
        assert!((1..=3).contains(&most.load(SeqCst)));
    }
}
