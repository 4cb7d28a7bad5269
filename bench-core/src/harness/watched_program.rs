//! A program that holds a case's index: its memory is read from outside, while it waits for its next request.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use crate::instrument::{Node, WatchedServer};
use crate::preload::PreloadFolder;

/// A program that was started for a case, before its first phase.
#[derive(Clone)]
pub struct WatchedProgram {
    /// What it says of itself: name and version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Where the preloaded library counts its memory, or why it does not.
    pub counts: Result<Arc<Mutex<PreloadFolder>>, String>,
    /// Has it collect what it does not use any more. Once this is back, it is idle.
    pub settle: Arc<dyn Fn() -> Result<()> + Send + Sync>,
}

impl WatchedProgram {
    /// Waits until it is idle. A program that cannot answer any more fails the work, which asks it next.
    pub(super) fn wait_until_idle(&self) {
        if let Err(error) = (self.settle)() {
            eprintln!("note: {} did not settle before it was read: {error:#}", self.version);
        }
    }

    /// Whether its memory is counted: mode native then has what mode heap would sample.
    pub(super) fn is_counted(&self) -> bool {
        let Ok(folder) = &self.counts else { return false };
        let read = folder.lock().unwrap_or_else(PoisonError::into_inner).read(self.pid);
        read.is_ok_and(|reading| reading.has_counted)
    }

    /// The program as it is watched where its memory cannot be counted: PSS of its processes.
    pub(super) fn as_server(&self) -> WatchedServer {
        WatchedServer { version: self.version.clone(), nodes: vec![Node::of_process(self.pid)] }
    }
}

impl fmt::Debug for WatchedProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.version, self.pid)
    }
}
