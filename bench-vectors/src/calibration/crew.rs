//! Threads that are there before the first phase, and take part in it without an allocation of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{Builder, JoinHandle};

use anyhow::{Context, Result};

/// Starting a thread allocates (its handle, its name, what it returns), so a program whose counts are known
/// keeps its threads waiting at a barrier.
///
/// ```text
/// owner:    run_once: begin | ........ | end      drop: stop, begin, join
/// threads:            begin | work(i)  | end            begin, leave
/// ```
pub(super) struct Crew {
    shared: Arc<CrewState>,
    handles: Vec<JoinHandle<()>>,
}

struct CrewState {
    begin: Barrier,
    end: Barrier,
    stop: AtomicBool,
}

impl Crew {
    /// Starts the threads and lets each run its work once: what a thread allocates at its first allocation,
    /// lock or wait lies before the first phase.
    pub(super) fn start(threads: usize, work: impl Fn(usize) + Send + Sync + 'static) -> Result<Crew> {
        let (begin, end) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
        let shared = Arc::new(CrewState { begin, end, stop: AtomicBool::new(false) });
        let work = Arc::new(work);
        let mut handles = Vec::new();
        for index in 0..threads {
            let (shared, work) = (Arc::clone(&shared), Arc::clone(&work));
            let body = move || {
                loop {
                    shared.begin.wait();
                    if shared.stop.load(Ordering::Acquire) {
                        return;
                    }
                    work(index);
                    shared.end.wait();
                }
            };
            handles.push(Builder::new().spawn(body).context("start a calibration thread")?);
        }
        let crew = Crew { shared, handles };
        crew.run_once();
        Ok(crew)
    }

    /// Every thread does its work once; returns when all have done it.
    pub(super) fn run_once(&self) {
        self.shared.begin.wait();
        self.shared.end.wait();
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.begin.wait();
        for handle in self.handles.drain(..) {
            // A panic of a thread has been printed, and there is nobody left to tell.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn each_round_runs_every_thread_once_and_dropping_ends_them() {
        let counts: Arc<[AtomicUsize; 3]> = Arc::default();
        let seen = Arc::clone(&counts);
        let crew = Crew::start(3, move |index| {
            seen[index].fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        crew.run_once();
        crew.run_once();
        drop(crew);
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 3), "{counts:?}");
        assert_eq!(Arc::strong_count(&counts), 1, "the threads are gone");
    }
}
