//! V1: what does one vector of f32 cost?

use std::hint::black_box;

use anyhow::ensure;
use bench_core::harness::{Axis, Phases, Prepared, Suite, Workload};

pub(crate) fn add(suite: &mut Suite) {
    let workload = Workload::new("single_vector", "one vector of f32")
        .axis(Axis::new("dim", [128, 256, 512, 1024, 2048]).quick([128, 2048]));
    suite.add(workload, |case| {
        let dim = case.count("dim")?;
        let run = move |phases: &mut Phases| phases.measure("allocate", || vec![black_box(1.0f32); dim]);
        let check = move |vector: Vec<f32>| {
            ensure!(vector.len() == dim, "{} components instead of {dim}", vector.len());
            ensure!(vector.iter().all(|&x| x == 1.0), "a component is not 1");
            Ok(())
        };
        Ok(Prepared::new(run, check).items(1).payload_bytes(dim * size_of::<f32>()))
    });
}
