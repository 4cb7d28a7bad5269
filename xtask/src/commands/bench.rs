//! `cargo xtask bench`: build, list, select, measure case by case, store after each, judge, show.

pub mod flags;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::{CaseId, CaseSpec, Kind, Mode};
use bench_core::run::{HARNESS, Run, SCHEMA, Settings};
use jiff::Timestamp;
use report::compare::{REPETITIONS, compare};
use report::{Comparison, History, Thresholds, plural};

use crate::build::binaries::BinaryStore;
use crate::build::old_binaries::OldBinaries;
use crate::build::suites::{ListedCases, Suites};
use crate::build::workspace::{self, display_path};
use crate::cli::command_line;
use crate::cli::exit_code::{INTERRUPTED, most_severe, of_error, usage};
use crate::commands::compare::today;
use crate::commands::conclusion::{self, Against};
use crate::run::child_executor::ChildExecutor;
use crate::run::child_setup::ChildSetup;
use crate::run::confirm;
use crate::run::environment::Environment;
use crate::run::gone_servers::GoneServers;
use crate::run::host;
use crate::run::interrupt::Interrupt;
use crate::run::plan::{self, Plan};
use crate::run::selection::{SelectedCase, Selection, modes_of_run};
use crate::store::history;
use crate::store::overwrite_check::OverwriteCheck;
use crate::store::results::{Results, RunFolder, Side};
use crate::store::run_file::{RUN_FILE, write_run};
use crate::store::snapshot_file::SnapshotFile;
use crate::term::progress::Progress;
use flags::BenchFlags;

/// As long as the repetitions of one case in one mode may run, unless the user says how many he wants.
const BUDGET: Duration = Duration::from_secs(6);

/// A run that was stored, whole or interrupted.
pub struct BenchedRun {
    /// The run.
    pub run: Run,
    /// Where it lies.
    pub folder: RunFolder,
    /// What to judge it by.
    pub thresholds: Thresholds,
    /// What is said against the baseline, if one was asked for.
    pub comparison: Option<Comparison>,
    /// The stored runs before it.
    pub history: History,
    /// Why the old binaries could not be run, if they should have been.
    pub not_confirmed: Option<anyhow::Error>,
    /// Whether Ctrl-C ended it early.
    pub interrupted: bool,
}

/// Runs the command.
pub fn run(flags: &BenchFlags) -> Result<u8> {
    let snapshot = SnapshotFile::open(&flags.snapshot, &flags.selection, &flags.suites)?;
    conclude(measure(flags, |_| Ok(()))?, snapshot, flags)
}

/// Judges what was measured and shows it; what comes back is the exit code.
pub fn conclude(benched: BenchedRun, snapshot: Option<SnapshotFile>, flags: &BenchFlags) -> Result<u8> {
    let BenchedRun { run, folder, thresholds, comparison, history, not_confirmed, interrupted } = benched;
    let run_path = folder.path.join(RUN_FILE);
    let exports = flags.export.export.clone();
    let (snapshot, not_updated) = snapshot.map(|file| file.hold(&run)).unzip();
    let against = Against { comparison, snapshot, history, strict: flags.baseline.strict, exports };
    let code = conclusion::conclude(&run, &run_path, &thresholds, against, flags.message_format)
        .with_context(|| format!("the run itself is stored in {}", display_path(&run_path)))?;
    let mut code = if interrupted { INTERRUPTED } else { code };
    if let Some(error) = not_updated.flatten() {
        eprintln!("error: {error:#}");
        code = most_severe(code, of_error(&error));
    }
    if let Some(error) = not_confirmed {
        eprintln!("error: noisy changes stay unconfirmed: {error:#}");
        code = most_severe(code, of_error(&error));
    }
    Ok(code)
}

/// Builds, lists, selects, and measures and stores case by case. `accept` is asked before anything is
/// measured.
pub fn measure(flags: &BenchFlags, accept: impl FnOnce(&[SelectedCase]) -> Result<()>) -> Result<BenchedRun> {
    let flags = &flags.with_named_engines()?;
    let bench = Bench::new(flags)?;
    let name = flags.baseline.baseline.as_deref();
    let side = name.map(|name| bench.results.side(Some(name))).transpose()?;
    bench.ensure_nothing_is_overwritten(side.as_ref())?;
    let binaries = old_binaries(flags, side.as_ref(), &bench.store)?;
    let memory_limit = flags.measure.memory_limit;
    let suites = Suites::build(&flags.suites, &flags.selection, memory_limit, &bench.interrupt)?;
    let built = bench.select(suites)?;
    accept(&built.chosen)?;
    bench.measure(built, None, side.map(|side| OldSide { side, binaries }))
}

/// What a bench needs before anything is built.
pub struct Bench<'a> {
    flags: &'a BenchFlags,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    results: Results,
    thresholds: Thresholds,
    selection: Selection,
    store: BinaryStore,
}

/// Suites that were built, and which of their cases are measured.
pub struct SelectedSuites {
    suites: Suites,
    listed: ListedCases,
    chosen: Vec<SelectedCase>,
    modes: Vec<Mode>,
}

/// What a run is compared with.
pub struct OldSide {
    /// The run.
    pub side: Side,
    /// The programs that confirm what noise may hide.
    pub binaries: Option<OldBinaries>,
}

/// The release of a dependency that was built, and its lock.
pub struct BuiltRelease {
    /// `usearch 2.26.0`.
    pub name: String,
    /// The SHA-256 of the Cargo.lock that it was built with.
    pub lock_sha256: String,
}

impl<'a> Bench<'a> {
    /// Looks at everything that can be wrong with the input.
    pub fn new(flags: &'a BenchFlags) -> Result<Bench<'a>> {
        let interrupt = Interrupt::install()?;
        let results = Results::new(&flags.results)?;
        let thresholds = results.thresholds()?;
        let selection = Selection::new(&flags.selection)?;
        results.ensure_writable()?;
        let store = BinaryStore::open(workspace::target_directory()?)?;
        Ok(Bench { flags, interrupt, results, thresholds, selection, store })
    }

    /// Refuses outputs that would overwrite inputs.
    pub fn ensure_nothing_is_overwritten(&self, old: Option<&Side>) -> Result<()> {
        let mut files = OverwriteCheck::default();
        files.exports(&self.flags.export);
        files.snapshot(&self.flags.snapshot);
        files.suites(&self.flags.suites);
        files.judged_by(&self.results, old);
        files.ensure_apart()
    }

    /// Lists the cases, chooses, and keeps the binaries that run them.
    pub fn select(&self, mut suites: Suites) -> Result<SelectedSuites> {
        let listed = suites.list()?;
        listed.report_failed();
        if listed.failed.is_empty() {
            ensure_every_rule_matches(&self.thresholds, &listed.cases)?;
        }
        let asked_for: BTreeSet<Mode> = self.flags.mode.iter().copied().collect();
        let asked_for: Vec<Mode> = asked_for.into_iter().collect();
        let chosen = self.selection.for_bench(&listed.cases, &asked_for)?;
        suites.keep(&self.store, chosen.iter().map(|case| &case.spec))?;
        let modes = modes_of_run(&asked_for, &chosen);
        Ok(SelectedSuites { suites, listed, chosen, modes })
    }

    /// The programs of suites once more, to be run beside those of a later build.
    pub fn kept(&self, built: &SelectedSuites) -> Result<Suites> {
        let memory_limit = self.flags.measure.memory_limit;
        Suites::of_kept(&self.store, &built.suites.hashes(), &self.flags.suites, memory_limit)
    }

    /// Measures and stores case by case, then compares and confirms.
    pub fn measure(
        &self,
        built: SelectedSuites,
        release: Option<&BuiltRelease>,
        old: Option<OldSide>,
    ) -> Result<BenchedRun> {
        let Bench { flags, interrupt, results, thresholds, store, .. } = self;
        let SelectedSuites { suites, listed, chosen, modes } = built;
        let setup = ChildSetup::prepare()?;
        let started = Timestamp::now();
        let revision = host::revision();
        let folder = results.create_run(started, &revision)?;
        let environment = Environment::from_variables(std::env::vars_os());
        let is_compared = old.is_some() || release.is_some();
        let repetitions = flags.measure.repetitions.unwrap_or(match (is_compared, flags.selection.quick) {
            (true, _) => REPETITIONS as u32,
            (false, true) => 2,
            (false, false) => 5,
        });
        let mut run = Run {
            schema: SCHEMA,
            id: folder.id.clone(),
            started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            partial: None,
            command: command_line::of_this_process(),
            revision,
            host: host::facts(),
            settings: Settings {
                quick: flags.selection.quick,
                modes,
                profile: flags.suites.cargo_profile.clone(),
                repetitions,
                interval_ns: u64::try_from(flags.measure.interval.as_nanos())
                    .context("--interval is too long")?,
                time_limit_s: flags.measure.time_limit.as_secs(),
                memory_limit_bytes: flags.measure.memory_limit,
                environment: environment.recorded.clone(),
                features: Some(flags.suites.sorted_features()),
                harness: Some(HARNESS),
                allocators: Some(setup.allocators.clone()),
                binaries: Some(suites.hashes()),
                left_out: Some(left_out(&listed.cases, &chosen)),
            },
            cases: Vec::new(),
            failed_suites: listed.failed,
        };
        if let Some(BuiltRelease { name, lock_sha256 }) = release {
            let subject = run.revision.subject.take().unwrap_or_default();
            run.revision.subject = Some(format!("with {name}: {subject}"));
            run.host.facts.insert("cargo_lock".into(), lock_sha256.clone());
        }
        let progress = Progress::new(chosen.len());
        let mut executor = ChildExecutor {
            suites: &suites,
            crate_list: setup.crate_list,
            scratch: setup.scratch,
            run_folder: folder.path.clone(),
            interval: flags.measure.interval,
            memory_limit: flags.measure.memory_limit,
            quick: flags.selection.quick,
            environment,
            interrupt: interrupt.clone(),
            progress: &progress,
            group: None,
        };
        let budget = flags.measure.repetitions.is_none().then_some(BUDGET);
        let plan = Plan { repetitions, budget, time_limit: flags.measure.time_limit };
        measure_all(&mut run, &folder, &chosen, plan, &mut executor)?;
        progress.finish();
        store.prune()?;
        let history = history::before(&run, results);
        let interrupted = run.partial.is_some();
        let thresholds = thresholds.clone();
        let mut measured = BenchedRun {
            run,
            folder,
            thresholds,
            comparison: None,
            history,
            not_confirmed: None,
            interrupted,
        };
        if let Some(old) = old {
            self.compare(&mut measured, old, plan, &mut executor);
        }
        Ok(measured)
    }

    /// Compares a run with an old one, and confirms what noise may hide by both programs in turn.
    fn compare(&self, measured: &mut BenchedRun, old: OldSide, plan: Plan, executor: &mut ChildExecutor<'_>) {
        let Bench { flags, interrupt, store, .. } = self;
        let OldSide { side: old, binaries } = old;
        let mut comparison = compare(&old.called, &old.run, &measured.run, &measured.thresholds, &today());
        let candidates = confirm::specs(&comparison.candidates(), &measured.run.cases);
        let confirms = binaries.is_some();
        let binaries = binaries.filter(|_| !measured.interrupted);
        if let Some(old) = to_confirm(binaries, &candidates) {
            let ready =
                old.suites(&flags.suites, flags.measure.memory_limit, interrupt).and_then(|mut suites| {
                    suites.keep(store, candidates.iter().map(|(spec, _)| spec))?;
                    Ok(suites)
                });
            let confirmed = ready.and_then(|suites| {
                eprintln!("running the old and the new binaries in turn");
                let mut old = ChildExecutor { suites: &suites, ..executor.clone() };
                confirm::interleaved(&candidates, plan, &mut old, executor)
            });
            match confirmed {
                Ok(Some(confirmations)) => comparison.confirm(&confirmations),
                Ok(None) => measured.interrupted = true,
                // The run is whole without it.
                Err(error) => {
                    measured.not_confirmed = Some(error);
                    comparison.predict(&measured.history);
                }
            }
        } else if !confirms {
            comparison.predict(&measured.history);
        }
        measured.comparison = Some(comparison);
    }
}

/// What `--confirm` means, before anything is built.
fn old_binaries(flags: &BenchFlags, old: Option<&Side>, store: &BinaryStore) -> Result<Option<OldBinaries>> {
    let Some(reference) = &flags.confirm.confirm else { return Ok(None) };
    let old = old.context("--confirm is about a comparison: name a --baseline too").map_err(usage)?;
    OldBinaries::find(reference, old, store, &flags.suites, flags.measure.memory_limit).map(Some)
}

/// The old binaries, if there is something to run them for; says what is done, or could be.
fn to_confirm(old: Option<OldBinaries>, candidates: &[(CaseSpec, Mode)]) -> Option<OldBinaries> {
    let found = format!("noisy metrics of {} may have changed", plural(candidates.len(), "case"));
    let note = match (&old, candidates.is_empty()) {
        (None, true) => return None,
        (None, false) => {
            format!("note: {found}; --confirm runs the old and the new binaries in turn to decide it")
        }
        (Some(_), true) => "note: no noisy metric may have changed, so there is nothing to confirm".into(),
        (Some(OldBinaries::Unchanged), false) => {
            format!("note: {found}, but the revision to confirm it with is this one: it stays unconfirmed")
        }
        (Some(_), false) => found,
    };
    eprintln!("{note}");
    old.filter(|old| !candidates.is_empty() && !matches!(old, OldBinaries::Unchanged))
}

/// Measures case after case and stores the run after each.
fn measure_all(
    run: &mut Run,
    folder: &RunFolder,
    chosen: &[SelectedCase],
    plan: Plan,
    executor: &mut ChildExecutor<'_>,
) -> Result<()> {
    let path = folder.path.join(RUN_FILE);
    let progress = executor.progress;
    let store = |run: &mut Run, done: usize| {
        // Should xtask itself be killed, the file says what it lacks.
        run.partial =
            (done < chosen.len()).then(|| format!("stopped after {done} of {} cases", chosen.len()));
        write_run(&path, run)
    };
    store(run, 0)?;
    let mut gone = GoneServers::default();
    for (done, case) in chosen.iter().enumerate() {
        if executor.interrupt.is_set() {
            return interrupted(run, &path, done, chosen.len());
        }
        if let Some(record) = gone.without(&case.spec) {
            run.cases.push(record);
            store(run, done + 1)?;
            progress.passed_over();
            continue;
        }
        progress.case(&case.spec.id);
        if case.spec.is(Kind::EmbedsFirst) {
            executor.prepare(&case.spec)?;
        }
        let measured = plan::measure(case, plan, executor)?;
        if measured.interrupted {
            if !measured.record.measurements.is_empty() {
                run.cases.push(measured.record);
            }
            return interrupted(run, &path, done, chosen.len());
        }
        let notes = gone.look_at(&measured.record);
        run.cases.push(measured.record);
        store(run, done + 1)?;
        notes.iter().for_each(|note| progress.say(note));
        // Whoever reads that it is done finds it stored.
        if let Some(record) = run.cases.last() {
            progress.case_done(record);
        }
    }
    Ok(())
}

fn interrupted(run: &mut Run, path: &std::path::Path, done: usize, total: usize) -> Result<()> {
    run.partial = Some(format!("interrupted by Ctrl-C after {done} of {total} cases"));
    write_run(path, run)
}

/// A rule that matches no case of any suite is a mistake in the table.
fn ensure_every_rule_matches(thresholds: &Thresholds, cases: &[CaseSpec]) -> Result<()> {
    let unmatched = thresholds.unmatched(cases);
    ensure!(unmatched.is_empty(), usage(anyhow!("{}", unmatched.join("\n       "))));
    Ok(())
}

/// The cases that this bench does not measure.
fn left_out(cases: &[CaseSpec], chosen: &[SelectedCase]) -> Vec<CaseId> {
    let is_chosen = |id: &CaseId| chosen.iter().any(|chosen| chosen.spec.id == *id);
    cases.iter().map(|spec| &spec.id).filter(|id| !is_chosen(id)).cloned().collect()
}
