//! Engines: what keeps vectors and finds the nearest ones, behind one small trait.
//!
//! An engine is one adapter file ([`Engine`], and an [`Adapter`] that says what it can do), one cargo
//! feature, and one line in the catalog; engines of others are registered ([`register`]). `flat` is ours: the
//! control that every other engine is compared with. The oracle that judges answers, [`exact_neighbours`],
//! shares no code with it.

mod adapter;
mod block;
mod catalog;
mod disk;
mod distance;
mod engine;
mod exact;
mod foreign_storage;
mod id_set;
mod in_process;
mod program;
mod programs;
mod server;
#[cfg(any(feature = "pgvector", feature = "qdrant"))]
mod servers;
mod storage;
mod vectors;

pub use adapter::{Adapter, Capabilities, HeapVisibility, Holder, IndexSpec, pinned_version};
pub use catalog::{all, build, find, meet_inputs, names, open, register};
pub use disk::allocated_bytes;
pub use distance::Distance;
pub use engine::{Client, Engine, Neighbour};
pub use exact::named::named_neighbours;
pub use exact::oracle::{Oracle, exact_neighbours};
pub use id_set::IdSet;
pub use in_process::flat::Flat;
pub use program::{ExternalEngine, Program};
pub use server::{Server, ServerKind};
pub use storage::{Placement, Storage};
pub use vectors::Vectors;
