//! An index of the corpus with the parameters that the user asked for.

use anyhow::Result;
use bench_core::case::Mode;
use bench_core::harness::{Axis, Suite};
use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM};
use bench_engines::Distance;

use crate::build;

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let Some(grid) = suite.inputs().user.index.clone() else { return Ok(()) };
    let values = |name| grid.axes().find(|(axis, _)| *axis == name).map(|(_, values)| values);
    let dims = values("dim").into_iter().flatten().map(|dim| dim.parse());
    let largest_dim = dims.collect::<Result<Vec<usize>, _>>()?.into_iter().max().unwrap_or(DIM);
    let about = "an index of n embedded texts with the parameters that were asked for, then 100 queries for the 10 nearest";
    let workload = indexing::workload_on("index", about, Distance::Cosine, largest_dim, |_| true);
    // What an engine ignores would be measured for nothing, and read as if it changed nothing.
    let ignored = |adapter: &bench_engines::Adapter| {
        let parameters = grid.axes().map(|(name, _)| name).filter(|name| !["n", "dim"].contains(name));
        parameters.filter(|name| !adapter.heeds(name)).map(str::to_string).next()
    };
    let workload = bench_engines::all().fold(workload, |workload, adapter| match ignored(adapter) {
        Some(name) => {
            let reason = format!("{} has no parameter {name}", adapter.name);
            workload.absent_for("engine", adapter.name, &Mode::ALL, &reason)
        }
        None => workload,
    });
    let workload =
        grid.axes().fold(workload, |workload, (name, values)| workload.axis(Axis::new(name, values)));
    let workload = indexing::untimed_on_servers(workload).size_axis("n");
    let workload = workload.absent_in(Mode::Time, "an index that was asked for is built once for its memory");
    suite.add(workload, |case| build::prepare(case, &material::of_case(CORPUS, case)?));
    Ok(())
}
