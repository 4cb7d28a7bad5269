//! What was found, for people at a terminal and as JSON.

use bench_core::metric::Unit;
use report::quantity::human;
use serde_json::{Value as Json, json};

use super::search::{CapOutcome, CapStep, cliff, floor};
use crate::term::text_table::{Align, text_table};

fn bytes(bytes: u64) -> String {
    human(bytes as f64, Unit::Bytes)
}

fn cap(step: &CapStep) -> String {
    step.cap_bytes.map_or("none".into(), bytes)
}

fn outcome(step: &CapStep) -> String {
    match &step.outcome {
        CapOutcome::Answered => "ended well".into(),
        CapOutcome::Killed => "killed".into(),
        CapOutcome::TooSlow => "too slow".into(),
        CapOutcome::Failed(reason) => format!("failed: {reason}"),
    }
}

/// One line as soon as a step has ended.
pub fn progress(step: &CapStep) -> String {
    format!("cap {}: {} after {:.1} s", cap(step), outcome(step), step.wall.as_secs_f64())
}

/// The steps by their caps, then the floor in one line.
pub fn of_steps(name: &str, steps: &[CapStep]) -> String {
    let (floor, cliff) = (floor(steps), cliff(steps));
    let mut sorted: Vec<&CapStep> = steps.iter().collect();
    sorted.sort_by_key(|step| std::cmp::Reverse(step.cap_bytes.unwrap_or(u64::MAX)));
    let absent = || "-".to_string();
    let rows: Vec<Vec<String>> = sorted
        .iter()
        .map(|step| {
            let mark = match step.cap_bytes {
                Some(cap) if Some(cap) == floor => "  <- floor",
                Some(cap) if Some(cap) == cliff => "  <- cliff below",
                _ => "",
            };
            vec![
                cap(step),
                outcome(step) + mark,
                format!("{:.1} s", step.wall.as_secs_f64()),
                step.peak_bytes.map_or_else(absent, bytes),
                step.recall.map_or_else(absent, |recall| format!("{recall:.3}")),
                step.queries_per_second.map_or_else(absent, |rate| human(rate, Unit::PerSecond)),
                step.major_faults.map_or_else(absent, |faults| human(faults as f64, Unit::Count)),
                step.read_bytes.map_or_else(absent, bytes),
            ]
        })
        .collect();
    let head = ["cap", "outcome", "time", "held at most", "recall", "queries", "major faults", "read"];
    let mut text = format!("{name}\n\n{}", text_table(&head, &rows, &[Align::Right, Align::Left]));
    text.push_str(&match floor {
        Some(floor) => format!("\n{} is the smallest cap under which it ended well", bytes(floor)),
        None => "\nno cap that was tried was enough".into(),
    });
    let free = steps.iter().find(|step| step.cap_bytes.is_none()).and_then(|step| step.peak_bytes);
    text.push_str(&free.map(|peak| format!("; without a cap it held {}", bytes(peak))).unwrap_or_default());
    if let Some(cliff) = cliff.filter(|cliff| Some(*cliff) != floor) {
        text.push_str(&format!("; below {} it takes more than twice its time", bytes(cliff)));
    }
    text.push('\n');
    text
}

/// The same as JSON: bytes and seconds.
pub fn json(name: &str, steps: &[CapStep]) -> Json {
    let rows = steps.iter().map(|step| {
        json!({
            "cap_bytes": step.cap_bytes,
            "outcome": outcome(step),
            "seconds": step.wall.as_secs_f64(),
            "peak_bytes": step.peak_bytes,
            "recall": step.recall,
            "queries_per_second": step.queries_per_second,
            "major_faults": step.major_faults,
            "read_bytes": step.read_bytes,
        })
    });
    json!({
        "work": name,
        "floor_bytes": floor(steps),
        "cliff_bytes": cliff(steps),
        "steps": rows.collect::<Vec<_>>(),
    })
}
