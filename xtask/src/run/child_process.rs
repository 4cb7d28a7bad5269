//! One child process: started in its own process group, limited in time and memory, killed with all it
//! started, its output kept in bounded memory.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::run::bounded_capture::{Capture, StreamHead, Tail, drain};
use crate::run::interrupt::Interrupt;
use crate::run::resident::ResidentProbe;

/// How often the child is looked at.
const POLL: Duration = Duration::from_millis(10);
/// How long to wait for the rest of the output once the child has ended: somebody who left its process group
/// may hold the pipe open for ever.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// When a child is killed.
#[derive(Clone, Copy, Debug)]
pub struct ChildLimits {
    /// After so long.
    pub time: Duration,
    /// When its RSS goes above.
    pub memory_bytes: u64,
    /// Whether what it started counts, too: a program that holds the index.
    pub with_descendants: bool,
}

/// How a child ended.
#[derive(Debug)]
pub enum End {
    /// By itself.
    Exited(ExitStatus),
    /// Killed: past [`ChildLimits::time`].
    TimeLimit,
    /// Killed: this RSS is above [`ChildLimits::memory_bytes`].
    MemoryLimit(u64),
    /// Killed: Ctrl-C.
    Interrupted,
}

/// A child that has ended, and what it printed.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// The first bytes of stdout, if there were any.
    pub stdout: Option<String>,
    /// The last lines of stderr, and before them the one that tells the error.
    pub stderr: Vec<String>,
    /// What the process said of its own failure, in one line.
    pub error: Option<String>,
    /// The panic in one line, if stderr tells of one.
    pub panic: Option<String>,
}

/// Runs `command` to its end, or kills it. Errors when it cannot be started.
pub fn run(mut command: Command, limits: ChildLimits, interrupt: &Interrupt) -> Result<Finished> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    {
        // Ctrl-C on the terminal reaches xtask only, which then kills the whole group.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("start {program}"))?;
    let stdout = StreamReader::<StreamHead>::start(child.stdout.take().context("stdout of the child")?);
    let stderr = StreamReader::<Tail>::start(child.stderr.take().context("stderr of the child")?);
    let end = wait(&mut child, limits, interrupt).with_context(|| format!("wait for {program}"))?;
    let stdout = stdout.finish(&child);
    let mut stderr = stderr.finish(&child);
    stderr.finish();
    let (error, panic) = (stderr.error(), stderr.panic());
    Ok(Finished { end, stdout: stdout.text(), stderr: stderr.lines(), error, panic })
}

fn wait(child: &mut Child, limits: ChildLimits, interrupt: &Interrupt) -> Result<End> {
    let started = Instant::now();
    let mut probe = ResidentProbe::new(child, limits.with_descendants);
    let reason = loop {
        if let Some(status) = child.try_wait()? {
            // Whatever it started and did not end; nobody else has a process group of its number by now.
            kill_group(child);
            return Ok(End::Exited(status));
        }
        if interrupt.is_set() {
            break End::Interrupted;
        }
        if started.elapsed() >= limits.time {
            break End::TimeLimit;
        }
        if let Some(rss_bytes) = probe.rss_bytes().filter(|rss_bytes| *rss_bytes > limits.memory_bytes) {
            break End::MemoryLimit(rss_bytes);
        }
        thread::sleep(POLL);
    };
    kill_group(child);
    child.kill().context("kill the child")?;
    child.wait()?;
    Ok(reason)
}

/// Kills the child's process group: the child and whatever it started.
#[cfg(unix)]
fn kill_group(child: &Child) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    if let Ok(pid) = i32::try_from(child.id()) {
        // The only error is that nobody of the group is left.
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_child: &Child) {}

/// A thread that reads one stream of the child to its end.
struct StreamReader<C> {
    capture: Arc<Mutex<C>>,
    /// Disconnected once the stream has ended.
    ended: Receiver<()>,
}

impl<C: Capture> StreamReader<C> {
    fn start(stream: impl Read + Send + 'static) -> StreamReader<C> {
        let capture = Arc::new(Mutex::new(C::default()));
        let (end, ended) = mpsc::channel();
        let shared = Arc::clone(&capture);
        thread::spawn(move || {
            // A stream that breaks off is one that has ended: the rest of the record says how the child
            // ended.
            let _ = drain(stream, |bytes| shared.lock().unwrap_or_else(PoisonError::into_inner).feed(bytes));
            drop::<mpsc::Sender<()>>(end);
        });
        StreamReader { capture, ended }
    }

    /// What was kept, once the stream has ended, or has had its time to.
    fn finish(self, child: &Child) -> C {
        if self.ended.recv_timeout(LAST_OUTPUT) == Err(mpsc::RecvTimeoutError::Timeout) {
            // The child left somebody behind who holds the pipe.
            kill_group(child);
            let _ = self.ended.recv_timeout(LAST_OUTPUT);
        }
        std::mem::take(&mut *self.capture.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn shell_limited(script: &str, limits: ChildLimits) -> Finished {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, limits, &Interrupt::default()).unwrap()
    }

    fn shell(script: &str) -> Finished {
        shell_limited(
            script,
            ChildLimits { time: Duration::from_secs(60), memory_bytes: 1 << 40, with_descendants: false },
        )
    }

    #[test]
    fn output_and_exit_status_are_kept() {
        let finished = shell("echo out; echo err >&2; exit 7");
        assert!(matches!(finished.end, End::Exited(status) if status.code() == Some(7)));
        assert_eq!(finished.stdout.as_deref(), Some("out\n"));
        assert_eq!(finished.stderr, ["err"]);
    }

    #[test]
    fn a_signal_is_seen() {
        let finished = shell("kill -ABRT $$");
        assert!(matches!(finished.end, End::Exited(status) if status.signal() == Some(6)));
        assert_eq!(finished.stdout, None);
    }

    #[test]
    fn a_child_that_hangs_is_killed_with_what_it_started() {
        let limits =
            ChildLimits { time: Duration::from_millis(100), memory_bytes: 1 << 40, with_descendants: false };
        let started = Instant::now();
        // The grandchild holds both pipes.
        let finished = shell_limited("sleep 300 & echo started; wait", limits);
        assert!(matches!(finished.end, End::TimeLimit));
        assert_eq!(finished.stdout.as_deref(), Some("started\n"));
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn somebody_left_behind_does_not_hold_us_up() {
        let started = Instant::now();
        let finished = shell("sleep 300 & echo done");
        assert!(matches!(finished.end, End::Exited(status) if status.success()));
        assert_eq!(finished.stdout.as_deref(), Some("done\n"));
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_child_above_the_memory_limit_is_killed() {
        let limits =
            ChildLimits { time: Duration::from_secs(60), memory_bytes: 4096, with_descendants: false };
        let finished = shell_limited("sleep 300", limits);
        assert!(matches!(finished.end, End::MemoryLimit(rss_bytes) if rss_bytes > 4096), "{finished:?}");
    }

    #[test]
    fn ctrl_c_kills_the_child() {
        let interrupt = Interrupt::default();
        interrupt.set();
        let mut command = Command::new("sleep");
        command.arg("300");
        let limits =
            ChildLimits { time: Duration::from_secs(60), memory_bytes: 1 << 40, with_descendants: false };
        assert!(matches!(run(command, limits, &interrupt).unwrap().end, End::Interrupted));
    }

    #[test]
    fn a_flood_of_output_stays_bounded() {
        let finished = shell("head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2; echo last >&2");
        assert_eq!(finished.stdout.unwrap().chars().count(), crate::run::bounded_capture::STDOUT_BYTES);
        assert!(finished.stderr.len() == 1 && finished.stderr[0].chars().count() <= 500);
    }
}
