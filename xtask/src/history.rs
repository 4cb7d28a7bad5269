//! The stored runs before a run, read one after the other, as the report needs them.

use bench_core::run::Run;
use report::History;
use report::history::HISTORY_RUNS;
use report::plural;

use crate::results::{Results, read_run};

/// The history of `run` in `results`. What cannot be read is named on stderr and left out, and so are runs that are not whole.
pub fn before(run: &Run, results: &Results) -> History {
    let mut partial = 0;
    let files = results.runs_before(&run.id, HISTORY_RUNS);
    let stored = files.iter().filter_map(|file| match read_run(file) {
        Ok(old) if old.partial.is_some() => {
            partial += 1;
            None
        }
        Ok(old) => Some(old),
        Err(error) => {
            eprintln!("warning: left out of the history: {error:#}");
            None
        }
    });
    let history = History::of(run, stored);
    if partial > 0 {
        eprintln!("note: not whole and left out of the history: {}", plural(partial, "run"));
    }
    history
}
