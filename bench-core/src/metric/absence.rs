//! Why a row of the METRICS table has no value, in a few words.

use super::arithmetic::DELETE;
use crate::evidence::{Evidence, PhaseRecord};
use crate::leak::{MEASURED, WARM_UP};

/// Nothing is known but that it is not there.
pub(super) fn unreadable(_: &Evidence, _: &PhaseRecord) -> String {
    "it could not be read here".into()
}

/// Of all memory, which only some systems let us count.
pub(super) fn no_mappings(_: &Evidence, _: &PhaseRecord) -> String {
    "mappings are counted on 64-bit Linux with glibc, where /proc/self/pagemap can be read".into()
}

pub(super) fn unsampled(evidence: &Evidence, record: &PhaseRecord) -> String {
    match record.sampled {
        None => "too short for two points of the sampler".into(),
        Some(_) => unreadable(evidence, record),
    }
}

pub(super) fn no_items(evidence: &Evidence, record: &PhaseRecord) -> String {
    match record.items {
        None => "the workload states no number of items".into(),
        Some(_) => unreadable(evidence, record),
    }
}

pub(super) fn no_payload(evidence: &Evidence, record: &PhaseRecord) -> String {
    match record.payload_bytes {
        None => "the workload states no payload".into(),
        Some(_) => unreadable(evidence, record),
    }
}

pub(super) fn nothing_stays(_: &Evidence, _: &PhaseRecord) -> String {
    "nothing stays at the end".into()
}

pub(super) fn little_live(_: &Evidence, _: &PhaseRecord) -> String {
    "below 1 MiB live, or unreadable here".into()
}

pub(super) fn silent_allocator(_: &Evidence, _: &PhaseRecord) -> String {
    "the allocator does not say".into()
}

pub(super) fn silent_engine(_: &Evidence, _: &PhaseRecord) -> String {
    "the engine does not say".into()
}

pub(super) fn no_files(_: &Evidence, _: &PhaseRecord) -> String {
    "the engine keeps no files here, or does not say how large they are".into()
}

pub(super) fn no_recall(evidence: &Evidence, _: &PhaseRecord) -> String {
    evidence.unjudged.clone().unwrap_or("the case's check tells no recall".into())
}

pub(super) fn no_exhaustive_search(_: &Evidence, _: &PhaseRecord) -> String {
    "the case compares no query with every stored code".into()
}

pub(super) fn no_deletion(evidence: &Evidence, record: &PhaseRecord) -> String {
    if record.name == DELETE {
        return unreadable(evidence, record);
    }
    format!("only a phase called {DELETE} has it: name that phase in the rule")
}

pub(super) fn too_few_iterations(_: &Evidence, _: &PhaseRecord) -> String {
    format!("only a loop of at least {} iterations has it", WARM_UP + MEASURED)
}

/// Of the server's processes, as the kernel sees them.
pub(super) fn no_processes(evidence: &Evidence, record: &PhaseRecord) -> String {
    let Some(server) = &evidence.server else { return NO_SERVER.into() };
    server.no_processes.clone().unwrap_or_else(|| no_items(evidence, record))
}

/// Of what the server says of itself.
pub(super) fn no_figures(evidence: &Evidence, record: &PhaseRecord) -> String {
    let Some(server) = &evidence.server else { return NO_SERVER.into() };
    server.no_figures.clone().unwrap_or_else(|| no_items(evidence, record))
}

const NO_SERVER: &str = "the case works with no server";
