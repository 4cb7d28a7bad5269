//! The adapters of engines that are programs of their own.

mod engine;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bench_core::harness::{Ability, EngineProgram, EngineRow, Inputs};
use bench_core::untrusted_json;

use crate::adapter::{Adapter, Capabilities, HeapVisibility};
use crate::distance::Distance;
use crate::program::ExternalEngine;
use crate::storage::Storage;

/// All programs that the process was given.
///
/// # Errors
/// When the list cannot be read, or a command is none.
pub(crate) fn rows(inputs: &Inputs) -> Result<Vec<EngineRow>> {
    let rows = inputs.engine_list.as_deref().map(read_list).transpose()?.unwrap_or_default();
    let programs = inputs.user.engine_programs.iter().map(|EngineProgram { name, command }| {
        let command = shlex::split(command)
            .with_context(|| format!("the command of the engine {name} has an open quote: {command}"))?;
        anyhow::Ok(EngineRow { name: name.clone(), command, ..EngineRow::default() })
    });
    rows.into_iter().map(Ok).chain(programs).collect()
}

fn read_list(path: &Path) -> Result<Vec<EngineRow>> {
    let json = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    untrusted_json::read(&json).with_context(|| format!("understand {}", path.display()))
}

/// The adapter of a program; a process makes each once, and keeps it.
///
/// # Errors
/// When a program without a row does not say what it can do, or it has a distance that nobody knows.
pub(crate) fn adapter(row: EngineRow) -> Result<&'static Adapter> {
    let external = &*Box::leak(Box::new(ExternalEngine::new(row)?));
    let (name, abilities) = (external.name(), external.abilities());
    let distances: Vec<Distance> = abilities
        .distances
        .iter()
        .map(|word| word.parse().with_context(|| format!("the distances of the engine {name}")))
        .collect::<Result<_>>()?;
    ensure!(!distances.is_empty(), "the engine {name} says no distance that it searches by");
    let can = |ability: Ability| abilities.can.contains(&ability);
    let capabilities = Capabilities {
        distances: distances.leak(),
        largest_dim: abilities.largest_dim,
        exact: can(Ability::Exact),
        delete: can(Ability::Delete),
        update: can(Ability::Insert),
        filter: can(Ability::Filter),
        labels: false,
        threads: false,
        // What it keeps is its own choice, and an engine of its own for each.
        storages: &[Storage::F32],
        placements: &[],
        exact_distances: can(Ability::ExactDistances),
    };
    let mut parameters: Vec<&'static str> = Vec::new();
    for parameter in &abilities.parameters {
        let word = serde_json::to_value(parameter).context("the name of a parameter")?;
        parameters.extend(word.as_str().map(|word| &*word.to_string().leak()));
    }
    Ok(&*Box::leak(Box::new(Adapter {
        capabilities,
        parameters: parameters.leak(),
        heap: HeapVisibility::Program(external),
        varies: Some("the program's interpreter allocates beside the engine"),
        ..Adapter::new(name, engine::build)
    })))
}
