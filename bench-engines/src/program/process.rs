//! A program under way: requests go to its standard input, one line each, and its standard output answers
//! each with one line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bench_core::foreign_text::in_one_line;
use bench_core::untrusted_json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// No answer is longer: one of a search has some hundred bytes.
const LONGEST_LINE: u64 = 64 << 20;
/// How many lines that are no answers are passed on; the others are counted.
const SHOWN: usize = 20;
/// So many lines that are no answers end the reading: the program talks to somebody else.
const MOST_OTHER_LINES: usize = 100_000;
/// How much of a wrong line an error shows.
const SHOWN_CHARACTERS: usize = 200;
/// How long a program may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// A program that was started.
pub(super) struct Process {
    name: String,
    child: Child,
    /// Closed to say that nothing comes any more.
    requests: Option<ChildStdin>,
    answers: Receiver<Result<String>>,
}

/// An answer that refuses.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Process {
    /// Starts the command as the engine `name`. What it writes to standard error is this process's.
    pub(super) fn start(name: &str, mut command: Command) -> Result<Process> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child =
            command.spawn().with_context(|| format!("start the program {program:?} of the engine {name}"))?;
        let requests = child.stdin.take();
        let stdout = child.stdout.take().context("the program's standard output")?;
        let (sender, answers) = sync_channel(16);
        let of_thread = name.to_string();
        std::thread::Builder::new()
            .name("program-reader".into())
            .spawn(move || read_answers(&of_thread, stdout, &sender))
            .context("start a thread")?;
        Ok(Process { name: name.into(), child, requests, answers })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a request and waits for its answer: at most so long, or as long as it takes.
    pub(super) fn ask<T: DeserializeOwned>(
        &mut self,
        request: &impl Serialize,
        at_most: Option<Duration>,
    ) -> Result<T> {
        let mut line = serde_json::to_vec(request).context("write a request as JSON")?;
        line.push(b'\n');
        let requests = self.requests.as_mut().context("the program was told to stop")?;
        // A broken pipe: it has ended, and what it said last explains it.
        let sent = requests.write_all(&line).and_then(|()| requests.flush());
        let answer = match at_most {
            None => self.answers.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at_most) => self.answers.recv_timeout(at_most),
        };
        match answer {
            Ok(line) => self.read(&line?),
            Err(RecvTimeoutError::Timeout) => {
                let limit = at_most.unwrap_or_default().as_secs_f64();
                bail!("{} did not answer within {limit} s", self.called())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let said = sent.err().map(|error| format!(" ({error})")).unwrap_or_default();
                bail!("{} ended without an answer: {}{said}", self.called(), self.end())
            }
        }
    }

    fn read<T: DeserializeOwned>(&self, line: &str) -> Result<T> {
        if let Ok(Refusal { error }) = untrusted_json::read(line.as_bytes()) {
            bail!("{} says: {}", self.called(), in_one_line(&error));
        }
        let read = untrusted_json::read(line.as_bytes());
        read.with_context(|| format!("{} answered {}", self.called(), excerpt(line)))
    }

    fn called(&self) -> String {
        format!("the program of the engine {}", self.name)
    }

    /// How it ended, once its standard output is closed.
    fn end(&mut self) -> String {
        match self.wait(FAREWELL) {
            Some(status) => status.to_string(),
            None => "it closed its standard output and goes on".into(),
        }
    }

    fn wait(&mut self, at_most: Duration) -> Option<std::process::ExitStatus> {
        let polls = at_most.as_nanos() / POLL.as_nanos();
        for _ in 0..polls {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(POLL);
        }
        None
    }
}

impl Drop for Process {
    /// The program ends when its standard input does; one that does not is killed.
    fn drop(&mut self) {
        drop(self.requests.take());
        if self.wait(FAREWELL).is_none() {
            // It may have ended by now, which is as good.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Passes on the lines that are JSON objects. Libraries print to standard output, too: their lines go to
/// standard error, with the engine's name.
fn read_answers(name: &str, stdout: impl Read, answers: &SyncSender<Result<String>>) {
    let mut stdout = BufReader::new(stdout);
    let mut others = 0;
    loop {
        let mut line = Vec::new();
        match (&mut stdout).take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let is_whole = line.ends_with(b"\n");
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        let answer = if text.starts_with('{') && is_whole {
            Ok(text.to_string())
        } else if text.starts_with('{') {
            Err(anyhow!("the program of the engine {name} broke off in its answer {}", excerpt(text)))
        } else if others == MOST_OTHER_LINES {
            Err(anyhow!(
                "the program of the engine {name} printed {others} lines that are no answers, the last one {}",
                excerpt(text)
            ))
        } else {
            others += usize::from(!text.is_empty());
            if !text.is_empty() && others <= SHOWN {
                eprintln!("{name} printed, which is no answer: {}", excerpt(text));
            }
            continue;
        };
        let ends = answer.is_err();
        if answers.send(answer).is_err() || ends {
            return;
        }
    }
}

/// The beginning of a line, in one line.
fn excerpt(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("{:?}{rest}", in_one_line(&shown))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("sh", command).unwrap()
    }

    #[derive(Debug, Deserialize)]
    struct Number {
        n: u64,
    }

    #[test]
    fn a_line_is_answered_by_a_line() {
        let mut process = shell("while read line; do echo noise; echo '{\"n\": 7}'; done");
        for _ in 0..3 {
            assert_eq!(process.ask::<Number>(&"x", None).unwrap().n, 7);
        }
    }

    #[test]
    fn a_program_that_hangs_is_not_waited_for_and_killed() {
        let mut process = shell("exec sleep 300");
        let pid = process.pid();
        let error = process.ask::<Number>(&"x", Some(Duration::from_millis(50))).unwrap_err();
        assert_eq!(error.to_string(), "the program of the engine sh did not answer within 0.05 s");
        drop(process);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_program_that_only_chats_is_given_up() {
        let mut process = shell("yes chatter | head -n 200000");
        let error = process.ask::<Number>(&"x", None).unwrap_err().to_string();
        assert!(
            error.contains("printed 100000 lines that are no answers, the last one \"chatter\""),
            "{error}"
        );
    }
}
