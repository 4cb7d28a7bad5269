//! Through `/proc`: 10 us a process and reading, but for what [`Paced`] holds back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench_core::memory_metrics::{PEAK_RSS, PROCESSES, PSS, RSS, RSS_ANON, RSS_FILE, Values};
use bench_core::process_status;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// A process and its descendants. Who was once seen among them stays, also when its parent ends and it is adopted.
pub struct ProcessTree {
    root: u32,
    /// Descriptors of status files: one stays with its process, while a number may be given to another.
    processes: BTreeMap<u32, File>,
    children: Paced,
    pss: Paced,
    notes: BTreeSet<String>,
}

impl ProcessTree {
    /// Finds the process.
    ///
    /// # Errors
    /// If there is none of this number, or it has ended.
    pub fn open(root: u32) -> Result<ProcessTree> {
        let status = open_status(root).with_context(|| format!("no process {root}"))?;
        let text = read_status(&status).filter(|text| !has_ended(text));
        let text = text.with_context(|| format!("process {root} has ended"))?;
        process_status::memory(&text)
            .with_context(|| format!("process {root} has no memory of its own: a thread of the kernel"))?;
        Ok(ProcessTree {
            root,
            processes: BTreeMap::from([(root, status)]),
            children: Paced::default(),
            pss: Paced::default(),
            notes: BTreeSet::new(),
        })
    }

    /// Whether the process itself has ended, whatever its children do.
    pub fn has_ended(&self) -> bool {
        let status = self.processes.get(&self.root).and_then(read_status);
        status.is_none_or(|status| has_ended(&status))
    }

    /// Reads the sums over all processes; nothing once the process has ended.
    pub fn read(&mut self) -> Option<Values> {
        let mut paced = std::mem::take(&mut self.children);
        paced.run(|| self.find_children());
        self.children = paced;
        let texts = self.processes.iter().map(|(pid, status)| (*pid, read_status(status)));
        let texts: Vec<(u32, Option<String>)> = texts.collect();
        for (pid, _) in texts.iter().filter(|(_, text)| text.as_ref().is_none_or(|text| has_ended(text))) {
            self.processes.remove(pid);
        }
        if !self.processes.contains_key(&self.root) {
            return None;
        }
        let texts: Vec<String> = texts.into_iter().filter_map(|(_, text)| text).collect();
        let memory: Vec<_> = texts.iter().filter_map(|text| process_status::memory(text)).collect();
        let sum = |of: fn(&bench_core::evidence::ProcessMemory) -> Option<u64>| {
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
        self.find_children();
        let alive = self.processes.iter().filter(|(_, status)| read_status(status).is_some());
        for pid in alive.filter_map(|(pid, _)| i32::try_from(*pid).ok()) {
            // The only error is that it has ended meanwhile.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// Looks for children of every thread of every process that is known, and of theirs.
    fn find_children(&mut self) {
        let mut unvisited: Vec<u32> = self.processes.keys().copied().collect();
        while let Some(pid) = unvisited.pop() {
            for child in self.children_of(pid) {
                if let Some(status) = open_status(child).ok().filter(|_| !self.processes.contains_key(&child))
                {
                    self.processes.insert(child, status);
                    unvisited.push(child);
                }
            }
        }
    }

    fn children_of(&mut self, pid: u32) -> Vec<u32> {
        // A process that has just ended has no folder any more.
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
        let mut children = Vec::new();
        for task in tasks.flatten() {
            match fs::read_to_string(task.path().join("children")) {
                Ok(text) => {
                    children.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<u32>().ok()))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && task.path().exists() => {
                    self.notes.insert(
                        "children are not seen: this kernel does not list them (CONFIG_PROC_CHILDREN)".into(),
                    );
                }
                Err(_) => {}
            }
        }
        children
    }

    /// The proportional set sizes, summed, as often as [`Paced`] allows: the kernel walks every page.
    fn pss(&mut self) -> Option<u64> {
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        let read = || -> io::Result<u64> {
            let mut sum = 0;
            for pid in &pids {
                match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
                    Ok(text) => sum += process_status::bytes(&text, "Pss:").unwrap_or(0),
                    // It has just ended.
                    Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(sum)
        };
        match self.pss.run(read)? {
            Ok(sum) => Some(sum).filter(|sum| *sum > 0),
            Err(error) => {
                let note =
                    "PSS is absent: /proc/<pid>/smaps_rollup is for the owner of the process and for root";
                self.notes.insert(format!("{note} ({error})"));
                None
            }
        }
    }
}

fn open_status(pid: u32) -> io::Result<File> {
    File::open(format!("/proc/{pid}/status"))
}

/// Nothing once the process is gone.
fn read_status(status: &File) -> Option<String> {
    let mut buffer = [0; 8192];
    let length = status.read_at(&mut buffer, 0).ok()?;
    Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// Ended, though its parent has not asked for its status yet, or being taken down.
fn has_ended(status: &str) -> bool {
    matches!(process_status::word(status, "State:"), Some("Z" | "X"))
}

/// Does what is dear so seldom that it takes at most 0.1 % of a core: two of them leave the watch well below 1 %.
#[derive(Default)]
struct Paced {
    due: Option<Instant>,
}

impl Paced {
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

/// The time that this thread has been on a core: on a busy machine the clock on the wall says nothing of a cost.
fn cpu_time() -> Duration {
    // It is there on every Linux; without it nothing is held back.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::super::elsewhere;
    use super::*;

    /// A shell that runs `script`, and has said `ready`.
    fn shell(script: &str) -> Child {
        use std::io::Read;

        let mut command = Command::new("sh");
        let mut child = command.args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut word = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
        assert_eq!(&word, b"ready\n");
        child
    }

    fn bytes(values: &Values, name: &str) -> u64 {
        values[name].as_u64().unwrap()
    }

    #[test]
    fn children_of_children_are_summed_and_followed_when_their_parent_ends() {
        let mut child = shell("sh -c 'sleep 300 & sleep 300 & echo ready; wait' & exec sleep 300");
        let mut tree = ProcessTree::open(child.id()).unwrap();
        let values = tree.read().unwrap();
        assert_eq!(bytes(&values, PROCESSES), 4);
        assert!(!values.contains_key(PEAK_RSS), "of several processes there is no peak");
        let (rss, anon, file) = (bytes(&values, RSS), bytes(&values, RSS_ANON), bytes(&values, RSS_FILE));
        assert_eq!(rss, anon + file);
        let pss = bytes(&values, PSS);
        assert!(0 < pss && pss < rss, "shared pages count once: {pss} of {rss}");
        // Once all have begun to sleep.
        let started = Instant::now();
        let mut other = elsewhere::ProcessTree::open(child.id()).unwrap();
        loop {
            let (here, there) = (tree.read().unwrap(), other.read().unwrap());
            assert_eq!(bytes(&there, PROCESSES), 4);
            if bytes(&here, RSS).abs_diff(bytes(&there, RSS)) < bytes(&here, RSS) / 20 {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{here:?} {there:?}");
        }

        // The shell between dies; the two that it started are adopted by somebody else.
        let others: Vec<u32> = tree.processes.keys().copied().filter(|pid| *pid != child.id()).collect();
        let parent = others.into_iter().find(|pid| !tree.children_of(*pid).is_empty());
        kill(Pid::from_raw(parent.unwrap() as i32), Signal::SIGKILL).unwrap();
        let started = Instant::now();
        while bytes(&tree.read().unwrap(), PROCESSES) != 3 {
            assert!(started.elapsed() < Duration::from_secs(30));
        }
        tree.kill();
        child.wait().unwrap();
        assert!(tree.has_ended() && tree.read().is_none());
    }

    #[test]
    fn a_process_that_has_ended_is_told_from_one_that_never_was() {
        let mut child = shell("echo ready; exec sleep 300");
        let mut tree = ProcessTree::open(child.id()).unwrap();
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
        let error = ProcessTree::open(child.id()).err().unwrap().to_string();
        assert_eq!(error, format!("process {} has ended", child.id()));
        child.wait().unwrap();
        assert_eq!(ProcessTree::open(4_194_305).err().unwrap().to_string(), "no process 4194305");
    }

    #[test]
    fn what_is_dear_takes_a_quarter_of_a_hundredth_of_a_core() {
        let (mut paced, started) = (Paced::default(), Instant::now());
        let mut runs = 0;
        let busy = || {
            let begun = cpu_time();
            while cpu_time() - begun < Duration::from_millis(1) {}
        };
        while started.elapsed() < Duration::from_millis(1300) {
            runs += u32::from(paced.run(busy).is_some());
        }
        assert!((1..=4).contains(&runs), "{runs}");
    }
}
