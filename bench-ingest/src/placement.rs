//! I9: what do saving an index, opening it again and its first answer cost, in memory, mapped, or on disk?

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};
use bench_data::dataset;
use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM, Material};
use bench_engines::{Adapter, Distance, Engine, Neighbour, Placement, Storage};
use tempfile::TempDir;

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let is_inside = |adapter: &&Adapter| adapter.server().is_none() && adapter.program().is_none();
    let engines = || bench_engines::all().filter(is_inside);
    for adapter in engines() {
        let full = Axis::new("storage", [Storage::F32]);
        let quick: &[Placement] = if adapter.name == "usearch" { &[Placement::Mapped] } else { &[] };
        let placements = Axis::new("placement", Placement::ALL).quick(quick);
        let sizes: &[usize] = if has_some(adapter) { &[1000, 10_000] } else { &[1000] };
        let sizes = Axis::new("n", sizes).quick([1000]);
        suite.add(of_corpus(adapter, full, placements, sizes), |case| {
            prepare(case, &material::of_case(CORPUS, case)?)
        });
        if has_some(adapter) {
            let placements = Axis::new("placement", adapter.capabilities.placements).quick([""; 0]);
            let workload = of_corpus(adapter, small(adapter), placements, Axis::new("n", [1000]));
            suite.add(workload, |case| prepare(case, &material::of_case(CORPUS, case)?));
        }
    }
    let Some(dataset) = dataset::of_inputs(suite.inputs())? else { return Ok(()) };
    for adapter in engines().filter(|adapter| has_some(adapter)) {
        let placements = Axis::new("placement", adapter.capabilities.placements);
        let storages = Axis::new("storage", adapter.capabilities.storages);
        let workload =
            of_storages(adapter, storages, placements, &dataset.about(), dataset.distance(), dataset.dim())
                .axis(Axis::new("dataset", [dataset.name()]))
                .axis(material::size_axis(dataset.len()))
                .tag("dataset");
        let dataset = dataset.clone();
        suite.add(workload, move |case| prepare(case, &material::of_dataset(&dataset, case.count("n")?)?));
    }
    Ok(())
}

fn has_some(adapter: &Adapter) -> bool {
    !adapter.capabilities.placements.is_empty()
}

/// The smaller storages that most engines have one of.
fn small(adapter: &Adapter) -> Axis {
    let small = [Storage::I8, Storage::B1].into_iter();
    Axis::new("storage", small.filter(|storage| adapter.capabilities.storages.contains(storage)))
}

fn of_corpus(adapter: &'static Adapter, storages: Axis, placements: Axis, sizes: Axis) -> Workload {
    of_storages(adapter, storages, placements, "n embedded texts", Distance::Cosine, DIM)
        .axis(Axis::new("dataset", [CORPUS.name]))
        .axis(sizes)
}

fn of_storages(
    adapter: &'static Adapter,
    storages: Axis,
    placements: Axis,
    of: &str,
    distance: Distance,
    dim: usize,
) -> Workload {
    let about = format!(
        "an index of {of}, saved, dropped, and opened again: read into memory, mapped, or read through the engine's own \
         cache; its first answer must be that of the index that was saved"
    );
    let named = |other: &Adapter| other.name == adapter.name;
    let workload = indexing::workload_on("placement", &about, distance, dim, named)
        .axis(storages)
        .axis(placements)
        .size_axis("n")
        .absent_in(
            Mode::Time,
            "each repetition would build the index again; the rate while counted stands with the memory",
        );
    let lacking = Placement::ALL.into_iter().filter(|one| !adapter.capabilities.placements.contains(one));
    let workload = lacking.fold(workload, |workload, placement| {
        let reason = adapter.not_placed(placement);
        workload.absent_for("placement", &placement.to_string(), &Mode::ALL, &reason)
    });
    let lacking =
        Storage::ALL.into_iter().filter_map(|storage| Some((storage, adapter.lacks(storage, distance)?)));
    lacking.fold(workload, |workload, (storage, reason)| {
        workload.absent_for("storage", &storage.to_string(), &Mode::ALL, &reason)
    })
}

/// An index that was opened again, and what it found.
struct Reopened {
    index: Box<dyn Engine>,
    /// What the index found for the first query before it was saved, and after it was opened.
    first: [Vec<Neighbour>; 2],
    found: Vec<Vec<Neighbour>>,
    /// Lives as long as the index.
    _folder: TempDir,
}

fn prepare(case: &Case, material: &Material) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let placement: Placement = case.text("placement")?.parse()?;
    let (base, queries) = (Arc::clone(&material.base), Arc::clone(&material.queries));
    let spec = indexing::spec(case, adapter, base.dim(), material.distance)?;
    let pool = indexing::pool(1)?;
    let holder = spec.holder();
    let (oracle, storage, n) = (material.oracle(), spec.storage, base.len());
    let run = move |phases: &mut Phases| {
        let build = || pool.install(|| bench_engines::build(adapter.name, &spec, &base));
        let index = phases.measure("build", build)?;
        indexing::record_figures(phases, &*index);
        let first = queries.row(0);
        let before = index.search(first, material::K)?;
        let folder = tempfile::tempdir().context("make a folder to save the index into")?;
        phases.measure("save", || index.save(folder.path()))?;
        phases.disk_bytes(bench_engines::allocated_bytes(folder.path()).ok());
        drop(index);
        let open = || bench_engines::open(adapter.name, &spec, folder.path(), placement);
        let index = phases.measure(placement.phase(), open)?;
        indexing::record_figures(phases, &*index);
        let after = phases.measure("first_query", || index.search(first, material::K))?;
        phases.items_of("query", 1);
        let found = phases.measure("search", || indexing::search(index.as_ref(), &queries))?;
        phases.items_of("query", queries.len());
        indexing::record_figures(phases, &*index);
        anyhow::Ok(Reopened { index, first: [before, after], found, _folder: folder })
    };
    let check = move |Reopened { index, first: [before, after], found, .. }: Reopened| {
        ensure!(index.len() == n, "{} vectors instead of {n}", index.len());
        ensure!(before == after, "the first answer was {before:?} before it was saved, and is {after:?}");
        match storage {
            Storage::F32 => oracle.judge(&found, adapter),
            _ => oracle.judge_codes(&found, adapter),
        }
    };
    let prepared =
        Prepared::fallible(run, check).items_of("vector", n).payload_bytes(material.payload_bytes());
    Ok(indexing::with_engine(material.record(prepared), adapter, &holder))
}
