//! A plan for people at a terminal.

use bench_core::metric::Unit;
use report::capacity::{CapacityPlan, CapacityRow};
use report::quantity::human;

use crate::term::text_table::{Align, text_table};

/// What stands where there is no number.
const ABSENT: &str = "-";

/// The tables, then the answer.
pub fn of_plan(plan: &CapacityPlan, run: &str) -> String {
    let count = |n: u64| human(n as f64, Unit::Count);
    let sizes = || plan.rows.iter().flat_map(|row| row.points.iter().map(|point| point.n));
    let most_sizes = plan.rows.iter().map(|row| row.points.len()).max().unwrap_or(0);
    let mut text = format!(
        "{}, {} vectors of {} components, forecast from {most_sizes} sizes",
        plan.engine,
        count(plan.index.vectors),
        plan.index.dim
    );
    if let Some((least, most)) = sizes().min().zip(sizes().max()) {
        text.push_str(&format!(" between {} and {}, run {run}", count(least), count(most)));
    }
    text.push_str("\n\n");
    text.push_str(&forecasts(plan));
    text.push_str(&formulas(plan));
    if let Some(answer) = plan.answer() {
        text.push_str(&format!("\n{answer}\n"));
    }
    text
}

/// The quantities; where the size was built, too, with what was counted.
fn forecasts(plan: &CapacityPlan) -> String {
    let mut head = vec!["index", "forecast", "interval", "per vector", "constant", "grows"];
    let is_verified = plan.rows.iter().any(|row| row.counted.is_some());
    if is_verified {
        head.extend(["counted", "error"]);
    }
    let rows: Vec<Vec<String>> = plan
        .rows
        .iter()
        .map(|row| forecast_cells(row).into_iter().chain(counted_cells(row)).take(head.len()).collect())
        .collect();
    let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left];
    text_table(&head, &rows, &align)
}

fn forecast_cells(row: &CapacityRow) -> [String; 6] {
    let bytes = |bytes: f64| human(bytes, Unit::Bytes);
    match &row.forecast {
        Ok(it) => [
            row.what.into(),
            bytes(it.bytes),
            format!("{} to {}", bytes(it.low), bytes(it.high)),
            bytes(it.per_vector),
            bytes(it.constant.max(0.0)),
            it.shape.to_string(),
        ],
        Err(reason) => {
            let absent = || ABSENT.to_string();
            [row.what.into(), absent(), absent(), absent(), absent(), reason.to_string()]
        }
    }
}

fn counted_cells(row: &CapacityRow) -> [String; 2] {
    let error = row.error().map_or(ABSENT.into(), |error| format!("{:+.2} %", 100.0 * error));
    [row.counted.map_or(ABSENT.into(), |bytes| human(bytes, Unit::Bytes)), error]
}

/// The published formulas, the least first.
fn formulas(plan: &CapacityPlan) -> String {
    let rows: Vec<Vec<String>> = plan
        .formulas
        .iter()
        .map(|row| {
            let error = row.error.map_or(ABSENT.into(), |error| format!("{:+.0} %", 100.0 * error));
            vec![row.source.into(), row.text.into(), human(row.bytes, Unit::Bytes), error]
        })
        .collect();
    let (m, bytes) = (plan.index.m, plan.index.component_bytes);
    let table =
        text_table(&["source", "bytes a vector", "says", "error"], &rows, &[Align::Left, Align::Left]);
    format!(
        "\nPublished formulas for a graph of M = {m} and {bytes} bytes a component, against what stays:\n\n{table}"
    )
}
