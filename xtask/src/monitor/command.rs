//! A command that is started in order to be watched: its output is its own, its exit status becomes ours.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cli::exit_code::{CANNOT_START, CodedError, TOOL_ERROR};

/// How long a command may take to end after Ctrl-C before it is killed with all it started.
pub const GRACE: Duration = Duration::from_secs(10);

/// A command that runs.
pub struct Started {
    child: Child,
    asked_to_end: Option<Instant>,
    status: Option<ExitStatus>,
}

impl Started {
    /// Starts `words`, on the terminal and with the input that xtask has, and with these variables more.
    ///
    /// # Errors
    /// With [`CANNOT_START`], if it cannot be started.
    pub fn start(words: &[OsString], variables: &[(OsString, OsString)]) -> Result<Started> {
        let (program, arguments) = words.split_first().context("a command has a name")?;
        let child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .spawn();
        let child = child
            .with_context(|| format!("cannot start {}", program.display()))
            .map_err(|error| CodedError::new(CANNOT_START, error))?;
        Ok(Started { child, asked_to_end: None, status: None })
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> Result<bool> {
        if self.status.is_none() {
            self.status = self.child.try_wait().context("wait for the command")?;
        }
        Ok(self.status.is_some())
    }

    /// After Ctrl-C: asks it to end. What comes back is whether its time is up.
    pub fn ask_to_end(&mut self) -> bool {
        let asked = *self.asked_to_end.get_or_insert_with(|| {
            // A terminal sends Ctrl-C to all that runs on it.
            if !std::io::stdin().is_terminal() {
                interrupt(&self.child);
            }
            Instant::now()
        });
        asked.elapsed() >= GRACE
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Result<()> {
        self.status = Some(self.child.wait().context("wait for the command")?);
        Ok(())
    }

    /// How it ended, in words, and the exit code that a shell would give.
    pub fn end(&self) -> (String, u8) {
        let Some(status) = self.status else { return ("still runs".into(), TOOL_ERROR) };
        match status.code() {
            Some(code) => (format!("exited with code {code}"), u8::try_from(code).unwrap_or(TOOL_ERROR)),
            None => killed(status),
        }
    }
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    if let Ok(pid) = i32::try_from(child.id()) {
        // The only error is that it has ended meanwhile.
        let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
    }
}

#[cfg(not(unix))]
fn interrupt(_child: &Child) {}

#[cfg(unix)]
fn killed(status: ExitStatus) -> (String, u8) {
    use std::os::unix::process::ExitStatusExt;

    use nix::sys::signal::Signal;

    let number = status.signal().unwrap_or_default();
    let name =
        Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.to_string());
    // As shells count.
    (format!("was killed by {name}"), u8::try_from(128 + number).unwrap_or(TOOL_ERROR))
}

#[cfg(not(unix))]
fn killed(_status: ExitStatus) -> (String, u8) {
    ("was killed".into(), TOOL_ERROR)
}
