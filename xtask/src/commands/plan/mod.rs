//! `cargo xtask plan`: how much memory an index takes that is larger than any that was built.

mod flags;
mod text;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::{CaseId, Mode};
use bench_core::run::Run;
use report::capacity::{CapacityPlan, IndexShape, sizes_for};

use crate::cli::exit_code::{self, usage};
use crate::cli::flags::{
    BaselineFlags, ConfirmFlags, ExportFlags, MeasureFlags, MessageFormat, SelectionFlags, SnapshotFlags,
    SuiteFlags,
};
use crate::commands::bench::flags::BenchFlags;
use crate::commands::bench::{self, BenchedRun};
use crate::commands::compare::today;
use crate::store::results::Results;
use crate::term::output;

pub use flags::{PlanFlags, help};

/// The workload that builds an index with any parameters.
const WORKLOAD: &str = "index";
/// What the formulas take where the user does not say.
const USUAL_M: u64 = 16;
/// What a vector is kept as where the case does not say.
const USUAL_STORAGE: &str = "f32";

/// Bytes of a component as it is stored.
fn component_bytes(storage: &str) -> f64 {
    match storage {
        "b1" => 1.0 / 8.0,
        "i8" => 1.0,
        "f16" | "bf16" => 2.0,
        _ => 4.0,
    }
}

/// The storage, if it is one that a case must name.
fn named_storage(flags: &PlanFlags) -> Option<&str> {
    Some(flags.storage.as_str()).filter(|storage| *storage != USUAL_STORAGE)
}

/// Runs the command.
pub fn run(flags: &PlanFlags) -> Result<u8> {
    let index = IndexShape {
        dim: flags.dim,
        vectors: flags.vectors,
        m: flags.m.unwrap_or(USUAL_M),
        component_bytes: component_bytes(&flags.storage),
    };
    let results = Results::new(&flags.results)?;
    let run = match &flags.run {
        Some(name) => results.side(Some(name))?.run,
        None => {
            let BenchedRun { run, interrupted, .. } = measured(flags)?;
            if interrupted {
                return Ok(exit_code::INTERRUPTED);
            }
            run
        }
    };
    let judgement = report::judge(&run, &results.thresholds()?, &today());
    let cases = run.cases.iter().map(|case| &case.spec.id).filter(|id| is_planned(id, flags));
    let plan = CapacityPlan::of(&judgement, &cases.collect::<Vec<_>>(), &flags.engine, index, flags.up_to);
    ensure_forecast(&plan, &run, flags)?;
    match flags.message_format {
        MessageFormat::Human => output::print(&text::of_plan(&plan, &run.id)),
        MessageFormat::Json => output::print(&format!("{:#}\n", plan.json())),
    }?;
    Ok(exit_code::PASS)
}

/// Whether a case is an index as it is asked for, of any size.
fn is_planned(id: &CaseId, flags: &PlanFlags) -> bool {
    let is = |name: &str, wanted: Option<String>| match (id.param(name), wanted) {
        (given, Some(wanted)) => given == Some(wanted.as_str()),
        (given, None) => given.is_none(),
    };
    let dim = (id.param("dim").is_some() || flags.dim != 384).then(|| flags.dim.to_string());
    let other = ["batch", "reserve", "embedder", "allocator"];
    ["index", "build"].contains(&id.workload.as_str())
        && is("engine", Some(flags.engine.clone()))
        && is("dim", dim)
        && is("m", flags.m.map(|m| m.to_string()))
        && is("ef_construction", flags.ef_construction.map(|ef| ef.to_string()))
        && is("threads", flags.threads.map(|threads| threads.to_string()))
        && is("storage", named_storage(flags).map(str::to_string))
        && other.iter().all(|name| id.param(name).is_none())
}

/// Builds the sizes that the forecast is made from.
fn measured(flags: &PlanFlags) -> Result<BenchedRun> {
    let sizes = sizes_for(flags.vectors, flags.up_to);
    ensure!(
        sizes.len() >= 3,
        usage(anyhow!(
            "three sizes below {} or more are needed for a forecast: an index of so few vectors is built at once, with \
             `cargo xtask bench --index n={}`, and --up-to says how large the built ones may be",
            flags.vectors.min(flags.up_to),
            flags.vectors
        ))
    );
    let verified = flags.verify.then_some(flags.vectors).filter(|n| !sizes.contains(n));
    let sizes: Vec<String> = sizes.iter().copied().chain(verified).map(|n| n.to_string()).collect();
    let parameters = [("m", flags.m), ("ef_construction", flags.ef_construction), ("threads", flags.threads)];
    let given = parameters.into_iter().filter_map(|(name, value)| Some(format!(",{name}={}", value?)));
    let storage = named_storage(flags).map(|storage| format!(",storage={storage}"));
    let given = given.chain(storage).collect::<String>();
    let grid = format!("dim={},n={}{given}", flags.dim, sizes.join("+"));
    let mut suites: SuiteFlags = flags.suites.clone();
    ensure!(
        suites.inputs.index.is_none(),
        usage(anyhow!("--index is for `bench`: plan chooses the sizes itself"))
    );
    suites.inputs.index = Some(grid.parse().context("the indexes that are built")?);
    let flags = BenchFlags {
        selection: SelectionFlags {
            filters: vec![format!("/{WORKLOAD}\\{{")],
            engine: vec![flags.engine.clone()],
            suite: vec!["ingest".into()],
            ..SelectionFlags::default()
        },
        mode: vec![Mode::Native],
        measure: MeasureFlags {
            repetitions: Some(flags.measure.repetitions.unwrap_or(1)),
            ..flags.measure.clone()
        },
        suites,
        baseline: BaselineFlags::default(),
        confirm: ConfirmFlags::default(),
        snapshot: SnapshotFlags::default(),
        export: ExportFlags::default(),
        results: flags.results.clone(),
        message_format: flags.message_format,
    };
    bench::measure(&flags, |cases| {
        let planned = cases.iter().filter(|case| case.spec.id.workload == WORKLOAD);
        let absent = planned.filter_map(|case| case.spec.absent_modes.get(&Mode::Native)).next();
        match absent {
            Some(reason) => Err(usage(anyhow!("{reason}"))),
            None => Ok(()),
        }
    })
}

/// An error where nothing can be forecast, with what is known of the reason.
fn ensure_forecast(plan: &CapacityPlan, run: &Run, flags: &PlanFlags) -> Result<()> {
    let Some(first) = plan.rows.first() else {
        let cases = run.cases.iter().filter(|case| is_planned(&case.spec.id, flags));
        let measurements = cases.flat_map(|case| &case.measurements);
        let reasons: Vec<&str> =
            measurements.flat_map(|it| it.failures()).map(|failure| failure.reason.as_str()).collect();
        return Err(match reasons.first() {
            Some(reason) => anyhow!("nothing was measured of {}: {reason}", flags.engine),
            None => anyhow!(
                "the run {} has no memory of an index by {} with these parameters; `cargo xtask plan` without --run builds some",
                run.id,
                flags.engine
            ),
        });
    };
    if let Err(reason) = &first.forecast {
        return Err(anyhow!("{reason}: {} of {}", first.what, flags.engine));
    }
    Ok(())
}
