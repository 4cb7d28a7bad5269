//! What is watched: a process, a command that is started for it, or a server's metrics endpoint.

use std::collections::BTreeMap;

use anyhow::Result;
use bench_core::foreign_text::in_one_line;
use bench_core::memory_metrics::Values;
use bench_core::metric::Unit;

use super::command::Started;
use super::endpoint::Endpoint;
use super::flags::MonitorFlags;
use super::heap::CountedHeap;
use super::process_tree::WatchedTree;
use crate::cli::command_line;
use crate::cli::exit_code::{INTERRUPTED, PASS, usage};
use crate::run::interrupt::Interrupt;

/// What is watched.
pub enum WatchedSource {
    /// A process that was there before.
    Process(WatchedTree),
    /// A command that was started; without its processes if it had ended before they could be looked at. Its
    /// heap, where that is counted.
    Command(Started, Option<WatchedTree>, Option<Box<CountedHeap>>),
    /// A server.
    Endpoint(Endpoint),
}

/// What a look at the source gave.
pub enum SourceReading {
    /// These values.
    Values(Values),
    /// Nothing, for this reason.
    Lost(String),
    /// It has ended.
    Ended,
}

impl WatchedSource {
    /// Finds or starts what the flags name; its name in one line comes with it.
    pub fn open(flags: &MonitorFlags, interrupt: &Interrupt) -> Result<(WatchedSource, String)> {
        let target = &flags.target;
        if let Some(url) = &target.metrics {
            let endpoint = Endpoint::new(url, &flags.metric, flags.interval).map_err(usage)?;
            return Ok((WatchedSource::Endpoint(endpoint), url.to_string()));
        }
        if let Some(pid) = target.pid {
            return Ok((
                WatchedSource::Process(WatchedTree::open(pid).map_err(usage)?),
                format!("process {pid}{}", name_of(pid)),
            ));
        }
        let mut heap = flags.heap.then(|| CountedHeap::prepare(interrupt).map(Box::new)).transpose()?;
        let variables = heap.as_ref().map_or(Vec::new(), |heap| heap.environment());
        let started = Started::start(&target.command, &variables)?;
        if let Some(heap) = &mut heap {
            heap.begin(started.pid());
        }
        let name = command_line::quoted(&target.command);
        let tree = WatchedTree::open(started.pid()).ok();
        Ok((WatchedSource::Command(started, tree, heap), name))
    }

    /// Whether what is watched has ended.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(match self {
            WatchedSource::Process(tree) => tree.has_ended(),
            WatchedSource::Command(started, ..) => started.has_ended()?,
            WatchedSource::Endpoint(_) => false,
        })
    }

    /// Takes a look.
    pub fn read(&mut self) -> SourceReading {
        match self {
            WatchedSource::Process(tree) => tree.read().map_or(SourceReading::Ended, SourceReading::Values),
            WatchedSource::Command(_, tree, heap) => {
                let Some(mut values) = tree.as_mut().and_then(WatchedTree::read) else {
                    return SourceReading::Ended;
                };
                values.extend(heap.iter_mut().flat_map(|heap| heap.read()));
                SourceReading::Values(values)
            }
            WatchedSource::Endpoint(endpoint) => match endpoint.read() {
                Ok(values) => SourceReading::Values(values),
                Err(error) => SourceReading::Lost(format!("{error:#}")),
            },
        }
    }

    /// After Ctrl-C: whether watching is over, too. A command gets time to end.
    pub fn interrupt(&mut self) -> bool {
        match self {
            WatchedSource::Command(started, tree, _) => {
                let time_is_up = started.ask_to_end();
                if let Some(tree) = tree.as_mut().filter(|_| time_is_up) {
                    tree.kill();
                }
                time_is_up
            }
            _ => true,
        }
    }

    /// What could not be read, and why.
    pub fn notes(&self) -> Vec<String> {
        match self {
            WatchedSource::Process(tree) => tree.notes().map(String::from).collect(),
            WatchedSource::Command(_, tree, heap) => {
                let of_tree = tree.iter().flat_map(WatchedTree::notes);
                of_tree.chain(heap.iter().flat_map(|heap| heap.notes())).map(String::from).collect()
            }
            WatchedSource::Endpoint(endpoint) => endpoint.notes().map(String::from).collect(),
        }
    }

    /// What is known at the end: what was seen less often than the rest, and what a counted heap was in all.
    pub fn conclusions(&mut self) -> Vec<String> {
        match self {
            WatchedSource::Command(.., Some(heap)) => vec![heap.conclusion()],
            WatchedSource::Endpoint(endpoint) => endpoint.shortfalls().collect(),
            _ => Vec::new(),
        }
    }

    /// What the numbers of some names are that do not say it themselves.
    pub fn units(&self) -> BTreeMap<String, Unit> {
        match self {
            WatchedSource::Endpoint(endpoint) => endpoint.units(),
            _ => BTreeMap::new(),
        }
    }

    /// Why the watch ended, in words, and the exit code.
    pub fn end(&mut self, cause: Cause) -> Result<(String, u8)> {
        if let WatchedSource::Command(started, ..) = self {
            if cause == Cause::Duration {
                return Ok(("The time was up; the command runs on".into(), PASS));
            }
            started.wait()?;
            let (words, code) = started.end();
            let code = if cause == Cause::Interrupt { INTERRUPTED } else { code };
            return Ok((format!("The command {words}"), code));
        }
        Ok(match cause {
            Cause::Ended => ("The process ended".into(), PASS),
            Cause::Duration => ("The time was up".into(), PASS),
            Cause::Interrupt => ("Ended by Ctrl-C".into(), INTERRUPTED),
        })
    }
}

/// Why watching ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cause {
    /// What was watched has ended.
    Ended,
    /// `--duration`.
    Duration,
    /// Ctrl-C.
    Interrupt,
}

/// The name of a process, where the system tells it.
fn name_of(pid: u32) -> String {
    let name = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    in_brackets(&String::from_utf8_lossy(&name))
}

fn in_brackets(name: &str) -> String {
    match name.trim() {
        "" => String::new(),
        name => format!(" ({})", in_one_line(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_rules_no_terminal() {
        assert_eq!(in_brackets("my server\n"), " (my server)");
        assert_eq!(in_brackets("a\u{202e}b\u{1b}[2Jc\nd\n"), " (a\u{fffd}b\u{fffd}[2Jc\u{fffd}d)");
        assert_eq!(in_brackets("\n"), "");
    }
}
