//! Every engine of this program, ours and the registered ones: found by its name, and built by it.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use bench_core::case::is_word;
use bench_core::harness::Inputs;

use crate::adapter::{Adapter, IndexSpec};
use crate::engine::Engine;
use crate::in_process;
use crate::programs;
#[cfg(any(feature = "pgvector", feature = "qdrant"))]
use crate::servers;
use crate::storage::Placement;
use crate::vectors::Vectors;

/// The engines of this crate that this build has, the control first.
const OURS: &[&Adapter] = &[
    &in_process::flat::ADAPTER,
    #[cfg(feature = "usearch")]
    &in_process::usearch::ADAPTER,
    #[cfg(feature = "hnsw_rs")]
    &in_process::hnsw_rs::ADAPTER,
    #[cfg(feature = "instant-distance")]
    &in_process::instant_distance::ADAPTER,
    #[cfg(feature = "sqlite-vec")]
    &in_process::sqlite_vec::ADAPTER,
    #[cfg(feature = "arroy")]
    &in_process::arroy::ADAPTER,
    #[cfg(feature = "diskann")]
    &in_process::diskann::ADAPTER,
    #[cfg(feature = "hannoy")]
    &in_process::hannoy::ADAPTER,
    #[cfg(feature = "qdrant-edge")]
    &in_process::qdrant_edge::ADAPTER,
    #[cfg(feature = "pgvector")]
    &servers::pgvector::ADAPTER,
    #[cfg(feature = "qdrant")]
    &servers::qdrant::ADAPTER,
];

/// The engines of others; set once, before any suite is made.
static REGISTERED: OnceLock<Vec<&'static Adapter>> = OnceLock::new();

/// The engines that are programs of their own; set once, from what the process was given.
static PROGRAMS: OnceLock<Vec<&'static Adapter>> = OnceLock::new();

/// Adds engines of others: from now on every workload on engines has cases on them, too. To be called once,
/// before a suite is made.
///
/// # Errors
/// When engines were registered before, a name cannot stand in a case's id, or two engines have the same.
pub fn register(adapters: &[&'static Adapter]) -> Result<()> {
    for (index, adapter) in adapters.iter().enumerate() {
        let name = adapter.name;
        ensure!(is_word(name), "the engine's name {name:?}: letters, digits and `_.+-` make one");
        let others = OURS.iter().chain(&adapters[..index]);
        ensure!(others.into_iter().all(|other| other.name != name), "there are two engines {name:?}");
    }
    ensure!(REGISTERED.set(adapters.to_vec()).is_ok(), "engines were registered before");
    Ok(())
}

/// Every engine of this program, the control first, then the registered ones, and last those that are
/// programs of their own.
pub fn all() -> impl Iterator<Item = &'static Adapter> + Clone {
    let registered = REGISTERED.get().into_iter().flatten();
    OURS.iter().chain(registered).chain(PROGRAMS.get().into_iter().flatten()).copied()
}

/// The names of the engines that `suits`, for the axis `engine`.
pub fn names(suits: impl Fn(&Adapter) -> bool) -> Vec<&'static str> {
    all().filter(|adapter| suits(adapter)).map(|adapter| adapter.name).collect()
}

/// The engine called `name`.
///
/// # Errors
/// When there is no such engine in this build.
pub fn find(name: &str) -> Result<&'static Adapter> {
    let found = all().find(|adapter| adapter.name == name);
    found
        .with_context(|| format!("no engine {name:?} in this build; there is {}", names(|_| true).join(", ")))
}

/// Builds an index of `vectors`, whose ids are their row numbers.
///
/// # Errors
/// When there is no such engine in this build, the vectors have another dim than `spec` says, the engine
/// cannot keep such vectors ([`Adapter::cannot`]), or it fails.
pub fn build(name: &str, spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let adapter = find(name)?;
    ensure!(vectors.dim() == spec.dim, "vectors of dim {} for an index of dim {}", vectors.dim(), spec.dim);
    let reason =
        adapter.cannot(spec.distance, spec.dim).or_else(|| adapter.lacks(spec.storage, spec.distance));
    if let Some(reason) = reason {
        bail!("{reason}");
    }
    let index =
        (adapter.build)(spec, vectors).with_context(|| format!("build an index of the engine {name}"))?;
    let (holds, given) = (index.len(), vectors.len());
    ensure!(
        holds == given,
        "the engine {name} says that its index holds {holds} vectors; it was built of {given}"
    );
    Ok(index)
}

/// Opens an index that [`Engine::save`] wrote into a folder.
///
/// # Errors
/// When there is no such engine in this build, it cannot open one so, or a file is missing, damaged, or of
/// another kind of index than `spec` says; the error names it.
pub fn open(name: &str, spec: &IndexSpec, folder: &Path, placement: Placement) -> Result<Box<dyn Engine>> {
    let adapter = find(name)?;
    let has = adapter.capabilities.placements;
    ensure!(has.contains(&placement), "{}", adapter.not_placed(placement));
    let opened = (adapter.open)(spec, folder, placement);
    opened.with_context(|| format!("open the index of the engine {name} in {}", folder.display()))
}

/// Makes the programs known that the process was given, before a suite is made. Refuses a server that the
/// user named for a build without its client.
///
/// # Errors
/// When a server is named and no engine of this build is called so; when a program has the name of another
/// engine, or does not say what it can do.
pub fn meet_inputs(inputs: &Inputs) -> Result<()> {
    if PROGRAMS.get().is_none() {
        let rows = programs::rows(inputs)?;
        for (index, row) in rows.iter().enumerate() {
            let name = &row.name;
            ensure!(is_word(name), "the engine's name {name:?}: letters, digits and `_.+-` make one");
            let mut others = all().map(|other| other.name).chain(rows[..index].iter().map(|it| &*it.name));
            ensure!(others.all(|other| other != name), "there are two engines {name:?}");
        }
        let adapters = rows.into_iter().map(programs::adapter).collect::<Result<_>>()?;
        // A process has one set of inputs: whoever sets it first sets the same.
        let _ = PROGRAMS.set(adapters);
    }

    for name in inputs.user.servers.engines() {
        ensure!(
            find(name).is_ok_and(|adapter| adapter.server().is_some()),
            "this build has no client for --{name}: build it with `cargo xtask bench --features {name} --{name} URL`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bench_core::harness::{ServerAddress, UserInputs};

    use super::*;
    use crate::adapter::pinned_version;

    #[test]
    fn every_engine_has_a_pinned_version_and_a_name_of_its_own() {
        for (i, adapter) in OURS.iter().enumerate() {
            let pinned = adapter.package.map(pinned_version);
            assert_ne!(pinned, Some(None), "{} is not in Cargo.lock", adapter.name);
            assert!(adapter.version().starts_with(|c: char| c.is_ascii_digit()), "{}", adapter.version());
            assert!(OURS[..i].iter().all(|other| other.name != adapter.name), "{} twice", adapter.name);
        }
        assert_eq!(pinned_version("anyhow").map(|version| version.starts_with("1.")), Some(true));
        assert_eq!(pinned_version("no-such-package"), None);
    }

    #[test]
    fn a_server_that_this_build_has_not_says_how_to_build_it() {
        let servers = [("nosuch".to_string(), ServerAddress::default())].into_iter().collect();
        let error = meet_inputs(&UserInputs { servers, ..UserInputs::default() }.into()).unwrap_err();
        assert!(error.to_string().contains("cargo xtask bench --features nosuch --nosuch URL"), "{error}");
        meet_inputs(&Inputs::default()).unwrap();
    }
}
