//! `cargo xtask diff OLD NEW`: which call sites came, grew, shrank and went.

use std::path::Path;
use std::path::PathBuf;

use anyhow::{Result, anyhow, ensure};
use bench_core::case::Mode;
use bench_core::dhat_profile::SitesSummary;
use bench_core::evidence::Scaled;
use bench_core::metric::Unit;
use bench_core::run::{CaseRecord, Run};
use clap::Args;
use report::export::differential_flamegraph;
use report::quantity::human;
use report::{SiteCount, line_difference, plural};

use crate::cli::exit_code::{self, NOTHING_MATCHED, PASS, TOOL_ERROR, USAGE, usage};
use crate::cli::flags::ShownFlags;
use crate::store::exports::Exports;
use crate::store::overwrite_check::OverwriteCheck;
use crate::store::stored::{Stored, cases_of, is_stdin, no_case, sites_of};
use crate::term::output;
use crate::term::site_export::draw;
use crate::term::site_filter::SiteFilter;
use crate::term::site_table::change_table;

/// Why a graph of two runs is not drawn: half of the stacks would look like the whole.
const ONLY_THE_TOP: &str = "a flame graph needs every call site, and of one of the runs only the top is at hand: its profile \
                            (*.dhat.json) is not in its folder, and a baseline keeps none";

/// Flags of `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffFlags {
    /// A run (its id, folder or run.json), a baseline's name, or a dhat profile; `-` reads stdin
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// As OLD, and of the same kind
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Of runs, only the case of this id, or those whose id matches the regular expression. Of profiles, only
    /// the call sites whose function or place (`src/a.rs:7`) has this text in it, or matches it as a regular
    /// expression
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
    /// What is shown.
    #[command(flatten)]
    pub shown: ShownFlags,
    /// Also draw a differential flame graph of the count that --by names (SVG): red grew, blue shrank. Of
    /// runs, for one case whose profiles lie beside both
    #[arg(long, value_name = "FILE.svg")]
    pub flamegraph: Option<PathBuf>,
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
}

/// What `diff --help` adds.
pub fn help() -> String {
    exit_code::help_for(
        "  cargo xtask diff old.dhat.json new.dhat.json
  cargo xtask diff 2026-11-20T120125Z-1a2b3c4 2026-11-21T120125Z-5d6e7f8 --by total
  cargo xtask diff main latest                  a baseline and the newest run
  cargo xtask diff OLD NEW 'ingest/build'
  cargo xtask diff OLD NEW 'vectors/single_vector{dim=128}' --flamegraph difference.svg

Shows which call sites came, grew, shrank and went, the largest change first. One that `moved` allocates as much as before, \
for other callers. A row is a line of code; the stacks that differ stand below it. Stacks that differ only in line numbers \
are the same stack, because any edit moves lines.

If a run's profile is missing, only its top call sites are known. Others `entered` or `left` the top; their count on the \
other side is unknown, not 0. In the flame graph a frame is as wide as the larger of its old and new bytes, so what went \
is visible, too. `diff` judges nothing: the exit code is 0 whatever differs.",
        &[PASS, TOOL_ERROR, USAGE, NOTHING_MATCHED],
        &[(PASS, "shown"), (NOTHING_MATCHED, "neither run has such a case, or neither profile such a call site")],
    )
}

/// Runs the command.
pub fn run(flags: &DiffFlags) -> Result<u8> {
    ensure!(
        !is_stdin(&flags.old) || !is_stdin(&flags.new),
        usage(anyhow!("OLD and NEW are both stdin (-): one of them must be a file"))
    );
    let read = |name: &Path| Stored::read(name, flags.results.as_deref());
    let (old, new) = (read(&flags.old)?, read(&flags.new)?);
    let mut files = OverwriteCheck::default();
    flags.flamegraph.iter().for_each(|path| files.output("--flamegraph", path));
    old.read_from(&flags.old).into_iter().for_each(|file| files.input("OLD", file));
    new.read_from(&flags.new).into_iter().for_each(|file| files.input("NEW", file));
    files.ensure_apart()?;
    match (old, new) {
        (Stored::Profile(old), Stored::Profile(new)) => {
            let Some(filter) = flags.filter.as_deref().map(SiteFilter::new) else {
                return show(&profiles(&old, &new, &flags.shown), &old, &new, &title(flags), flags);
            };
            let (some_old, some_new) = (filter.apply(&old), filter.apply(&new));
            if some_old.sites.is_empty() && some_new.sites.is_empty() {
                let (old_name, new_name) = (flags.old.to_string_lossy(), flags.new.to_string_lossy());
                return Err(filter.nothing(&[(&old_name, &old), (&new_name, &new)]));
            }
            let text = format!(
                "old: {}new: {}{}",
                filter.note(&old),
                filter.note(&new),
                profiles(&some_old, &some_new, &flags.shown)
            );
            show(&text, &some_old, &some_new, &title(flags), flags)
        }
        (Stored::Run(old, old_path), Stored::Run(new, new_path)) => {
            runs((&old, &old_path), (&new, &new_path), flags)
        }
        _ => Err(usage(anyhow!(
            "{} and {}: two dhat profiles or two runs can be compared, nothing else",
            flags.old.display(),
            flags.new.display()
        ))),
    }
}

/// Prints what differs, then draws it if that was asked for.
fn show(text: &str, old: &SitesSummary, new: &SitesSummary, title: &str, flags: &DiffFlags) -> Result<u8> {
    output::print(text)?;
    let count = flags.shown.count();
    let mut exports = Exports::new();
    if let Some(path) = &flags.flamegraph {
        let graph = differential_flamegraph(&old.sites, &new.sites, count, title);
        draw(&mut exports, path, graph, &format!("no stack differs {}", count.phrase()))?;
    }
    Ok(exports.code())
}

/// The totals, and the lines of code that differ; where none does in the count that was asked for, in which
/// others some do.
fn profiles(old: &SitesSummary, new: &SitesSummary, flags: &ShownFlags) -> String {
    let lines = line_difference(old, new, flags.count());
    let bytes = |bytes: u64| human(bytes as f64, Unit::Bytes);
    let total = |what: &str, old: u64, new: u64| format!("{what} {} -> {}", bytes(old), bytes(new));
    let totals = [
        total("at the peak", old.peak_bytes, new.peak_bytes),
        total("in total", old.total_bytes, new.total_bytes),
        total("at the end", old.end_bytes, new.end_bytes),
    ];
    let table = match elsewhere(old, new, flags.count()) {
        _ if !lines.is_empty() => change_table(&lines, flags),
        others if others.is_empty() => "no call site differs\n".into(),
        others => format!("no call site differs {}; {others}\n", flags.count().phrase()),
    };
    format!("{}\n{table}", totals.join(", "))
}

/// How many lines of code differ in the other counts, and the flag that shows them; nothing if none does.
fn elsewhere(old: &SitesSummary, new: &SitesSummary, count: SiteCount) -> String {
    let others = SiteCount::ALL.into_iter().filter(|other| *other != count).filter_map(|other| {
        let lines = line_difference(old, new, other).len();
        let verb = if lines == 1 { "does" } else { "do" };
        (lines > 0).then(|| format!("{} {lines} {verb}: --by {}", other.phrase(), other.name()))
    });
    others.collect::<Vec<_>>().join(", ")
}

/// The names of both files, without their folders, for which a picture has no room.
fn title(flags: &DiffFlags) -> String {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let (old, new) = (name(&flags.old), name(&flags.new));
    if old == new { new } else { format!("{old} to {new}") }
}

/// Every case that both runs have call sites of; the others are named with the reason.
fn runs(old: (&Run, &Path), new: (&Run, &Path), flags: &DiffFlags) -> Result<u8> {
    let filter = flags.filter.as_deref();
    let (olds, news) = (cases_of(old.0, filter)?, cases_of(new.0, filter)?);
    if let Some(filter) = filter.filter(|_| olds.is_empty() && news.is_empty()) {
        return Err(no_case(filter, &[old.0, new.0]));
    }
    if flags.flamegraph.is_some() && news.len() != 1 {
        return Err(usage(anyhow!("a flame graph is of one case: name it behind the runs")));
    }
    let (mut text, mut same, mut left_out) = (String::new(), 0usize, Vec::new());
    let (mut elsewhere_only, mut drawn) = (Vec::new(), None);
    for case in &news {
        let id = &case.spec.id;
        let Some(before) = olds.iter().find(|case| case.spec.id == *id) else {
            left_out.push(format!("{id}: only in {}", new.0.id));
            continue;
        };
        if scaled(before) != scaled(case) {
            left_out.push(format!("{id}: not of the same size in both runs (scaled down in mode sites)"));
            continue;
        }
        let (Some((old, old_all)), Some((new, new_all))) = (sites_of(before, old.1), sites_of(case, new.1))
        else {
            left_out.push(format!("{id}: no call sites in one of the runs (mode sites)"));
            continue;
        };
        let whole = old_all && new_all;
        if line_difference(&old, &new, flags.shown.count()).is_empty() {
            match elsewhere(&old, &new, flags.shown.count()) {
                others if others.is_empty() => same += 1,
                others => elsewhere_only.push(format!("{id}: {others}")),
            }
        } else {
            text.push_str(&format!("{id}\n{}", profiles(&old, &new, &flags.shown)));
            if !whole {
                text.push_str("only the top call sites are known: the profile beside the run is missing\n");
            }
            text.push('\n');
        }
        if flags.flamegraph.is_some() {
            ensure!(whole, usage(anyhow!("{id}: {ONLY_THE_TOP}")));
            drawn = Some((id, old, new));
        }
    }
    let gone = olds.iter().filter(|case| !news.iter().any(|c| c.spec.id == case.spec.id));
    left_out.extend(gone.map(|case| format!("{}: only in {}", case.spec.id, old.0.id)));
    if !elsewhere_only.is_empty() {
        let cases = plural(elsewhere_only.len(), "case");
        text.push_str(&format!("{cases} without a difference {}, but\n", flags.shown.count().phrase()));
        elsewhere_only.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text.push_str(&format!("{} without a difference\n", plural(same, "case")));
    left_out.iter().for_each(|line| text.push_str(&format!("not compared: {line}\n")));
    match drawn {
        Some((id, old, new)) => show(&text, &old, &new, &id.to_string(), flags),
        None if flags.flamegraph.is_some() => {
            let reason = left_out.into_iter().next().unwrap_or_default();
            Err(usage(anyhow!("no flame graph of {reason}")))
        }
        None => output::print(&text).map(|()| PASS),
    }
}

/// How far the case was scaled down in mode sites.
fn scaled(case: &CaseRecord) -> Option<&Scaled> {
    case.measurement(Mode::Sites)?.evidence().next()?.scaled.as_ref()
}
