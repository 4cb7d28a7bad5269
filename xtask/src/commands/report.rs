//! `cargo xtask report`: a stored run, judged by today's thresholds, and its page written again.

use anyhow::Result;
use report::compare::compare;

use crate::cli::flags::ReportFlags;
use crate::commands::compare::today;
use crate::commands::conclusion::{self, Against};
use crate::store::history;
use crate::store::named_files::NamedFiles;
use crate::store::results::{PAGE_FILE, Results, read_run};

/// Runs the command.
pub fn run(flags: &ReportFlags) -> Result<u8> {
    let results = Results::new(&flags.results)?;
    let thresholds = results.thresholds()?;
    let path = results.find_run(flags.run.as_deref())?;
    let run = read_run(&path)?;
    let old = flags.baseline.baseline.as_deref().map(|name| results.side(Some(name))).transpose()?;
    let mut files = NamedFiles::default();
    files.output("the page", path.with_file_name(PAGE_FILE));
    files.exports(&flags.export);
    files.input("the run", &path);
    files.judged_by(&results, old.as_ref());
    files.ensure_apart()?;
    let history = history::before(&run, &results);
    let comparison = old.map(|old| {
        let mut comparison = compare(&old.called, &old.run, &run, &thresholds, &today());
        comparison.predict(&history);
        comparison
    });
    let exports = flags.export.export.clone();
    let against = Against { comparison, history, strict: flags.baseline.strict, exports };
    conclusion::conclude(&run, &path, &thresholds, against, flags.message_format)
}
