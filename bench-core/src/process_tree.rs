//! A process and its descendants, as Linux tells of them below `/proc`. Elsewhere there is no such folder,
//! and a tree cannot be opened.
//!
//! PostgreSQL is a process per connection, and all of them map the shared buffers. Summing RSS would count
//! those again in each; PSS counts a page that n processes share as 1/n in each (proc_pid_smaps(5)), so that
//! the sum has it once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read, Seek, SeekFrom};

use anyhow::{Context, Result, anyhow};

use crate::evidence::ServerMemory;
use crate::process_status;

/// A process and its descendants. Who was once seen among them stays, also when its parent ends and it is
/// adopted.
pub struct ProcessTree {
    root: u32,
    /// Descriptors of status files: one stays with its process, while a number may be given to another.
    processes: BTreeMap<u32, File>,
}

impl ProcessTree {
    /// Finds the process. Its descendants are found by [`ProcessTree::find_descendants`].
    ///
    /// # Errors
    /// If there is none of this number, it has ended, or it is a thread of the kernel.
    pub fn open(root: u32) -> Result<ProcessTree> {
        let status = open_status(root).with_context(|| format!("no process {root}"))?;
        let text = read_status(&status).filter(|text| !has_ended(text));
        let text = text.with_context(|| format!("process {root} has ended"))?;
        process_status::memory(&text)
            .with_context(|| format!("process {root} has no memory of its own: a thread of the kernel"))?;
        Ok(ProcessTree { root, processes: BTreeMap::from([(root, status)]) })
    }

    /// Whether the process itself has ended, whatever its descendants do.
    pub fn has_ended(&self) -> bool {
        let status = self.processes.get(&self.root).and_then(read_status);
        status.is_none_or(|status| has_ended(&status))
    }

    /// The processes that are known and live.
    pub fn living(&self) -> impl Iterator<Item = u32> {
        let lives = |status: &File| read_status(status).is_some_and(|text| !has_ended(&text));
        self.processes.iter().filter(move |(_, status)| lives(status)).map(|(pid, _)| *pid)
    }

    /// Looks for children of every thread of every process that is known, and of theirs.
    ///
    /// # Errors
    /// If the children of a living process cannot be read: with those that were found, the tree may not be
    /// whole.
    pub fn find_descendants(&mut self) -> Result<()> {
        let mut unvisited: Vec<u32> = self.processes.keys().copied().collect();
        let mut unread = None;
        while let Some(pid) = unvisited.pop() {
            for child in children_of(pid, &mut unread) {
                if let Some(status) = open_status(child).ok().filter(|_| !self.processes.contains_key(&child))
                {
                    self.processes.insert(child, status);
                    unvisited.push(child);
                }
            }
        }
        unread.map_or(Ok(()), Err)
    }

    /// The status of each process that lives, the root's first; nothing once the root has ended. The others
    /// are forgotten.
    pub fn statuses(&mut self) -> Option<Vec<String>> {
        let root = self.processes.get(&self.root).and_then(read_status).filter(|text| !has_ended(text))?;
        let mut texts = vec![root];
        self.processes.retain(|pid, status| {
            let text = read_status(status).filter(|text| !has_ended(text));
            let lives = text.is_some();
            texts.extend(text.filter(|_| *pid != self.root));
            lives
        });
        Some(texts)
    }

    /// PSS and its parts, summed over all processes that live: the kernel walks every page of each, 15 ms a
    /// GiB.
    ///
    /// # Errors
    /// If this user may not look at one of them.
    pub fn pss(&self) -> Result<ServerMemory> {
        let mut sum: Option<ServerMemory> = None;
        for &pid in self.processes.keys() {
            match pss(pid) {
                Ok(memory) => sum = Some(sum.map_or(memory, |sum| sum.plus(memory))),
                // It ended meanwhile.
                Err(error) if is_of_the_past(&error) => {}
                Err(error) => {
                    let file = format!("/proc/{pid}/smaps_rollup cannot be read ({error})");
                    return Err(anyhow!("{file}: it is for the owner of the process and for root"));
                }
            }
        }
        sum.with_context(|| format!("process {} has ended, or is hidden from this one", self.root))
    }
}

fn pss(pid: u32) -> Result<ServerMemory, Error> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let bytes = |key: &str| process_status::bytes(&rollup, key);
    // A process that is about to end has no memory any more, and no line.
    Ok(ServerMemory {
        pss_bytes: Some(bytes("Pss:").ok_or(ErrorKind::NotFound)?),
        pss_anon_bytes: bytes("Pss_Anon:"),
        pss_file_bytes: bytes("Pss_File:"),
        pss_shmem_bytes: bytes("Pss_Shmem:"),
        processes: Some(1),
        ..ServerMemory::default()
    })
}

/// The children of each of the process's threads; the first reason why some cannot be seen goes to `unread`.
fn children_of(pid: u32, unread: &mut Option<anyhow::Error>) -> Vec<u32> {
    // A process that has just ended has no folder any more.
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut children = Vec::new();
    for task in tasks.flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(list) => {
                children.extend(list.split_ascii_whitespace().filter_map(|word| word.parse::<u32>().ok()));
            }
            Err(error) if error.kind() == ErrorKind::NotFound && task.path().exists() => {
                let lacks = || anyhow!("this kernel does not list children (CONFIG_PROC_CHILDREN)");
                unread.get_or_insert_with(lacks);
            }
            Err(error) if is_of_the_past(&error) => {}
            Err(error) => {
                unread
                    .get_or_insert_with(|| anyhow!("the children of process {pid} cannot be read ({error})"));
            }
        }
    }
    children
}

fn open_status(pid: u32) -> Result<File, Error> {
    File::open(format!("/proc/{pid}/status"))
}

/// Nothing once the process is gone.
fn read_status(mut status: &File) -> Option<String> {
    let mut buffer = [0; 8192];
    status.seek(SeekFrom::Start(0)).ok()?;
    let length = status.read(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// Ended, though its parent has not asked for its status yet, or being taken down.
fn has_ended(status: &str) -> bool {
    matches!(process_status::word(status, "State:"), Some("Z" | "X"))
}

/// Whether a file of a process is gone with its process.
fn is_of_the_past(error: &Error) -> bool {
    // ESRCH: the file was opened, and the process is gone.
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(3)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// A shell that runs `script`, and has said `ready`.
    fn shell(script: &str) -> Child {
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut word = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
        assert_eq!(&word, b"ready\n");
        child
    }

    fn end(pid: u32) {
        Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
    }

    #[track_caller]
    fn wait_until(mut condition: impl FnMut() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn descendants_are_found_and_followed_when_their_parent_ends() {
        let mut child = shell("sh -c 'sleep 300 & sleep 300 & echo ready; wait' & exec sleep 300");
        let mut tree = ProcessTree::open(child.id()).unwrap();
        let root = tree.pss().unwrap();
        tree.find_descendants().unwrap();
        assert_eq!(tree.statuses().unwrap().len(), 4);
        let all = tree.pss().unwrap();
        assert_eq!((root.processes, all.processes), (Some(1), Some(4)));
        assert!(all.pss_bytes > root.pss_bytes && root.pss_bytes > Some(0), "{all:?} {root:?}");
        let parts = [all.pss_anon_bytes, all.pss_file_bytes, all.pss_shmem_bytes].map(Option::unwrap);
        assert!(parts.iter().sum::<u64>().abs_diff(all.pss_bytes.unwrap()) <= 4 * 3 * 1024, "{all:?}");

        // The shell between dies; the two that it started are adopted by somebody else.
        let others: Vec<u32> = tree.living().filter(|pid| *pid != child.id()).collect();
        let parent = others.iter().find(|pid| !children_of(**pid, &mut None).is_empty()).unwrap();
        end(*parent);
        wait_until(|| tree.statuses().unwrap().len() == 3);
        tree.find_descendants().unwrap();
        assert_eq!(tree.living().count(), 3);
        others.into_iter().for_each(end);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(tree.has_ended() && tree.statuses().is_none());
        wait_until(|| tree.pss().is_err());
        let gone = tree.pss().unwrap_err().to_string();
        assert!(gone.contains("has ended"), "{gone}");
    }

    #[test]
    fn a_process_that_has_ended_is_told_from_one_that_never_was() {
        let mut child = shell("echo ready; exec sleep 300");
        let mut tree = ProcessTree::open(child.id()).unwrap();
        assert!(!tree.has_ended());
        child.kill().unwrap();
        // Nobody has asked for its status yet: it is there still, without memory.
        wait_until(|| tree.has_ended());
        assert!(tree.statuses().is_none());
        let error = ProcessTree::open(child.id()).err().unwrap().to_string();
        assert_eq!(error, format!("process {} has ended", child.id()));
        child.wait().unwrap();
        assert_eq!(ProcessTree::open(4_194_305).err().unwrap().to_string(), "no process 4194305");
    }
}
