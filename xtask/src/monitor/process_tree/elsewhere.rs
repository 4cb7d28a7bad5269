//! Through sysinfo, where there is no `/proc`: plain RSS.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use bench_core::memory_metrics::{PROCESSES, RSS, Values};
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

/// A process and its descendants.
pub struct WatchedTree {
    root: Pid,
    /// Tells the process from another one that is given its number later, in seconds.
    started: u64,
    system: System,
    known: BTreeSet<Pid>,
}

impl WatchedTree {
    /// Finds the process.
    ///
    /// # Errors
    /// If there is none of this number.
    pub fn open(root: u32) -> Result<WatchedTree> {
        let system = System::new().context("ask the system for its processes")?;
        let root = Pid::from_u32(root);
        let mut tree = WatchedTree { root, started: 0, system, known: BTreeSet::from([root]) };
        tree.refresh(ProcessesToUpdate::Some(&[root]));
        tree.started = tree.system.process(root).with_context(|| format!("no process {root}"))?.start_time();
        Ok(tree)
    }

    /// Whether the process itself has ended, whatever its children do.
    pub fn has_ended(&mut self) -> bool {
        self.refresh(ProcessesToUpdate::Some(&[self.root]));
        self.system.process(self.root).is_none_or(|process| process.start_time() != self.started)
    }

    /// Reads the sums over all processes; nothing once the process has ended.
    pub fn read(&mut self) -> Option<Values> {
        if self.has_ended() {
            return None;
        }
        self.refresh(ProcessesToUpdate::All);
        let all = self.system.processes();
        self.known.retain(|pid| all.contains_key(pid));
        loop {
            let is_child = |process: &&Process| {
                process.parent().is_some_and(|parent| self.known.contains(&parent))
                    && process.thread_kind().is_none()
            };
            let found: Vec<Pid> = all.values().filter(is_child).map(Process::pid).collect();
            let before = self.known.len();
            self.known.extend(found);
            if self.known.len() == before {
                break;
            }
        }
        let rss: u64 = self.known.iter().filter_map(|pid| all.get(pid)).map(Process::memory).sum();
        Some([(RSS.into(), rss.into()), (PROCESSES.into(), self.known.len().into())].into())
    }

    /// What could not be read, and why.
    #[cfg(not(target_os = "linux"))]
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        ["RSS anon, RSS file, PSS and peaks are absent: only Linux tells them"].into_iter()
    }

    /// Kills every process of the tree.
    #[cfg(not(target_os = "linux"))]
    pub fn kill(&mut self) {
        let known = self.known.iter().filter_map(|pid| self.system.process(*pid));
        known.for_each(|process| {
            process.kill();
        });
    }

    fn refresh(&mut self, which: ProcessesToUpdate<'_>) {
        self.system.refresh_processes_specifics(which, true, ProcessRefreshKind::nothing().with_memory());
    }
}
