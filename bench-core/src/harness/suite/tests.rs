//! Tests of the grids, what is absent and why, and scaling down.

use super::*;
use crate::inputs::{ServerAddress, UserInputs};

fn suite() -> Suite {
    let mut suite = Suite::new("vectors", &Inputs::default());
    let workload = Workload::new("concurrent", "test")
        .axis(Axis::new("allocator", ["system", "jemalloc"]).quick(["system"]))
        .axis(Axis::new("n", [100, 1000]).quick([100]).slow([100_000]))
        .size_axis("n");
    suite.add(workload, |case| {
        let n = case.count("n")?;
        Ok(Prepared::new(move |_| n, |_| Ok(())).items(n))
    });
    suite
}

#[test]
fn a_grid_is_the_cross_product_with_its_tags() {
    let cases = suite().cases();
    let lines: Vec<String> =
        cases.iter().map(|case| format!("{} {}", case.id, case.tags.join("+"))).collect();
    assert_eq!(
        lines,
        [
            "vectors/concurrent{allocator=system,n=100} quick",
            "vectors/concurrent{allocator=system,n=1000} ",
            "vectors/concurrent{allocator=system,n=100000} slow",
            "vectors/concurrent{allocator=jemalloc,n=100} ",
            "vectors/concurrent{allocator=jemalloc,n=1000} ",
            "vectors/concurrent{allocator=jemalloc,n=100000} slow",
        ]
    );
    assert_eq!(cases[3].allocator, "jemalloc");
    assert!(cases.iter().all(|case| case.version == Some(1)));
    // dhat, which records call sites where our profiler does not run, has the system's allocator only.
    let has_paths = cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"));
    assert_eq!(cases[3].absent_modes.contains_key(&Mode::Sites), !has_paths);
    assert!(cases[3].absent_modes.contains_key(&Mode::Native));
}

#[test]
fn workloads_of_one_name_are_told_apart_by_their_cases() {
    let mut suite = suite();
    let workload = Workload::new("concurrent", "test").axis(Axis::new("dataset", ["sift"]));
    suite.add(workload, |_| Ok(Prepared::new(|_| (), |_| Ok(())).items(7)));
    let spec = suite.cases().pop().unwrap();
    assert_eq!(spec.id.to_string(), "vectors/concurrent{dataset=sift}");
    assert_eq!(suite.prepare(&spec, 1).unwrap().0.items, Some(7));
}

#[test]
fn an_axis_value_can_be_absent_with_a_reason() {
    let mut suite = Suite::new("ingest", &Inputs::default());
    let workload = Workload::new("update", "test")
        .version(2)
        .axis(Axis::new("engine", ["flat", "hnsw"]))
        .tag_for("engine", "hnsw", "graph")
        .absent_for("engine", "hnsw", &Mode::ALL, "it cannot delete");
    suite.add(workload, |_| Ok(Prepared::new(|_| (), |_| Ok(()))));
    let [flat, hnsw] = suite.cases().try_into().unwrap();
    assert_eq!(flat.version, Some(2));
    assert!(flat.absent_modes.is_empty() && !flat.has_tag("graph") && hnsw.has_tag("graph"));
    assert_eq!(hnsw.absent_modes.len(), Mode::ALL.len());
    assert!(hnsw.absent_modes.values().all(|reason| reason == "it cannot delete"));
}

#[test]
fn a_case_that_needs_a_server_says_how_to_start_one() {
    let cases = |servers: &[&str]| {
        let address = ServerAddress::default();
        let servers = servers.iter().map(|name| (name.to_string(), address.clone())).collect();
        let mut suite = Suite::new("ingest", &UserInputs { servers, ..UserInputs::default() }.into());
        let workload = Workload::new("build", "test")
            .axis(Axis::new("engine", ["flat", "pg"]))
            .needs_server("engine", "pg", "requires_pg", "start one")
            .absent_for("engine", "pg", &[Mode::Time], "too slow");
        suite.add(workload, |_| Ok(Prepared::new(|_| (), |_| Ok(()))));
        suite.cases()
    };
    let (without, with) = (cases(&[]), cases(&["pg"]));
    assert!(without[0].absent_modes.is_empty() && !without[0].has_tag("requires_pg"));
    assert_eq!(without[1].absent_modes.len(), Mode::ALL.len());
    assert!(without[1].absent_modes.values().all(|reason| reason == "start one"));
    assert!(without[1].has_tag("requires_pg") && with[1].has_tag("requires_pg"));
    assert_eq!(with[1].absent_modes.keys().collect::<Vec<_>>(), [&Mode::Native, &Mode::Time]);
    assert_eq!(cases(&["other"])[1].absent_modes.len(), Mode::ALL.len());
}

#[test]
fn scaling_down_divides_the_size_axis_and_says_so() {
    let suite = suite();
    let spec = &suite.cases()[1];
    let (prepared, scaled) = suite.prepare(spec, 10).unwrap();
    assert_eq!(prepared.items, Some(100));
    assert_eq!(scaled, Some(Scaled { axis: "n".into(), from: 1000, to: 100 }));
    assert_eq!(suite.prepare(spec, 1).unwrap().1, None);
}
