//! Through `/proc`: 10 us a process and reading, but for what [`RateLimited`] holds back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use bench_core::evidence::ProcessMemory;
use bench_core::memory_metrics::{PEAK_RSS, PROCESSES, PSS, RSS, RSS_ANON, RSS_FILE, Values};
use bench_core::process_status;
use bench_core::process_tree::ProcessTree as Processes;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// A process and its descendants.
pub struct WatchedTree {
    processes: Processes,
    children: RateLimited,
    pss: RateLimited,
    notes: BTreeSet<String>,
}

impl WatchedTree {
    /// Finds the process.
    ///
    /// # Errors
    /// If there is none of this number, or it has ended.
    pub fn open(root: u32) -> Result<WatchedTree> {
        let (children, pss) = (RateLimited::default(), RateLimited::default());
        Ok(WatchedTree { processes: Processes::open(root)?, children, pss, notes: BTreeSet::new() })
    }

    /// Whether the process itself has ended, whatever its children do.
    pub fn has_ended(&self) -> bool {
        self.processes.has_ended()
    }

    /// Reads the sums over all processes; nothing once the process has ended.
    pub fn read(&mut self) -> Option<Values> {
        if let Some(Err(error)) = self.children.run(|| self.processes.find_descendants()) {
            self.notes.insert(format!("children are not seen: {error}"));
        }
        let texts = self.processes.statuses()?;
        let memory: Vec<_> = texts.iter().filter_map(|text| process_status::memory(text)).collect();
        let sum = |of: fn(&ProcessMemory) -> Option<u64>| {
            memory.iter().map(of).sum::<Option<u64>>().filter(|_| !memory.is_empty())
        };
        let peak = || process_status::peak_rss_bytes(texts.first()?);
        let values = [
            (RSS, sum(|memory| Some(memory.rss_bytes))),
            (RSS_ANON, sum(|memory| memory.rss_anon_bytes)),
            (RSS_FILE, sum(|memory| Some(memory.rss_file_bytes? + memory.rss_shmem_bytes.unwrap_or(0)))),
            (PSS, self.pss()),
            // The sum of peaks at different times is nobody's peak.
            (PEAK_RSS, if memory.len() == 1 { peak() } else { None }),
            (PROCESSES, Some(memory.len() as u64)),
        ];
        Some(values.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect())
    }

    /// What could not be read, and why.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(String::as_str)
    }

    /// Kills every process of the tree.
    pub fn kill(&mut self) {
        // Who cannot be seen cannot be killed, either.
        let _ = self.processes.find_descendants();
        for pid in self.processes.living().filter_map(|pid| i32::try_from(pid).ok()) {
            // The only error is that it has ended meanwhile.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// The proportional set sizes, summed, as often as [`RateLimited`] allows: the kernel walks every page.
    fn pss(&mut self) -> Option<u64> {
        match self.pss.run(|| self.processes.pss())? {
            Ok(memory) => memory.pss_bytes,
            Err(error) => {
                self.notes.insert(format!("PSS is absent: {error}"));
                None
            }
        }
    }
}

/// Does what is dear so seldom that it takes at most 0.1 % of a core: two of them leave the watch well below
/// 1 %.
#[derive(Default)]
struct RateLimited {
    due: Option<Instant>,
}

impl RateLimited {
    /// Does it, if it is due.
    fn run<T>(&mut self, work: impl FnOnce() -> T) -> Option<T> {
        const PAUSES: u32 = 999;
        if self.due.is_some_and(|due| Instant::now() < due) {
            return None;
        }
        let before = cpu_time();
        let done = work();
        self.due = Some(Instant::now() + cpu_time().saturating_sub(before) * PAUSES);
        Some(done)
    }
}

/// The time that this thread has been on a core: on a busy machine the clock on the wall says nothing of a
/// cost.
fn cpu_time() -> Duration {
    // It is there on every Linux; without it nothing is held back.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::super::elsewhere;
    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn().unwrap()
    }

    fn bytes(values: &Values, name: &str) -> u64 {
        values[name].as_u64().unwrap()
    }

    #[test]
    fn children_of_children_are_summed_and_killed_with_it() {
        let mut child = shell("sh -c 'sleep 300 & sleep 300 & wait' & exec sleep 300");
        let started = Instant::now();
        // Each time anew: a tree that was read rests before it looks for children again.
        let (mut tree, values) = loop {
            let mut tree = WatchedTree::open(child.id()).unwrap();
            match tree.read().unwrap() {
                values if bytes(&values, PROCESSES) == 4 => break (tree, values),
                values => assert!(started.elapsed() < Duration::from_secs(30), "{values:?}"),
            }
        };
        assert!(!values.contains_key(PEAK_RSS), "of several processes there is no peak");
        let (rss, anon, file) = (bytes(&values, RSS), bytes(&values, RSS_ANON), bytes(&values, RSS_FILE));
        assert_eq!(rss, anon + file);
        let pss = bytes(&values, PSS);
        assert!(0 < pss && pss < rss, "shared pages count once: {pss} of {rss}");
        // Once all have begun to sleep.
        let mut other = elsewhere::WatchedTree::open(child.id()).unwrap();
        loop {
            let (here, there) = (tree.read().unwrap(), other.read().unwrap());
            assert_eq!(bytes(&there, PROCESSES), 4);
            if bytes(&here, RSS).abs_diff(bytes(&there, RSS)) < bytes(&here, RSS) / 20 {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{here:?} {there:?}");
        }

        tree.kill();
        child.wait().unwrap();
        assert!(tree.has_ended() && tree.read().is_none());
    }

    #[test]
    fn a_process_has_a_peak_until_it_ends() {
        let mut child = shell("exec sleep 300");
        let mut tree = WatchedTree::open(child.id()).unwrap();
        let values = tree.read().unwrap();
        // The kernel's counters lag by some pages a core.
        assert!(bytes(&values, PEAK_RSS) + (1 << 20) >= bytes(&values, RSS), "{values:?}");
        assert!(!tree.has_ended());
        child.kill().unwrap();
        // Nobody has asked for its status yet: it is there still, without memory.
        let started = Instant::now();
        while !tree.has_ended() {
            assert!(started.elapsed() < Duration::from_secs(30));
        }
        assert!(tree.read().is_none());
        child.wait().unwrap();
    }

    #[test]
    fn what_is_dear_takes_a_thousandth_of_a_core() {
        let (mut limited, started) = (RateLimited::default(), Instant::now());
        let mut runs = 0;
        let busy = || {
            let begun = cpu_time();
            while cpu_time() - begun < Duration::from_millis(1) {}
        };
        while started.elapsed() < Duration::from_millis(1300) {
            runs += u32::from(limited.run(busy).is_some());
        }
        assert!((1..=2).contains(&runs), "{runs}");
    }
}
