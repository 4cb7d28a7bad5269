//! `cargo xtask analyze FILE`: what lies in a profile, a run or a file of samples, as tables.

use std::path::Path;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::Mode;
use bench_core::dhat_profile::SitesSummary;
use bench_core::foreign_text::quoted;
use bench_core::memory_metrics::Sample;
use bench_core::metric::{Metric, Unit, heap, rss};
use bench_core::run::{CaseRecord, Measurement, Run};
use clap::Args;
use jiff::Timestamp;
use report::quantity::human;
use report::watch::{SeriesRow, Watch};
use report::{SiteCount, allocating_lines, fitted_name, plural};

use crate::cli::exit_code::{self, NOTHING_MATCHED, PASS, TOOL_ERROR, USAGE, usage};
use crate::cli::flags::{DrawingFlags, ShownFlags};
use crate::store::overwrite_check::OverwriteCheck;
use crate::store::stored::{Stored, matching, sites_of};
use crate::term::output;
use crate::term::phase_table::phase_table;
use crate::term::site_export::export_sites;
use crate::term::site_filter::SiteFilter;
use crate::term::site_table::site_table;
use crate::term::text_table::{Align, text_table};

/// Flags of `analyze`.
#[derive(Debug, Clone, Args)]
pub struct AnalyzeFlags {
    /// A run (its id, folder or run.json), a baseline's name, a dhat profile, or a file that `monitor` wrote;
    /// `-` reads stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Of a run, only the case of this id, or those whose id matches the regular expression. Of a profile,
    /// only the call sites whose function or place (`src/a.rs:7`) has this text in it, or matches it as a
    /// regular expression
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
    /// What is shown.
    #[command(flatten)]
    pub shown: ShownFlags,
    /// What is written besides.
    #[command(flatten)]
    pub export: DrawingFlags,
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
}

/// What `analyze --help` adds.
pub fn help() -> String {
    exit_code::help_for(
        "  cargo xtask analyze dhat-heap.json --by total            of the dhat crate or valgrind --tool=dhat
  cargo xtask analyze dhat-heap.json --pprof heap.pb.gz && go tool pprof -top heap.pb.gz
  cargo xtask analyze results/runs/ID/run.json             every case of a run
  cargo xtask analyze ID 'single_vector.dim=128'           one case: phases and call sites
  cargo xtask analyze dhat-heap.json 'my_crate::index'     the call sites in one module
  gunzip -c dhat-heap.json.gz | cargo xtask analyze -      from another program
  cargo xtask analyze results/memory_metrics_2026-11-21T120125Z.json

A call site is a line of code that allocates. Frames of allocators and of the standard libraries of Rust, C, C++ and Zig \
are skipped. A row sums all stacks that lead to its line; up to three of them stand below it, with the callers that tell \
them apart. Exports have every stack and every name in full. If there is nothing to draw (a flame graph of what is live at \
the end, when everything was freed), the output says so and the exit code is 0.",
        &[PASS, TOOL_ERROR, USAGE, NOTHING_MATCHED],
        &[
            (PASS, "shown"),
            (TOOL_ERROR, "the tool failed; what could be shown or written is"),
            (NOTHING_MATCHED, "the run has no such case, or the profile no such call site"),
        ],
    )
}

/// Runs the command.
pub fn run(flags: &AnalyzeFlags) -> Result<u8> {
    let stored = Stored::read(&flags.file, flags.results.as_deref())?;
    let mut files = OverwriteCheck::default();
    files.drawings(&flags.export);
    stored.read_from(&flags.file).into_iter().for_each(|file| files.input("FILE", file));
    files.ensure_apart()?;
    let name = flags.file.to_string_lossy();
    match stored {
        Stored::Profile(sites) => {
            let filter = flags.filter.as_deref().map(SiteFilter::new);
            let (note, sites) = match &filter {
                Some(filter) => (filter.note(&sites), filter.chosen(&sites, &name)?),
                None => (String::new(), sites),
            };
            output::print(&(note + &site_table(&sites, &flags.shown)))?;
            export(&sites, &name, flags)
        }
        Stored::Run(run, path) => of_run(&run, &path, flags),
        Stored::Samples(samples) => {
            ensure_no_export(&flags.export, "a file of samples has no call sites")?;
            ensure_of_call_sites(&flags.shown, "a file of samples has none")?;
            ensure!(
                flags.filter.is_none(),
                usage(anyhow!(
                    "FILTER chooses cases of a run, or call sites of a profile; {name} has samples"
                ))
            );
            output::print(&of_samples(&samples, &name)?).map(|()| PASS)
        }
    }
}

fn export(sites: &SitesSummary, title: &str, flags: &AnalyzeFlags) -> Result<u8> {
    export_sites(&sites.sites, title, flags.shown.count(), &flags.export)
}

fn of_run(run: &Run, path: &Path, flags: &AnalyzeFlags) -> Result<u8> {
    let cases = matching(run, flags.filter.as_deref())?;
    let partial = run.partial.as_ref().map(|partial| format!("; {partial}")).unwrap_or_default();
    let mut text = format!("run {} of {}{partial}\n\n", run.id, run.started);
    let [case] = cases[..] else {
        ensure_no_export(&flags.export, "an export is of one case: name it behind the run")?;
        ensure_of_call_sites(&flags.shown, "name one case behind the run")?;
        return output::print(&(text + &overview(&cases, path))).map(|()| PASS);
    };
    text.push_str(&format!("{}\n{}\n", case.spec.id, case.spec.about));
    for measurement in &case.measurements {
        if let Some((number, evidence)) =
            measurement.highest().filter(|(_, evidence)| !evidence.phases.is_empty())
        {
            text.push_str(&format!("\nmode {}{}\n", measurement.mode, which(measurement, number)));
            text.push_str(&phase_table(evidence));
        }
        for failure in measurement.failures() {
            text.push_str(&format!("\nmode {}: {}: {}\n", measurement.mode, failure.kind, failure.reason));
        }
    }
    match sites_of(case, path) {
        Some((sites, _)) => {
            text.push_str(&format!("\nmode sites\n{}", site_table(&sites, &flags.shown)));
            output::print(&text)?;
            export(&sites, &case.spec.id.to_string(), flags)
        }
        None => {
            let reason = "the case has no call sites: it was not measured in mode sites";
            ensure_no_export(&flags.export, reason)?;
            ensure_of_call_sites(&flags.shown, "it was not measured in mode sites")?;
            output::print(&text).map(|()| PASS)
        }
    }
}

/// Which repetition is shown, where there are several. Their times are not ranked.
fn which(measurement: &Measurement, number: usize) -> String {
    let all = measurement.evidence().count();
    match measurement.mode {
        _ if all == 1 => String::new(),
        Mode::Time => format!(", repetition {number} of {all}"),
        _ => format!(", repetition {number} of {all}, the one with the highest peak"),
    }
}

/// A row for each case, with what allocated most.
fn overview(cases: &[&CaseRecord], path: &Path) -> String {
    let row = |case: &&CaseRecord| {
        let whole =
            case.measurement(Mode::Heap).and_then(|m| m.highest()).and_then(|(_, evidence)| evidence.whole());
        let cell = |metric: &Metric| {
            let value = whole.as_ref().and_then(metric.of);
            value.map_or("-".into(), |value| human(value, metric.unit))
        };
        let top = sites_of(case, path).and_then(|(sites, _)| {
            let lines = allocating_lines(&sites.sites, SiteCount::Peak);
            let line = lines.first()?;
            let function = fitted_name(&line.frame?.label(), 60);
            Some(format!("{} {function}", human(line.sum.peak_bytes as f64, Unit::Bytes)))
        });
        let id = case.spec.id.to_string();
        vec![
            id,
            cell(&heap::PEAK),
            cell(&heap::ALLOCATED),
            cell(&heap::BLOCKS),
            cell(&rss::PEAK),
            top.unwrap_or("-".into()),
        ]
    };
    let rows: Vec<Vec<String>> = cases.iter().map(row).collect();
    let head = ["case", "peak", "allocated", "blocks", "peak RSS", "top call site at the peak"];
    let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left];
    text_table(&head, &rows, &align)
}

fn of_samples(samples: &[Sample], name: &str) -> Result<String> {
    let mut watch = Watch::new(name, "", 0.0);
    let mut first = None;
    for sample in samples {
        let read = sample.timestamp.parse::<Timestamp>().with_context(|| {
            format!("{name}: {} is no time such as 2024-01-15T10:30:00Z", quoted(&sample.timestamp))
        });
        let time = read.map_err(usage)?;
        let began = *first.get_or_insert(time);
        watch.add(time.duration_since(began).as_secs_f64(), &sample.timestamp, &sample.values);
    }
    let Some((from, to)) = &watch.between else { return Ok("no sample\n".into()) };
    let rows: Vec<Vec<String>> = watch.rows().iter().map(SeriesRow::cells).collect();
    Ok(format!(
        "{} from {from} to {to}\n\n{}",
        plural(watch.samples as usize, "sample"),
        text_table(&SeriesRow::HEAD, &rows, &[Align::Left])
    ))
}

fn ensure_no_export(flags: &DrawingFlags, reason: &'static str) -> Result<()> {
    let asked_for = [&flags.flamegraph, &flags.pprof, &flags.collapsed].into_iter().flatten().next();
    ensure!(asked_for.is_none(), usage(anyhow!(reason)));
    Ok(())
}

/// Refuses what would be passed over.
fn ensure_of_call_sites(flags: &ShownFlags, reason: &str) -> Result<()> {
    match flags.given() {
        Some(flag) => Err(usage(anyhow!("{flag} is of call sites: {reason}"))),
        None => Ok(()),
    }
}
