//! The stored runs before a run, read one after the other, as the report needs them.

use bench_core::run::Run;
use report::HISTORY_RUNS;
use report::History;

use crate::store::results::Results;
use crate::store::run_file::read_run;

/// The history of `run` in `results`. Runs that were interrupted are no part of it; what cannot be read is
/// named on stderr.
pub fn before(run: &Run, results: &Results) -> History {
    let files = results.runs_before(&run.id, HISTORY_RUNS);
    let stored = files.iter().filter_map(|file| match read_run(file) {
        Ok(old) => old.partial.is_none().then_some(old),
        Err(error) => {
            eprintln!("warning: left out of the history: {error:#}");
            None
        }
    });
    History::of(run, stored)
}
