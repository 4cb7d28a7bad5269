//! `cargo xtask leaks`: every loop of the suites, and every measuring tool, is checked for leaks.

use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::{CaseSpec, Kind, Mode};
use bench_core::leak::ToolCheck;
use bench_core::program::{CHECK_TOOLS, MODE_VARIABLE};
use bench_core::run::{HostFacts, Revision, Run, SCHEMA, Settings};
use clap::Args;
use jiff::Timestamp;
use report::quantity::grouped;
use report::{LeakCheck, LeakReport, Thresholds, Verdict, is_known_leak, judge};

use crate::build::suites::Suites;
use crate::cli::again::again;
use crate::cli::command_line;
use crate::cli::exit_code::{self, INTERRUPTED};
use crate::cli::flags::{MEMORY_LIMIT, MessageFormat, ResultsFlags, SelectionFlags, SuiteFlags};
use crate::run::child_executor::ChildExecutor;
use crate::run::child_process::{self, ChildLimits, End};
use crate::run::child_setup::ChildSetup;
use crate::run::environment::Environment;
use crate::run::gone_servers::GoneServers;
use crate::run::host;
use crate::run::interrupt::Interrupt;
use crate::run::plan::{self, Plan};
use crate::run::selection::{SelectedCase, Selection};
use crate::store::results::Results;
use crate::term::output;
use crate::term::progress::Progress;
use crate::term::text_table::{Align, TableRow, styled_table};
use crate::term::verdict_style::style;

/// Two processes tell whether what one saw repeats.
const REPETITIONS: u32 = 2;
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// The sampler runs as in a bench.
const INTERVAL: Duration = Duration::from_micros(200);

/// Flags of `leaks`.
#[derive(Debug, Clone, Args)]
pub struct LeaksFlags {
    /// Which loops.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// How they are judged; nothing is stored.
    #[command(flatten)]
    pub results: ResultsFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask leaks                             every case tagged loop, and the measuring tools
  cargo xtask leaks -s search -e usearch        the loops of one suite on one engine
  cargo xtask leaks --message-format json       one JSON document on stdout

A loop repeats the same work; the live bytes after each iteration must not rise. After 8 iterations of warm-up, 24 rising \
readings make the loop a suspect (Theil-Sen, Mann-Kendall, p < 0.001); it leaks if the readings after them rise, too. For \
engines in C the C heap is read. The limits on leak.slope and leak.growth in the threshold table apply as well. Every \
check includes two known leaks of 8 bytes per iteration and fails if it misses one.

Your own code: docs/leaks.md, \"Leak checks in your own tests\".",
    )
}

/// Runs the command.
pub fn run(flags: &LeaksFlags) -> Result<u8> {
    let started = Instant::now();
    let interrupt = Interrupt::install()?;
    let thresholds = Results::new(&flags.results)?.thresholds()?;
    let selection = Selection::new(&flags.selection)?;
    let suites = Suites::build(&flags.suites, &flags.selection, MEMORY_LIMIT, &interrupt)?;
    let listed = suites.list()?;
    listed.report_failed();
    let chosen = chosen(&listed.cases, &selection)?;
    let setup = ChildSetup::prepare()?;
    let mut run = empty_run(flags);
    let progress = Progress::new(chosen.len());
    let mut executor = ChildExecutor {
        suites: &suites,
        crate_list: setup.crate_list,
        scratch: setup.scratch.clone(),
        run_folder: setup.scratch.clone(),
        interval: INTERVAL,
        memory_limit: MEMORY_LIMIT,
        quick: false,
        environment: Environment::from_variables(std::env::vars_os()),
        interrupt: interrupt.clone(),
        progress: &progress,
        group: None,
    };
    let plan = Plan { repetitions: REPETITIONS, budget: None, time_limit: TIME_LIMIT };
    let mut gone = GoneServers::default();
    for case in &chosen {
        if let Some(record) = gone.without(&case.spec) {
            run.cases.push(record);
            progress.passed_over();
            continue;
        }
        progress.case(&case.spec.id);
        let measured = plan::measure(case, plan, &mut executor)?;
        if measured.interrupted {
            eprintln!("interrupted by Ctrl-C after {} of {} loops", run.cases.len(), chosen.len());
            return Ok(INTERRUPTED);
        }
        gone.look_at(&measured.record).iter().for_each(|note| progress.say(note));
        progress.case_done(&measured.record);
        run.cases.push(measured.record);
    }
    progress.finish();
    let tools = tools(&suites, &setup.scratch, &interrupt)?;
    let report = judged(&run, &thresholds, &tools);
    let text = match flags.message_format {
        MessageFormat::Json => {
            serde_json::to_string_pretty(&report).context("write the report as JSON")? + "\n"
        }
        MessageFormat::Human => human(&report, &run.command, started.elapsed()),
    };
    output::print(&text)?;
    let failed =
        run.cases.iter().any(|case| case.measurements.iter().any(|it| it.failures().next().is_some()));
    Ok(exit_code::with_failed_suites(exit_code::of_run(report.verdict, failed), &listed.failed))
}

/// The loops that were asked for, each where its engine's bytes are, and the fault that leaks on purpose.
fn chosen(cases: &[CaseSpec], selection: &Selection) -> Result<Vec<SelectedCase>> {
    // A fault is for whoever names it.
    let is_meant = |spec: &&CaseSpec| spec.is(Kind::Loop) && (!spec.is(Kind::Fault) || selection.names(spec));
    let loops: Vec<CaseSpec> = cases.iter().filter(is_meant).cloned().collect();
    // Suites of others have none; the checks of the tools leak on purpose, too.
    let known_leak = cases.iter().find(|spec| is_known_leak(&spec.id)).cloned();
    let mut chosen: Vec<SelectedCase> = Vec::new();
    for spec in selection.matching(&loops)?.into_iter().chain(known_leak) {
        let wanted = if spec.is(Kind::ForeignHeap) { Mode::Native } else { Mode::Heap };
        let modes: Vec<Mode> =
            [wanted].into_iter().filter(|mode| !spec.absent_modes.contains_key(mode)).collect();
        if !modes.is_empty() {
            chosen.push(SelectedCase { spec, modes });
        }
    }
    Ok(chosen)
}

/// What the loops are kept in while they are judged; it is not stored.
fn empty_run(flags: &LeaksFlags) -> Run {
    Run {
        schema: SCHEMA,
        id: "leaks".into(),
        started: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        partial: None,
        command: command_line::of_this_process(),
        revision: Revision::default(),
        host: HostFacts { facts: host::facts().facts },
        settings: Settings {
            quick: false,
            modes: vec![Mode::Heap, Mode::Native],
            profile: flags.suites.cargo_profile.clone(),
            repetitions: REPETITIONS,
            interval_ns: INTERVAL.as_nanos() as u64,
            time_limit_s: TIME_LIMIT.as_secs(),
            memory_limit_bytes: MEMORY_LIMIT,
            environment: Default::default(),
            ..Settings::default()
        },
        cases: Vec::new(),
        failed_suites: Vec::new(),
    }
}

/// Runs the program that checks the measuring tools.
fn tools(suites: &Suites, scratch: &std::path::Path, interrupt: &Interrupt) -> Result<Vec<ToolCheck>> {
    eprintln!("checking the measuring tools");
    let folder = tempfile::tempdir_in(scratch).context("make a folder for the checks of the tools")?;
    let mut command = Command::new(suites.any_program()?);
    command.current_dir(folder.path()).env(MODE_VARIABLE, CHECK_TOOLS).arg(CHECK_TOOLS);
    let limits = ChildLimits { time: TIME_LIMIT, memory_bytes: MEMORY_LIMIT, with_descendants: false };
    let file = folder.path().join("tools.json");
    command.arg(&file);
    let finished = child_process::run(command, limits, interrupt).context("check the measuring tools")?;
    let ended_well = matches!(&finished.end, End::Exited(status) if status.success());
    let said = || finished.stderr.join("\n  ");
    ensure!(
        ended_well,
        anyhow!("the checks of the measuring tools ended badly: {:?}\n  {}", finished.end, said())
    );
    let json = std::fs::read(&file).context("the checks of the measuring tools left no answer")?;
    serde_json::from_slice(&json).context("understand the checks of the measuring tools")
}

fn judged(run: &Run, thresholds: &Thresholds, tools: &[ToolCheck]) -> LeakReport {
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    report::leaks(run, &judge(run, thresholds, &today), tools)
}

const ALIGN: [Align; 7] = {
    use Align::{Left, Right};
    [Left, Left, Right, Right, Right, Right, Left]
};
const HEADING: [&str; 7] = ["checked", "bytes", "iterations", "B/iteration", "95 %", "growth", "verdict"];

fn human(report: &LeakReport, command: &str, elapsed: Duration) -> String {
    let checks: Vec<&LeakCheck> = report.loops.iter().chain(&report.tools).collect();
    let rows: Vec<TableRow> = checks
        .iter()
        .map(|check| TableRow {
            cells: row(check).to_vec(),
            last: style(check.verdict),
            ..TableRow::default()
        })
        .collect();
    let mut text = styled_table(&HEADING, &rows, &ALIGN);
    for check in checks.iter().filter(|check| check.verdict > Verdict::Pass) {
        let colour = style(check.verdict);
        let reason = check.reason.replace('\n', "\n      ");
        let _ = writeln!(text, "\n{colour}{}{colour:#}  {}: {reason}", check.verdict, check.name);
        if report.loops.iter().any(|it| it.name == check.name) {
            let modes = [Mode::Heap, Mode::Sites, Mode::Native];
            let _ = writeln!(text, "      where: {}", again(command, &check.name, &modes));
        }
    }
    let colour = style(report.verdict);
    let wrong = checks.iter().filter(|check| check.verdict > Verdict::Pass).count();
    let _ = writeln!(
        text,
        "\n{colour}{}{colour:#}  {} loops and {} measuring tools checked in {:.0} s, {wrong} not as they should be; known \
         leaks are in both, and must be found",
        report.verdict.word().to_uppercase(),
        report.loops.len(),
        report.tools.len(),
        elapsed.as_secs_f64()
    );
    text
}

fn row(check: &LeakCheck) -> [String; 7] {
    let absent = || "-".to_string();
    let trend =
        |of: &dyn Fn(&bench_core::leak::Trend) -> String| check.trend.as_ref().map_or_else(absent, of);
    let found = match (check.leaks_on_purpose, check.verdict) {
        (true, Verdict::Pass) => "pass (a known leak, found)".into(),
        (_, verdict) => verdict.word().to_string(),
    };
    [
        check.name.clone(),
        check.bytes.into(),
        check.iterations.map_or_else(absent, |iterations| iterations.to_string()),
        trend(&|trend| grouped(trend.line.slope, 1)),
        trend(&|trend| {
            let (low, high) = trend.line.slope_interval;
            format!("{} to {}", grouped(low, 1), grouped(high, 1))
        }),
        trend(&|trend| format!("{:.1} %", trend.growth * 100.0)),
        found,
    ]
}
