//! The resident memory of a child process, read from outside, for the memory limit.

use std::process::Child;

#[cfg(target_os = "linux")]
use bench_core::{process_status, process_tree::ProcessTree};

/// The size of a page in bytes.
#[cfg(unix)]
pub fn page_bytes() -> Option<u64> {
    use nix::unistd::{SysconfVar, sysconf};

    u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()
}

/// The size of a page in bytes: not known here.
#[cfg(not(unix))]
pub fn page_bytes() -> Option<u64> {
    None
}

/// Reads the RSS of one process, or of it and all that it started, again and again.
pub struct ResidentProbe {
    #[cfg(target_os = "linux")]
    tree: Option<ProcessTree>,
    #[cfg(target_os = "linux")]
    statm: std::path::PathBuf,
    #[cfg(target_os = "linux")]
    page_bytes: Option<u64>,
    #[cfg(not(target_os = "linux"))]
    pid: sysinfo::Pid,
    #[cfg(not(target_os = "linux"))]
    system: Option<sysinfo::System>,
}

#[cfg(target_os = "linux")]
impl ResidentProbe {
    /// A probe of `child`, with its descendants where they are a part of what is measured.
    pub fn new(child: &Child, with_descendants: bool) -> ResidentProbe {
        let tree = with_descendants.then(|| ProcessTree::open(child.id()).ok()).flatten();
        ResidentProbe { tree, statm: format!("/proc/{}/statm", child.id()).into(), page_bytes: page_bytes() }
    }

    /// RSS in bytes; nothing when it cannot be read, for example because the process has just ended.
    pub fn rss_bytes(&mut self) -> Option<u64> {
        if let Some(tree) = &mut self.tree {
            // A child that cannot be found is not counted; the case's process is.
            let _ = tree.find_descendants();
            let rss = |status: &String| Some(process_status::memory(status)?.rss_bytes);
            return Some(tree.statuses()?.iter().filter_map(rss).sum());
        }
        let statm = std::fs::read_to_string(&self.statm).ok()?;
        // size resident shared text lib data dt, in pages: proc_pid_statm(5).
        let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(pages * self.page_bytes?)
    }
}

#[cfg(not(target_os = "linux"))]
impl ResidentProbe {
    /// A probe of `child`.
    pub fn new(child: &Child, _with_descendants: bool) -> ResidentProbe {
        ResidentProbe { pid: sysinfo::Pid::from_u32(child.id()), system: sysinfo::System::new().ok() }
    }

    /// RSS in bytes; nothing when it cannot be read, for example because the process has just ended.
    pub fn rss_bytes(&mut self) -> Option<u64> {
        let system = self.system.as_mut()?;
        system.refresh_processes_specifics(
            sysinfo::ProcessesToUpdate::Some(&[self.pid]),
            true,
            sysinfo::ProcessRefreshKind::nothing().with_memory(),
        );
        system.process(self.pid).map(sysinfo::Process::memory)
    }
}
