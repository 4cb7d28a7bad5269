//! What an engine says of itself: its name, what it can do, how its heap can be seen, and how an index of it
//! is built.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::distance::Distance;
use crate::engine::Engine;
use crate::id_set::IdSet;
use crate::program::{ExternalEngine, Program};
use crate::server::{Server, ServerKind};
use crate::storage::{Placement, Storage, in_words};
use crate::vectors::Vectors;

/// One engine, known by its name.
pub struct Adapter {
    /// The engine's name: its value of the axis `engine`.
    pub name: &'static str,
    /// The package that it is built from, as Cargo.lock calls it; none for our own.
    pub package: Option<&'static str>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The parameters of a build that it heeds, by the names of [`IndexSpec`]'s fields; it ignores the
    /// others.
    pub parameters: &'static [&'static str],
    /// Whether a Rust allocator sees its memory.
    pub heap: HeapVisibility,
    /// Why two equal builds on one thread may differ in what they allocate, if they may.
    pub varies: Option<&'static str>,
    /// The least and the greatest product of two vectors' lengths whose cosine it knows: shorter ones it
    /// takes for zero vectors, longer ones overflow.
    pub cosine_of: (f32, f32),
    /// Builds an index of the vectors, whose ids are their row numbers. It runs on the calling thread, or on
    /// the calling thread's rayon pool.
    pub build: fn(&IndexSpec, &Vectors) -> Result<Box<dyn Engine>>,
    /// Opens the index that [`Engine::save`] wrote into a folder, for the same [`IndexSpec`], where one of
    /// [`Capabilities::placements`] says.
    pub open: fn(&IndexSpec, &Path, Placement) -> Result<Box<dyn Engine>>,
}

/// Of an engine that cannot save.
pub(crate) fn no_saved_index(_: &IndexSpec, _: &Path, _: Placement) -> Result<Box<dyn Engine>> {
    bail!("this engine opens no saved index")
}

impl Adapter {
    /// An engine in Rust that only builds and searches, by the squared Euclidean distance and approximately;
    /// state what else holds over these:
    /// `Adapter { package: Some("mine"), ..Adapter::new("mine", build) }`.
    pub const fn new(
        name: &'static str,
        build: fn(&IndexSpec, &Vectors) -> Result<Box<dyn Engine>>,
    ) -> Adapter {
        Adapter {
            name,
            package: None,
            capabilities: Capabilities::searching(&[Distance::L2]),
            parameters: &[],
            heap: HeapVisibility::Rust,
            varies: None,
            cosine_of: (0.0, f32::INFINITY),
            build,
            open: no_saved_index,
        }
    }
}

/// What an engine can do. A case that needs what is missing is absent, with that reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The distances that it can search by.
    pub distances: &'static [Distance],
    /// The most components that its vectors may have, if it has a limit.
    pub largest_dim: Option<usize>,
    /// Finds the exact neighbours, always.
    pub exact: bool,
    /// Removes vectors.
    pub delete: bool,
    /// Takes vectors after the build.
    pub update: bool,
    /// Searches among the vectors that a set of ids allows.
    pub filter: bool,
    /// Searches among the vectors that carry a label, which it has indexed: [`IndexSpec::labelled`].
    pub labels: bool,
    /// Searches on several threads at once; otherwise they wait for each other.
    pub threads: bool,
    /// What it can keep vectors as; f32 is one of them unless it keeps codes only.
    pub storages: &'static [Storage],
    /// Where an index that it saved can lie when it is opened again; none if it cannot save one.
    pub placements: &'static [Placement],
    /// The distances that it states are those of the vectors that it was given. Otherwise they are of what it
    /// stores instead, and its answers are judged by their ids alone.
    pub exact_distances: bool,
}

impl Capabilities {
    /// Of an engine that builds an index and searches it by these distances, and nothing else.
    pub const fn searching(distances: &'static [Distance]) -> Capabilities {
        Capabilities {
            distances,
            largest_dim: None,
            exact: false,
            delete: false,
            update: false,
            filter: false,
            labels: false,
            threads: false,
            storages: &[Storage::F32],
            placements: &[],
            exact_distances: true,
        }
    }
}

/// How an engine's heap can be seen.
#[derive(Clone, Copy)]
pub enum HeapVisibility {
    /// All of it by the Rust allocator.
    Rust,
    /// It allocates behind Rust's back, for this reason: heap counts are absent.
    Foreign(&'static str),
    /// It is a server: the Rust allocator sees its client, and the server's own memory is read beside.
    Server(&'static ServerKind),
    /// It is a program of its own, whose memory is read from outside.
    Program(&'static ExternalEngine),
}

/// Why Rust's heap has nothing of an engine that is a program.
const OF_A_PROGRAM: &str = "the engine is a program of its own: its memory is read from outside";

impl HeapVisibility {
    /// Why the Rust allocator does not see it, if it does not.
    pub fn foreign_reason(self) -> Option<&'static str> {
        match self {
            HeapVisibility::Rust | HeapVisibility::Server(_) => None,
            HeapVisibility::Foreign(reason) => Some(reason),
            HeapVisibility::Program(_) => Some(OF_A_PROGRAM),
        }
    }
}

impl Adapter {
    /// What kind of server it is, if it is one.
    pub fn server(&self) -> Option<&'static ServerKind> {
        match self.heap {
            HeapVisibility::Server(kind) => Some(kind),
            HeapVisibility::Rust | HeapVisibility::Foreign(_) | HeapVisibility::Program(_) => None,
        }
    }

    /// The program that it is, if it is one.
    pub fn program(&self) -> Option<&'static ExternalEngine> {
        match self.heap {
            HeapVisibility::Program(kind) => Some(kind),
            HeapVisibility::Rust | HeapVisibility::Foreign(_) | HeapVisibility::Server(_) => None,
        }
    }

    /// Why it cannot keep vectors of so many components and search them by this distance, if it cannot.
    pub fn cannot(&self, distance: Distance, dim: usize) -> Option<String> {
        let Capabilities { distances, largest_dim, .. } = self.capabilities;
        if !distances.contains(&distance) {
            let has: Vec<String> = distances.iter().map(Distance::to_string).collect();
            return Some(format!("{} has no distance {distance}, only {}", self.name, has.join(" and ")));
        }
        let largest = largest_dim.filter(|largest| dim > *largest)?;
        Some(format!("{} indexes vectors of dim {largest} at the most, these have {dim}", self.name))
    }

    /// Why it cannot keep vectors as this and search them by this distance, if it cannot.
    pub fn lacks(&self, storage: Storage, distance: Distance) -> Option<String> {
        let has = self.capabilities.storages;
        if !has.contains(&storage) {
            return Some(format!("{} keeps no {storage}, only {}", self.name, in_words(has)));
        }
        let needs_cosine = storage.keeps_direction_only() && distance != Distance::Cosine;
        needs_cosine.then(|| format!("{storage} keeps where a vector points and not how long it is: it has no {distance}, only cosine"))
    }

    /// Why a saved index of it cannot lie there.
    pub fn not_placed(&self, placement: Placement) -> String {
        match self.capabilities.placements {
            [] => format!("the adapter of {} saves no index", self.name),
            has => format!("a saved index of {} is never {placement}, only {}", self.name, in_words(has)),
        }
    }

    /// Whether a build heeds the parameter: a field of [`IndexSpec`].
    pub fn heeds(&self, parameter: &str) -> bool {
        self.parameters.contains(&parameter)
    }

    /// The version that Cargo.lock pins: of the package, or of this crate for our own engine. `unknown` where
    /// the lock does not have the package.
    pub fn version(&self) -> &'static str {
        match self.package {
            Some(package) => pinned_version(package).unwrap_or("unknown"),
            None => env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The lock that this build was made with (`build.rs`): the only place that knows a dependency's version.
const LOCK: &str = include_str!(concat!(env!("OUT_DIR"), "/versions.lock"));

/// The version of a package that Cargo.lock pins, if it is a dependency.
pub fn pinned_version(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"\nversion = \"");
    let version = &LOCK[LOCK.find(&name)? + name.len()..];
    version.split('"').next()
}

/// What an index is built for, and how. Engines without a graph ignore what they do not have.
#[derive(Clone)]
pub struct IndexSpec {
    /// Components of each vector.
    pub dim: usize,
    /// How near two vectors are.
    pub distance: Distance,
    /// Links of a node in the graph.
    pub m: usize,
    /// Candidates looked at while a node is linked.
    pub ef_construction: usize,
    /// Candidates looked at while searching; in arroy, candidates per tree.
    pub ef: usize,
    /// What a vector is kept as.
    pub storage: Storage,
    /// How many vectors to reserve room for, where the engine can; 0 to let it grow.
    pub reserve: usize,
    /// How many vectors an insertion takes at once.
    pub batch: usize,
    /// Threads that will insert or search at once: some engines keep a context for each.
    pub threads: usize,
    /// The ids that carry a label, where an engine can index it ([`Capabilities::labels`]): a search among
    /// exactly these goes by the label.
    pub labelled: Option<Arc<IdSet>>,
    /// The server that holds the index, where the engine is one.
    pub server: Option<Arc<Server>>,
    /// The program that holds the index, where the engine is one.
    pub program: Option<Arc<Program>>,
}

/// Who holds an index that is not in this process.
#[derive(Clone, Default)]
pub struct Holder {
    /// A server.
    pub server: Option<Arc<Server>>,
    /// A program of its own.
    pub program: Option<Arc<Program>>,
}

impl IndexSpec {
    /// The engines' usual parameters: M 16, ef_construction 128, ef 64, f32, no reserve, 1000 vectors at a
    /// time, one thread.
    pub fn new(dim: usize, distance: Distance) -> IndexSpec {
        IndexSpec {
            dim,
            distance,
            m: 16,
            ef_construction: 128,
            ef: 64,
            storage: Storage::F32,
            reserve: 0,
            batch: 1000,
            threads: 1,
            labelled: None,
            server: None,
            program: None,
        }
    }

    /// Who holds the index.
    pub fn holder(&self) -> Holder {
        Holder { server: self.server.clone(), program: self.program.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::find;

    #[test]
    fn what_an_engine_cannot_keep_is_known_before_it_is_built() {
        let capabilities = Capabilities {
            distances: &[Distance::L2, Distance::Cosine],
            largest_dim: Some(100),
            ..Capabilities::searching(&[])
        };
        let flat = find("flat").unwrap();
        let adapter = Adapter { capabilities, ..Adapter::new("narrow", flat.build) };
        assert_eq!(adapter.cannot(Distance::L2, 100), None);
        let reason = adapter.cannot(Distance::InnerProduct, 100).unwrap();
        assert_eq!(reason, "narrow has no distance ip, only l2 and cosine");
        let reason = adapter.cannot(Distance::Cosine, 101).unwrap();
        assert_eq!(reason, "narrow indexes vectors of dim 100 at the most, these have 101");
    }
}
