//! The work watched by the counting allocator: exact live bytes, and who else allocated.

use std::time::Duration;

use super::outcome::{CannotTell, Checked, ReadingSource, Standing};
use super::{Beside, LeakDetector};
use crate::instrument::{counted_by_all_threads, counted_by_this_thread, live_bytes};
use crate::leak::{CONFIRMED, Diagnosis, WARM_UP, judge, trend};

/// How often to begin anew when another thread allocated: one that starts or ends a test settles soon.
const ATTEMPTS: usize = 3;

/// A pause before each attempt, for the test runner to come to rest after it has started the test.
const SETTLE: Duration = Duration::from_millis(2);

pub(super) fn observe(detector: &LeakDetector, work: &mut dyn FnMut()) -> Result<Checked, CannotTell> {
    let mut operations = 0;
    for _ in 0..ATTEMPTS {
        std::thread::sleep(SETTLE);
        let run = Attempt::of(detector, work);
        operations = run.operations_of_others;
        if operations == 0 || detector.beside != Beside::Nothing {
            return run.checked(detector);
        }
    }
    Err(CannotTell::OtherThreads { operations })
}

/// One attempt.
struct Attempt {
    readings: Vec<u64>,
    finding: Option<Diagnosis>,
    standing: [Standing; 2],
    operations_of_others: u64,
}

impl Attempt {
    fn of(detector: &LeakDetector, work: &mut dyn FnMut()) -> Attempt {
        // Whole, so that no reading allocates.
        let mut readings = Vec::with_capacity(WARM_UP + detector.iterations + CONFIRMED);
        let reader = LiveReader::new(detector.beside);
        let mut run = |iterations: usize, readings: &mut Vec<u64>| {
            for _ in 0..iterations {
                work();
                readings.push(reader.read());
            }
        };
        run(WARM_UP, &mut readings);
        let before = Standing::read();
        let others = operations_of_others();
        run(detector.iterations, &mut readings);
        let judge = |readings: &[u64]| match detector.max_slope {
            Some(allowed) => judge(readings, allowed),
            // Without a limit no slope is a leak.
            None => Some(Diagnosis::Clean),
        };
        let mut finding = judge(&readings);
        if finding == Some(Diagnosis::Suspect) {
            run(CONFIRMED, &mut readings);
            finding = judge(&readings);
        }
        let operations_of_others = operations_of_others().wrapping_sub(others);
        Attempt { readings, finding, standing: [before, Standing::read()], operations_of_others }
    }

    fn checked(self, detector: &LeakDetector) -> Result<Checked, CannotTell> {
        let (Some(finding), Some(trend)) = (self.finding, trend(&self.readings)) else {
            return Err(CannotTell::Unreadable("no byte was live at an iteration's end".into()));
        };
        let watched = detector.beside != Beside::Others;
        let [before, after] = self.standing;
        Ok(Checked {
            source: ReadingSource::Heap,
            iterations: self.readings.len(),
            first_bytes: self.readings[WARM_UP],
            last_bytes: self.readings[self.readings.len() - 1],
            trend,
            finding,
            threads: if watched { before.threads_until(&after) } else { None },
            descriptors: if watched { before.descriptors_until(&after) } else { None },
        })
    }
}

/// Reads what is live: of all threads, or what this thread added to that.
struct LiveReader {
    beside: Beside,
    live_bytes: u64,
    net_bytes: i64,
}

impl LiveReader {
    fn new(beside: Beside) -> LiveReader {
        LiveReader { beside, live_bytes: live_bytes(), net_bytes: counted_by_this_thread().net_bytes }
    }

    fn read(&self) -> u64 {
        match self.beside {
            Beside::Nothing | Beside::Workers => live_bytes(),
            Beside::Others => {
                let added = counted_by_this_thread().net_bytes - self.net_bytes;
                self.live_bytes.saturating_add_signed(added)
            }
        }
    }
}

/// Calls of the allocator by other threads than this one.
fn operations_of_others() -> u64 {
    counted_by_all_threads().operations.wrapping_sub(counted_by_this_thread().operations)
}
