//! An index of the corpus with the parameters that the user asked for.

use anyhow::Result;
use bench_core::case::Mode;
use bench_core::harness::{Axis, Suite, Workload};
use bench_core::inputs::IndexGrid;
use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM};
use bench_engines::{Adapter, Distance, Storage};

use crate::build;

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let Some(grid) = suite.inputs().user.index.clone() else { return Ok(()) };
    for adapter in bench_engines::all() {
        let workload = of_engine(adapter, &grid)?;
        suite.add(workload, |case| build::prepare(case, &material::of_case(CORPUS, case)?));
    }
    Ok(())
}

fn of_engine(adapter: &'static Adapter, grid: &IndexGrid) -> Result<Workload> {
    let about = "an index of n embedded texts with the parameters that were asked for, then 100 queries for the 10 nearest";
    let values = |name| grid.axes().filter(move |(axis, _)| *axis == name).flat_map(|(_, values)| values);
    let dims = values("dim").map(|dim| dim.parse()).collect::<Result<Vec<usize>, _>>()?;
    let largest_dim = dims.into_iter().max().unwrap_or(DIM);
    let distance = Distance::Cosine;
    let of_this = |other: &Adapter| other.name == adapter.name;
    let workload = indexing::workload_on("index", about, distance, largest_dim, of_this);
    // What an engine ignores would be measured for nothing, and read as if it changed nothing.
    let mut ignored = grid.build_parameters().filter(|name| !adapter.heeds(name));
    let workload = match ignored.next() {
        Some(name) => {
            let reason = format!("{} has no parameter {name}", adapter.name);
            workload.absent_for("engine", adapter.name, &Mode::ALL, &reason)
        }
        None => workload,
    };
    let mut workload = indexing::untimed_on_servers(workload)
        .absent_in(Mode::Time, "an index that was asked for is built once, for its memory");
    for storage in values("storage") {
        if let Some(reason) = adapter.lacks(storage.parse::<Storage>()?, distance) {
            workload = workload.absent_for("storage", storage, &Mode::ALL, &reason);
        }
    }
    let workload =
        grid.axes().fold(workload, |workload, (name, values)| workload.axis(Axis::new(name, values)));
    Ok(workload.size_axis("n"))
}
