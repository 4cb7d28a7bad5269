//! An index in a program, as workloads see it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use crate::adapter::IndexSpec;
use crate::block::{ensure_block, ensure_query};
use crate::disk;
use crate::engine::{Engine, Neighbour};
use crate::id_set::IdSet;
use crate::program::protocol::{Done, Figures, Holds, NearestRows, Request};
use crate::program::{Conversation, Program};
use crate::vectors::Vectors;

struct ProgramIndex {
    program: Arc<Program>,
    dim: usize,
    len: usize,
}

/// Has the program build an index, in place of the one that it held.
pub(super) fn build(spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let program = spec.program.clone().context("the engine is a program, and the workload starts none")?;
    let len = {
        let mut conversation = program.conversation();
        let rows = conversation.rows(spec.dim, vectors.data())?;
        let request = Request::Build {
            block: rows.block,
            from: rows.from,
            count: vectors.len(),
            dim: spec.dim,
            distance: spec.distance.to_string(),
            m: spec.m,
            ef_construction: spec.ef_construction,
            ef: spec.ef,
            reserve: spec.reserve,
            batch: spec.batch,
            threads: spec.threads,
        };
        let Holds { count } = conversation.ask(&request)?;
        conversation.end_use(&rows)?;
        count
    };
    Ok(Box::new(ProgramIndex { program, dim: spec.dim, len }))
}

impl ProgramIndex {
    fn search_among(&self, query: &[f32], k: usize, allowed: Option<Vec<u64>>) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let mut conversation = self.program.conversation();
        let rows = conversation.rows(self.dim, query)?;
        let request = Request::Search { block: rows.block, row: rows.from, k, allowed };
        let NearestRows { ids, distances } = conversation.ask(&request)?;
        conversation.end_use(&rows)?;
        let (found, stated) = (ids.len(), distances.len());
        ensure!(found == stated, "the program found {found} ids with {stated} distances");
        ensure!(found <= k, "the program found {found} vectors; it was asked for {k}");
        let mut neighbours: Vec<Neighbour> =
            ids.into_iter().zip(distances).map(|(id, distance)| Neighbour { id, distance }).collect();
        neighbours.sort_by(Neighbour::nearer_first);
        Ok(neighbours)
    }

    fn ask_to_change(&mut self, by: i64, ask: impl FnOnce(&mut Conversation) -> Result<Holds>) -> Result<()> {
        let due = self.len.saturating_add_signed(by as isize);
        let Holds { count } = ask(&mut self.program.conversation())?;
        self.len = count;
        ensure!(count == due, "the program's index holds {count} vectors after the change instead of {due}");
        Ok(())
    }
}

/// What the index takes once it is saved.
fn saved_bytes(conversation: &mut Conversation) -> Result<u64> {
    let folder = tempfile::tempdir().context("make a folder for the saved index")?;
    conversation.ask::<Done>(&Request::Save { folder: folder.path() })?;
    disk::allocated_bytes(folder.path()).context("look at the saved index")
}

impl Drop for ProgramIndex {
    fn drop(&mut self) {
        // A program that has ended holds no index, either.
        let _ = self.program.conversation().ask::<Done>(&Request::Drop);
    }
}

impl Engine for ProgramIndex {
    fn len(&self) -> usize {
        self.len
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.search_among(query, k, None)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        self.search_among(query, k, Some(allowed.iter().collect()))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        let dim = self.dim;
        ensure_block(ids, vectors, dim)?;
        self.ask_to_change(ids.len() as i64, |conversation| {
            let rows = conversation.rows(dim, vectors)?;
            let (block, from) = (rows.block, rows.from);
            let holds = conversation.ask(&Request::Insert { block, from, count: ids.len(), ids })?;
            conversation.end_use(&rows)?;
            Ok(holds)
        })
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        self.ask_to_change(-(ids.len() as i64), |conversation| conversation.ask(&Request::Delete { ids }))
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.program.conversation().ask::<Figures>(&Request::Figures).ok()?.memory_bytes
    }

    /// Of the files that the program works on; of one without such files, those of the index as it saves it.
    fn disk_bytes(&self) -> Option<u64> {
        let mut conversation = self.program.conversation();
        let figures: Figures = conversation.ask(&Request::Figures).ok()?;
        match figures.disk_bytes {
            Some(bytes) => Some(bytes),
            None if self.program.saves => saved_bytes(&mut conversation).ok(),
            None => None,
        }
    }
}
