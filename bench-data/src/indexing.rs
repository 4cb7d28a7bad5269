//! What the workloads on an index share: its parameters, a pool that builds it, a search, and the facts about
//! the engine.

use std::sync::Arc;

use anyhow::{Context, Result};
use bench_core::case::{Kind, Mode};
use bench_core::harness::{Case, Phases, Prepared, Workload};
use bench_engines::{
    Adapter, Distance, Engine, HeapVisibility, Holder, IndexSpec, Neighbour, Program, Vectors,
};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::material::{DIM, K};

/// An index, and what it found for each query.
pub type Searched = (Box<dyn Engine>, Vec<Vec<Neighbour>>);

/// A workload on these engines, on vectors of the corpus: what every one of them allows is known.
pub fn workload(name: &'static str, about: &str, suits: impl Fn(&Adapter) -> bool) -> Workload {
    workload_on(name, about, Distance::Cosine, DIM, suits)
}

/// As [`workload`], on vectors of `dim` components that are compared by `distance`: an engine that cannot
/// keep such vectors is listed with the reason.
pub fn workload_on(
    name: &'static str,
    about: &str,
    distance: Distance,
    dim: usize,
    suits: impl Fn(&Adapter) -> bool,
) -> Workload {
    let axis = bench_core::harness::Axis::new("engine", bench_engines::names(suits));
    let workload = Workload::new(name, about).axis(axis);
    let unable = |adapter: &'static Adapter| Some((adapter.name, adapter.cannot(distance, dim)?));
    let workload = bench_engines::all()
        .filter_map(unable)
        .fold(workload, |workload, (name, reason)| workload.absent_for("engine", name, &Mode::ALL, &reason));
    bench_engines::all().fold(workload, |workload, adapter| match adapter.heap {
        // dhat sees what the Rust allocator sees.
        HeapVisibility::Foreign(reason) => workload
            .absent_for("engine", adapter.name, &[Mode::Sites], reason)
            .kind_for("engine", adapter.name, Kind::ForeignHeap),
        HeapVisibility::Server(kind) => {
            workload.needs_server("engine", adapter.name, kind.tag, kind.how_to_start)
        }
        HeapVisibility::Program(program) => {
            let reason = adapter.heap.foreign_reason().unwrap_or_default();
            let workload = workload
                .absent_for("engine", adapter.name, &[Mode::Sites], reason)
                .kind_for("engine", adapter.name, Kind::ForeignHeap)
                .kind_for("engine", adapter.name, Kind::Program);
            match program.unavailable() {
                Some(reason) => workload.absent_for("engine", adapter.name, &Mode::ALL, reason),
                None => workload,
            }
        }
        HeapVisibility::Rust => workload,
    })
}

/// Leaves out criterion's repetitions of a build where a server builds: the time is mostly the server's.
pub fn untimed_on_servers(workload: Workload) -> Workload {
    let servers = bench_engines::names(|adapter| adapter.server().is_some());
    servers.into_iter().fold(workload, |workload, name| {
        let reason = "a server's build takes too long for criterion's repetitions; its rate while counted stands with the memory";
        workload.absent_for("engine", name, &[Mode::Time], reason)
    })
}

/// Why a loop is not run on a program.
pub const LOOPS: &str =
    "a loop reads what is live after each iteration, which of a program is read between phases only";

/// Leaves out the programs, for this reason.
pub fn not_on_programs(workload: Workload, reason: &str) -> Workload {
    let programs = bench_engines::names(|adapter| adapter.program().is_some());
    programs
        .into_iter()
        .fold(workload, |workload, name| workload.absent_for("engine", name, &Mode::ALL, reason))
}

/// Records for the last phase what the engine says of itself: its memory, and its files on the disk.
pub fn record_figures(phases: &mut Phases, engine: &dyn Engine) {
    // A server is asked over its connection, which is no work of the other modes.
    if phases.records_figures() {
        phases.engine_bytes(engine.memory_bytes());
    }
    if phases.records_disk_bytes() {
        phases.disk_bytes(engine.disk_bytes());
    }
}

/// The parameters of a case's index; what the case does not say is as [`IndexSpec::new`] has it. A server is
/// met here, and a program started, before any phase.
///
/// # Errors
/// When a parameter is no count, the server does not answer, or the program does not start.
pub fn spec(case: &Case, adapter: &Adapter, dim: usize, distance: Distance) -> Result<IndexSpec> {
    let mut spec = IndexSpec::new(dim, distance);
    if let Some((kind, address)) = adapter.server().zip(case.inputs().user.servers.get(adapter.name)) {
        spec.server = Some(Arc::new(kind.meet(address)?));
    }
    for (name, place) in [
        ("m", &mut spec.m),
        ("ef_construction", &mut spec.ef_construction),
        ("ef", &mut spec.ef),
        ("batch", &mut spec.batch),
        ("threads", &mut spec.threads),
    ] {
        if let Some(value) = case.optional_count(name)? {
            *place = value;
        }
    }
    if let Some(program) = adapter.program() {
        spec.program = Some(program.start(spec.threads)?);
    }
    if let Ok(storage) = case.text("storage") {
        spec.storage = storage.parse()?;
    }
    Ok(spec)
}

/// Has the program that holds the index read these vectors before any phase; for other engines nothing is to
/// be done.
///
/// # Errors
/// When the program cannot read them.
pub fn stage<'a>(holder: &Holder, vectors: impl IntoIterator<Item = &'a Arc<Vectors>>) -> Result<()> {
    let Some(program) = &holder.program else { return Ok(()) };
    vectors.into_iter().try_for_each(|vectors| program.stage(vectors))
}

/// A pool whose threads have all run once, so that no phase pays for them. An engine that builds on a pool of
/// one thread builds the same index every time.
///
/// # Errors
/// When the threads cannot be started.
pub fn pool(threads: usize) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.with_context(|| format!("start a rayon pool of {threads} threads"))?;
    pool.broadcast(|_| ());
    Ok(pool)
}

/// An index that is there before the first phase.
pub struct Built {
    /// Not to be had alone: a closure that takes a field leaves the others behind, and the pool would end.
    index: Box<dyn Engine>,
    /// Lives as long as the index: its thread would come to its end within a phase.
    _pool: ThreadPool,
}

impl Built {
    /// The index.
    pub fn index(&self) -> &dyn Engine {
        self.index.as_ref()
    }
}

/// Builds an index on a thread of its own.
///
/// # Errors
/// When the thread cannot be started, or the engine fails.
pub fn build(adapter: &Adapter, spec: &IndexSpec, base: &Vectors) -> Result<Built> {
    let pool = pool(1)?;
    let index = pool.install(|| bench_engines::build(adapter.name, spec, base))?;
    Ok(Built { index, _pool: pool })
}

/// Searches for each query on this thread.
///
/// # Errors
/// When the engine fails.
pub fn search(index: &dyn Engine, queries: &Vectors) -> Result<Vec<Vec<Neighbour>>> {
    (0..queries.len()).map(|query| index.search(queries.row(query), K)).collect()
}

/// Says which engine runs, in which version, whether its heap can be seen, and which server or program to
/// watch.
pub fn with_engine(prepared: Prepared, adapter: &Adapter, holder: &Holder) -> Prepared {
    let prepared = match &holder.server {
        Some(server) => {
            prepared.input("server", &server.watched.version).server(Some(server.watched.clone()))
        }
        None => prepared,
    };
    let version = holder.program.as_ref().map_or(adapter.version(), |program| program.version());
    prepared
        .program(holder.program.as_ref().map(Program::watched))
        .input("engine", format!("{} {version}", adapter.name))
        .foreign_heap(adapter.heap.foreign_reason())
        .varies(adapter.varies)
}
