//! The command line of a suite's program: `list`, and `run` of one case.
//!
//! `cargo xtask bench` starts it; it can be started by hand to look at one case under a debugger. What it
//! found goes to the evidence file, never to stdout: engines and criterion print there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};

use super::instruments::{Allocator, Instruments, SiteRecorder};
use super::prepared::{Findings, Prepared};
use super::timing::{self, Effort};
use super::tool_checks::write_tool_checks;
use super::{Phases, Suite, WatchedProgram};
use crate::case::{CaseId, CaseSpec, Mode};
use crate::dhat_profile;
use crate::evidence::{AllocatorRecord, Evidence, PhaseRecord, Scaled};
use crate::foreign_text::{in_one_line, printable};
use crate::inputs::Inputs;
use crate::instrument::{
    ProcessProbe, die_with_parent, is_counting, native_is_counted, set_publish_threshold,
};
use crate::program::ALLOCATOR_VARIABLE;
use crate::run::FailureKind;

/// How a line on stderr begins that whoever lists the cases passes on.
const NOTE: &str = "note: ";

/// What `cargo bench` gives a benchmark without a harness.
const CARGO_BENCH: &str = "--bench";

/// Frames per stack in mode `sites`: deep enough to leave the collections' own frames.
const SITE_FRAMES: usize = 24;

/// Lists the cases of a suite, or runs one repetition of one case. Started by `cargo xtask bench`.
#[derive(Parser)]
struct ChildCommandLine {
    #[command(subcommand)]
    command: ChildCommand,
}

#[derive(Subcommand)]
enum ChildCommand {
    /// Print the suite's cases as JSON
    List(Inputs),
    /// Do a case's set-up and nothing else: what it computes is kept for the processes that measure
    Prepare(PrepareFlags),
    /// Run one repetition of one case and write what it saw
    Run(RunFlags),
    /// Check the measuring tools themselves for leaks
    #[command(hide = true)]
    CheckTools {
        /// Where the checks are written
        file: PathBuf,
    },
}

#[derive(Args)]
struct PrepareFlags {
    /// The case, as `list` names it
    case: CaseId,
    #[command(flatten)]
    inputs: Inputs,
}

#[derive(Args)]
struct RunFlags {
    /// The case, as `list` names it
    case: CaseId,
    /// Where the evidence is written
    #[arg(long)]
    evidence: PathBuf,
    /// Interval of the sampler in nanoseconds (mode heap)
    #[arg(long, default_value_t = 1_000_000)]
    interval_ns: u64,
    /// Divide the size axis by this (mode sites)
    #[arg(long, default_value_t = 1)]
    scale: u64,
    /// Measure time with less effort (mode time)
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    inputs: Inputs,
}

/// Makes a suite for what its process was given.
pub type MakeSuite = fn(&Inputs) -> Result<Suite>;

/// The whole program of some suites: lists their cases, or runs one of them under what `instruments` gives,
/// an error where the environment names none. When the case failed, a message on stderr and the exit code of
/// its [`FailureKind`], mostly 1.
pub fn main(suites: &[MakeSuite], instruments: fn() -> Result<Instruments>) -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == CARGO_BENCH) {
        eprintln!("note: `cargo membench bench` runs the cases of this program; `cargo bench` does not");
        return ExitCode::SUCCESS;
    }
    let outcome = match ChildCommandLine::parse().command {
        ChildCommand::List(inputs) => list(suites, &inputs),
        ChildCommand::Prepare(flags) => {
            die_with_parent();
            prepare(suites, &flags)
        }
        ChildCommand::Run(flags) => {
            die_with_parent();
            instruments().and_then(|instruments| run(suites, instruments, &flags))
        }
        ChildCommand::CheckTools { file } => write_tool_checks(&file),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", printable(&format!("{error:#}")));
            error.downcast_ref::<FailureKind>().map_or(ExitCode::FAILURE, |kind| kind.exit_code().into())
        }
    }
}

fn list(suites: &[MakeSuite], inputs: &Inputs) -> Result<()> {
    let mut cases = Vec::new();
    for make in suites {
        let suite = make(inputs)?;
        for note in suite.notes() {
            eprintln!("{NOTE}{}", in_one_line(note));
        }
        for spec in suite.cases() {
            // Whoever runs it finds it by its id, as text.
            let id: CaseId = spec.id.to_string().parse().context("a name or a value of this suite")?;
            ensure!(id == spec.id, "the case {id} cannot be told from others by its id");
            cases.push(spec);
        }
    }
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &cases).context("write the list of cases to stdout")?;
    stdout.write_all(b"\n").context("write the list of cases to stdout")
}

fn prepare(suites: &[MakeSuite], flags: &PrepareFlags) -> Result<()> {
    let (suite, spec) = find(suites, &flags.inputs, &flags.case)?;
    suite.prepare(&spec, 1).map(drop)
}

/// The case and its suite; the suites of a program are made until one has it.
fn find(suites: &[MakeSuite], inputs: &Inputs, case: &CaseId) -> Result<(Suite, CaseSpec)> {
    for make in suites {
        let suite = make(inputs)?;
        if let Some(spec) = suite.cases().into_iter().find(|spec| spec.id == *case) {
            return Ok((suite, spec));
        }
    }
    bail!("no case {case} in this program; `list` shows what there is")
}

fn run(suites: &[MakeSuite], instruments: Instruments, flags: &RunFlags) -> Result<()> {
    let Instruments { mode, allocator, internals, recorder } = instruments;
    let (suite, spec) = find(suites, &flags.inputs, &flags.case)?;
    let spec = &spec;
    ensure!(
        spec.allocator == allocator.name(),
        "{} runs on the allocator {}, and {ALLOCATOR_VARIABLE} says {allocator}",
        spec.id,
        spec.allocator
    );
    let (mut prepared, scaled) = suite.prepare(spec, flags.scale)?;
    let mut evidence = empty_evidence(spec, mode, allocator, &prepared, scaled);
    match mode {
        Mode::Heap => {
            let interval = Duration::from_nanos(flags.interval_ns);
            run_heap(&mut prepared, interval, internals, &mut evidence)?;
        }
        Mode::Native => run_native(&mut prepared, &mut evidence)?,
        Mode::Sites => run_sites(&mut prepared, recorder, &mut evidence)?,
        Mode::Time => {
            let (time, phases) = timing::time(&mut prepared, Effort::new(flags.quick))?;
            evidence.time = Some(time);
            evidence.phases = phases;
            evidence.phases.iter_mut().for_each(|phase| state_items(phase, &prepared));
        }
    }
    write_evidence(&flags.evidence, &evidence)
}

fn empty_evidence(
    spec: &CaseSpec,
    mode: Mode,
    allocator: Allocator,
    prepared: &Prepared,
    scaled: Option<Scaled>,
) -> Evidence {
    Evidence {
        case: spec.id.clone(),
        mode,
        allocator: allocator.name().into(),
        items: prepared.items,
        item: prepared.item.map(str::to_string),
        payload_bytes: prepared.payload_bytes,
        inputs: prepared.inputs.clone(),
        foreign_heap: prepared.foreign_heap.clone(),
        server: None,
        varies: prepared.varies.clone(),
        scaled,
        phases: Vec::new(),
        timeline: None,
        sites: None,
        recall: None,
        codes_recall: None,
        graph_recall: None,
        unjudged: None,
        time: None,
    }
}

fn run_heap(
    prepared: &mut Prepared,
    interval: Duration,
    internals: fn() -> Option<AllocatorRecord>,
    evidence: &mut Evidence,
) -> Result<()> {
    ensure_counting()?;
    if prepared.exact_peak {
        set_publish_threshold(0);
    }
    // It lives as long as the process; leaking it keeps the sampler's thread simple.
    let program = prepared.program.clone();
    let probe = match &program {
        Some(program) => ProcessProbe::of(program.pid).with_context(|| format!("look at {program:?}"))?,
        None => ProcessProbe::open()?,
    };
    let probe: &'static ProcessProbe = Box::leak(Box::new(probe));
    let server = prepared.server.take().or_else(|| {
        let uncounted = program.as_ref().filter(|program| !program.is_counted());
        uncounted.map(WatchedProgram::as_server)
    });
    let mut phases = Phases::heap(probe, interval, internals, server)?;
    if let Some(program) = program {
        phases.read_program(program);
    }
    let check = (prepared.body)(&mut phases);
    let seen = phases.finish_heap()?;
    evidence.phases = records_of(prepared, Mode::Heap, seen.records)?;
    evidence.timeline = Some(seen.timeline);
    evidence.server = seen.server;
    record_findings(check()?, evidence);
    Ok(())
}

fn record_findings(findings: Findings, evidence: &mut Evidence) {
    evidence.recall = findings.recall;
    evidence.codes_recall = findings.codes_recall;
    evidence.graph_recall = findings.graph_recall;
    evidence.unjudged = findings.unjudged;
}

/// The items of a phase are the case's, unless it stated its own.
fn state_items(record: &mut PhaseRecord, prepared: &Prepared) {
    if record.items.is_none() {
        record.items = prepared.items;
        record.item = prepared.item.map(str::to_string);
    }
}

/// The phases' records with what is known of the workload.
fn records_of(prepared: &Prepared, mode: Mode, mut records: Vec<PhaseRecord>) -> Result<Vec<PhaseRecord>> {
    ensure!(!records.is_empty(), "the body measured no phase");
    for record in &mut records {
        state_items(record, prepared);
        record.payload_bytes = prepared.payload_bytes;
        if prepared.foreign_heap.is_some() {
            record.heap = None;
            // In mode native they are of the C heap.
            if mode == Mode::Heap {
                record.iteration_live_bytes.clear();
            }
        }
    }
    Ok(records)
}

fn run_native(prepared: &mut Prepared, evidence: &mut Evidence) -> Result<()> {
    ensure_counting()?;
    ensure!(
        native_is_counted(),
        "malloc is not interposed in this program: mode native needs Linux with glibc, and a program that is started by \
         bench_main::run"
    );
    let mut phases = match prepared.program.clone() {
        Some(program) => Phases::program(program),
        None => Phases::native(),
    };
    let check = (prepared.body)(&mut phases);
    if let Some(reason) = phases.uncounted() {
        evidence.inputs.insert("not counted".into(), reason.into());
    }
    let records = phases.finish_native().context("mode native has records")?;
    evidence.phases = records_of(prepared, Mode::Native, records)?;
    record_findings(check()?, evidence);
    Ok(())
}

fn run_sites(prepared: &mut Prepared, recorder: SiteRecorder, evidence: &mut Evidence) -> Result<()> {
    let mut phases = Phases::sites(recorder, SITE_FRAMES);
    let check = (prepared.body)(&mut phases);
    evidence.sites = Some(dhat_profile::summarise(&phases.finish_sites()?)?);
    check()?;
    Ok(())
}

/// Refuses to report the zeros of a program with a global allocator of its own.
fn ensure_counting() -> Result<()> {
    ensure!(is_counting(), "the counting allocator is not this program's global allocator");
    Ok(())
}

/// Writes beside the file first, so that a kill leaves no half-written evidence.
fn write_evidence(path: &Path, evidence: &Evidence) -> Result<()> {
    let json = serde_json::to_vec(evidence).context("write the evidence as JSON")?;
    let unfinished = path.with_extension("tmp");
    std::fs::write(&unfinished, json).with_context(|| format!("write {}", unfinished.display()))?;
    std::fs::rename(&unfinished, path).with_context(|| format!("rename to {}", path.display()))
}
