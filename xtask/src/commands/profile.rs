//! `cargo xtask profile CASE`: which function, file and line of one case allocates what.

use anyhow::{Context, Result};
use bench_core::case::Mode;
use bench_core::dhat_profile::SitesSummary;
use clap::Args;

use crate::build::workspace::display_path;
use crate::cli::flags::{CaseFlags, DrawingFlags, ShownFlags};
use crate::commands::one_case;
use crate::store::overwrite_check::OverwriteCheck;
use crate::store::results::Results;
use crate::store::stored::read_profile;
use crate::term::output;
use crate::term::site_export::export_sites;
use crate::term::site_table::site_table;

/// Flags of `profile`.
#[derive(Debug, Clone, Args)]
pub struct ProfileFlags {
    /// The case.
    #[command(flatten)]
    pub case: CaseFlags,
    /// What is shown.
    #[command(flatten)]
    pub shown: ShownFlags,
    /// What is written besides.
    #[command(flatten)]
    pub export: DrawingFlags,
}

/// What `profile --help` adds.
pub fn help() -> String {
    one_case::help(
        "  cargo xtask profile 'vectors/multi_concept{dim=512,n=1000}'
  cargo xtask profile multi_concept.dim=512,n=1000 --by total --top 5
  cargo xtask profile 'vectors/single_vector{dim=128}' --flamegraph f.svg --pprof f.pb.gz

Runs the case once in mode sites, which records a stack for every allocation; with BENCH_SITES_BY=dhat in the \
environment the dhat crate records it. Stacks are shown without the frames of the \
allocator, of the standard library and of the harness. With --cargo-profile dev some remain, because it records no paths \
of inlined functions. In a pprof file, alloc_* counts everything requested, inuse_* what was live at the peak.",
        "profiled",
    )
}

/// Runs the command.
pub fn run(flags: &ProfileFlags) -> Result<u8> {
    let mut files = OverwriteCheck::default();
    files.drawings(&flags.export);
    files.suites(&flags.case.suites);
    files.input("the thresholds", Results::new(&flags.case.results)?.thresholds_file());
    files.ensure_apart()?;
    let one = one_case::measure(&flags.case, Mode::Sites)?;
    let id = &one.record.spec.id;
    let repetition =
        one.record.measurement(Mode::Sites).and_then(|measurement| measurement.repetitions.first());
    let repetition = repetition.context("mode sites left a repetition")?;
    let file = one.folder.join(repetition.dhat_file.as_ref().context("mode sites left a profile")?);
    let summary: SitesSummary = read_profile(&file)?;
    let mut text = format!("{id}\n{}", site_table(&summary, &flags.shown));
    if let Some(scaled) = repetition.evidence.as_ref().and_then(|evidence| evidence.scaled.as_ref()) {
        text.push_str(&format!("scaled down: {}={} instead of {}\n", scaled.axis, scaled.to, scaled.from));
    }
    text.push_str(&format!(
        "\nprofile  {}\n         opens in DHAT's viewer: dh_view.html of valgrind, \"Load...\"\npage  {}\n",
        display_path(&file),
        display_path(&one.page)
    ));
    output::print(&text)?;
    export_sites(&summary.sites, &id.to_string(), flags.shown.count(), &flags.export)
}
