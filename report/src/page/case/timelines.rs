//! The timelines of one case: its own, the baseline's under it, its server's below; and what is said of them.

use anyhow::Result;
use bench_core::evidence::{Evidence, PhaseRecord, ServerFacts, Timeline};
use bench_core::metric::{Metric, Unit, heap, rss};
use serde::Serialize;

use crate::chart::{Chart, server_timeline, timeline};
use crate::quantity::human;
use crate::values::Value;
use crate::values::phase_label;

/// The timelines, where there are any.
#[derive(Default, Serialize)]
pub struct Timelines {
    own: Option<Chart>,
    server: Option<Chart>,
    /// Whether its own shows the live heap.
    heap_drawn: bool,
    /// Whether the baseline's lies under it.
    baseline_drawn: bool,
    note: String,
}

/// What the line of a server's memory over time shows.
fn figure(facts: &ServerFacts) -> &'static str {
    if facts.no_processes.is_none() { "server, PSS of its processes" } else { "server, by its own figure" }
}

/// The timelines of what one repetition saw: `number` of how many. `before`: what the baseline saw.
pub fn timelines(
    index: usize,
    evidence: &Evidence,
    (number, repetitions): (usize, usize),
    values: &[&Value],
    before: Option<&Evidence>,
) -> Result<Timelines> {
    let labels = labels(&evidence.phases);
    let limit = |phase: Option<&str>, metric: &Metric| {
        let value = values.iter().find(|value| value.phase.as_deref() == phase && value.metric == metric)?;
        value.limit.as_ref().map(|limit| limit.value)
    };
    let phase_limits: Vec<Option<f64>> = labels.iter().map(|label| limit(Some(label), &heap::PEAK)).collect();
    let none = Timeline::default();
    let points = evidence.timeline.as_ref().unwrap_or(&none);
    let heap = evidence.foreign_heap.is_none();
    let before = before.filter(|before| before.foreign_heap.is_none() == heap);
    let old_labels = before.map(|before| self::labels(&before.phases)).unwrap_or_default();
    let baseline = before.and_then(|before| {
        Some(timeline::Baseline {
            timeline: before.timeline.as_ref()?,
            phases: &before.phases,
            labels: &old_labels,
        })
    });
    let input = timeline::TimelineInput {
        timeline: points,
        baseline,
        heap,
        phases: &evidence.phases,
        labels: &labels,
        phase_limits: &phase_limits,
        heap_limit: limit(None, &heap::PEAK),
        rss_limit: limit(None, &rss::PEAK),
    };
    let own = timeline::chart(&format!("timeline-{index}"), &input)?;
    let server = match &evidence.server {
        Some(facts) => server_timeline::chart(&format!("server-{index}"), &input, figure(facts))?,
        None => None,
    };
    let interval = human(points.interval_ns as f64, Unit::Nanoseconds);
    let note = match (&own, evidence.timeline.is_some()) {
        (Some(_), _) if heap => format!("Repetition {number} of {repetitions}; a reading every {interval}."),
        (Some(_), _) => format!(
            "Repetition {number} of {repetitions}; a reading every {interval}. Resident memory alone: what Rust's \
             allocator counts would look like the engine's memory, and is not."
        ),
        (None, true) => {
            let all_the_same =
                " The heap's numbers below are exact all the same: they are counted, not sampled.";
            format!(
                "No timeline: the case was over before the sampler, which reads every {interval}, saw two points.{}",
                if heap { all_the_same } else { "" }
            )
        }
        (None, false) => "No timeline was recorded.".into(),
    };
    let baseline_drawn = own.is_some() && timeline::is_under(&input);
    Ok(Timelines { own, server, heap_drawn: heap, baseline_drawn, note })
}

fn labels(phases: &[PhaseRecord]) -> Vec<String> {
    (0..phases.len()).map(|index| phase_label(phases, index)).collect()
}
