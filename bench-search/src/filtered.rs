//! S3: what does a search cost that may find only a share of the vectors?

use std::sync::Arc;

use anyhow::{Result, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite};
use bench_data::indexing::{self, Built};
use bench_data::material::{self, CORPUS, DIM, K, Material};
use bench_engines::{Adapter, Holder, IdSet, Neighbour, Oracle};

pub(crate) fn add(suite: &mut Suite) {
    let about = "100 queries for the 10 nearest among those of n embedded texts whose ids a filter allows: 1, 10 or 50 \
                 per cent of them, evenly spread";
    let filtered = |suits: fn(&Adapter) -> bool| {
        indexing::workload("filtered", about, suits)
            .axis(Axis::new("dataset", [CORPUS.name]))
            .axis(Axis::new("n", [3000]).slow([10_000]))
            .axis(Axis::new("percent", [1, 10, 50]).quick::<usize>([]))
            .size_axis("n")
    };
    let by = filtered(|adapter| adapter.capabilities.labels).axis(Axis::new("by", [LABEL, IDS]));
    suite.add(by.version(2), prepare);
    let workload = filtered(|adapter| !adapter.capabilities.labels);
    let cannot_filter = bench_engines::names(|adapter| !adapter.capabilities.filter);
    let workload = cannot_filter.into_iter().fold(workload, |workload, name| {
        workload.absent_for("engine", name, &Mode::ALL, "the engine cannot search under a filter")
    });
    suite.add(workload, prepare);
}

/// How an engine is asked that can index a label: by it, as its users do, or by the ids.
const LABEL: &str = "label";
const IDS: &str = "ids";

/// What a search under a filter needs.
pub(crate) struct FilteredSearch {
    /// The index.
    pub built: Built,
    /// The ids that the filter allows.
    pub allowed: IdSet,
    /// Knows the right answers.
    pub oracle: Oracle,
    /// Who holds the index, if this process does not.
    pub holder: Holder,
}

/// The index of a case, searched among `percent` of its ids.
pub(crate) fn set_up(case: &Case, percent: usize) -> Result<(&'static Adapter, Material, FilteredSearch)> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let material = material::of_texts(CORPUS, case.inputs(), case.count("n")?, DIM)?;
    let allowed = evenly(material.base.len(), percent)?;
    let mut spec = indexing::spec(case, adapter, material.base.dim(), material.distance)?;
    let by_label = case.text("by").unwrap_or(LABEL) == LABEL;
    spec.labelled = (adapter.capabilities.labels && by_label).then(|| Arc::new(allowed.clone()));
    indexing::stage(&spec.holder(), [&material.queries])?;
    let built = indexing::build(adapter, &spec, &material.base)?;
    let (base, queries) = (Arc::clone(&material.base), Arc::clone(&material.queries));
    let oracle = Oracle::among(base, queries, K, material.distance, allowed.clone());
    Ok((adapter, material, FilteredSearch { built, allowed, oracle, holder: spec.holder() }))
}

fn prepare(case: &Case) -> Result<Prepared> {
    let (adapter, material, search) = set_up(case, case.count("percent")?)?;
    let FilteredSearch { built, allowed, oracle, holder } = search;
    let queries = Arc::clone(&material.queries);
    let (items, payload) = (queries.len(), size_of_val(queries.data()));
    let run = move |phases: &mut Phases| {
        let found = phases.measure("search", || {
            let search = |query| built.index().search_filtered(queries.row(query), K, &allowed);
            (0..queries.len()).map(search).collect::<Result<Vec<_>>>()
        });
        indexing::record_figures(phases, built.index());
        found
    };
    let check = move |found: Vec<Vec<Neighbour>>| oracle.judge(&found, adapter);
    let prepared = Prepared::fallible(run, check).items_of("query", items).payload_bytes(payload);
    Ok(indexing::with_engine(material.record(prepared), adapter, &holder))
}

/// `percent` of the ids below `n`, at equal distances.
fn evenly(n: usize, percent: usize) -> Result<IdSet> {
    ensure!((1..=100).contains(&percent), "a filter allows 1 to 100 per cent, not {percent}");
    Ok((0..n as u64).filter(|id| id * percent as u64 % 100 < percent as u64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_allows_its_share_of_the_ids() {
        for (percent, allowed) in [(1, 30), (10, 300), (50, 1500), (100, 3000)] {
            assert_eq!(evenly(3000, percent).unwrap().len(), allowed);
        }
        assert_eq!(evenly(10, 50).unwrap().iter().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert!(evenly(10, 0).is_err() && evenly(10, 101).is_err());
    }
}
