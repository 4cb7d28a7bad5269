//! Which number stands for a case's memory: its server's, else that of the whole process, else that of Rust's
//! heap alone.

use bench_core::case::{CaseId, Kind};
use bench_core::metric::{Metric, heap, memory, server};
use bench_core::run::CaseRecord;

use crate::judge::judgement::Judgement;
use crate::report::Report;
use crate::values::Value;

/// One quantity of all that may hold a case's memory, the most telling first.
pub struct Headline {
    /// PSS of the server that the case works with; sampled.
    pub server: Option<&'static Metric>,
    /// Both heaps and the resident mappings of the process, from mode native.
    pub process: &'static Metric,
    /// Rust's heap alone, from mode heap.
    pub heap: &'static Metric,
}

/// The peak.
pub const PEAK: Headline =
    Headline { server: Some(&server::PEAK), process: &memory::PEAK, heap: &heap::PEAK };
/// What the work left behind.
pub const GROWTH: Headline =
    Headline { server: Some(&server::GROWTH), process: &memory::GROWTH, heap: &heap::GROWTH };
/// What is there at the end, over what set-up held. The end of a server's work is told by its growth.
pub const LIVE: Headline = Headline { server: None, process: &memory::LIVE, heap: &heap::LIVE };
/// What there is at the end for each item.
pub const PER_ITEM: Headline = Headline {
    server: Some(&server::BYTES_PER_ITEM),
    process: &memory::PER_ITEM,
    heap: &heap::LIVE_PER_ITEM,
};

impl Headline {
    /// The metrics, the most telling first.
    pub fn metrics(&self) -> impl Iterator<Item = &'static Metric> {
        self.server.into_iter().chain([self.process, self.heap])
    }

    /// The number of a whole case; its metric says whose it is.
    pub fn of<'a>(&self, judgement: &'a Judgement, case: &CaseId) -> Option<&'a Value> {
        self.metrics().find_map(|metric| judgement.value(case, None, metric))
    }
}

/// Whether all memory of the process was counted in any case of the run that is work and runs in it; of a run
/// of servers alone, whether theirs was read. Older runs, and those without mode native, have Rust's heap
/// alone.
pub fn counts_all_memory(report: &Report) -> bool {
    let is_work = |case: &&CaseRecord| !case.spec.is(Kind::Calibration) && !case.measurements.is_empty();
    let work = report.run.cases.iter().filter(is_work);
    let (of_servers, own): (Vec<&CaseRecord>, Vec<&CaseRecord>) =
        work.partition(|case| works_with_a_server(case));
    let has = |cases: &[&CaseRecord], metric: &Metric| {
        let mut values = report.judgement.values.iter().filter(|value| value.metric == metric);
        values.any(|value| cases.iter().any(|case| case.spec.id == value.case))
    };
    has(&own, &memory::LIVE) || own.is_empty() && has(&of_servers, &server::PEAK)
}

/// Whether the case was measured with a server: its heap is then its client's.
pub fn works_with_a_server(case: &CaseRecord) -> bool {
    case.measurements.iter().flat_map(|measurement| measurement.evidence()).any(|it| it.server.is_some())
}
