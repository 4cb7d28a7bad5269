//! A plan for people at a terminal.

use bench_core::metric::Unit;
use report::capacity::CapacityPlan;
use report::quantity::human;

use crate::term::text_table::{Align, text_table};

/// The tables, then the answer.
pub fn of_plan(plan: &CapacityPlan, run: &str) -> String {
    let bytes = |bytes: f64| human(bytes, Unit::Bytes);
    let index = &plan.index;
    let sizes: Vec<u64> = plan.rows.iter().flat_map(|row| row.points.iter().map(|point| point.n)).collect();
    let between = sizes.iter().min().zip(sizes.iter().max());
    let mut text = format!(
        "{}, {} vectors of {} components, forecast from {} sizes",
        plan.engine,
        human(index.vectors as f64, Unit::Count),
        index.dim,
        plan.rows.iter().map(|row| row.points.len()).max().unwrap_or(0)
    );
    if let Some((least, most)) = between {
        let count = |n: u64| human(n as f64, Unit::Count);
        text.push_str(&format!(" between {} and {}, run {run}", count(*least), count(*most)));
    }
    text.push_str("\n\n");
    let rows: Vec<Vec<String>> = plan
        .rows
        .iter()
        .map(|row| match &row.forecast {
            Ok(it) => vec![
                row.what.into(),
                bytes(it.bytes),
                format!("{} to {}", bytes(it.low), bytes(it.high)),
                human(it.per_vector, Unit::Bytes),
                bytes(it.constant.max(0.0)),
                it.shape.to_string(),
            ],
            Err(reason) => {
                let none = String::from("-");
                vec![row.what.into(), none.clone(), none.clone(), none.clone(), none, reason.to_string()]
            }
        })
        .collect();
    let head = ["index", "forecast", "interval", "per vector", "constant", "grows"];
    let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left];
    text.push_str(&text_table(&head, &rows, &align));
    text.push_str(&format!(
        "\nPublished formulas for a graph of M = {} and 4 bytes a component, against what stays:\n\n",
        index.m
    ));
    let rows: Vec<Vec<String>> = plan
        .formulas
        .iter()
        .map(|row| {
            let error = row.error.map_or("-".into(), |error| format!("{:+.0} %", 100.0 * error));
            vec![row.source.into(), row.text.into(), bytes(row.bytes), error]
        })
        .collect();
    text.push_str(&text_table(
        &["source", "bytes a vector", "says", "error"],
        &rows,
        &[Align::Left, Align::Left],
    ));
    if let Some(answer) = plan.answer() {
        text.push_str(&format!("\n{answer}\n"));
    }
    text
}
