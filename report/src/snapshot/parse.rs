//! From the text of a snapshot file to its cases, or to an error with its line and column.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use bench_core::case::CaseId;
use bench_core::foreign_text::{quoted, without_byte_order_mark};
use bench_core::metric::Metric;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{SNAPSHOT_SCHEMA, Snapshot, SnapshotCase, SnapshotExclusion, SnapshotNumber, Tolerance, number};
use crate::thresholds::source::TableText;
use crate::values::key::canonical;

/// The key of a case's conditions, beside its metrics.
pub(super) const WITH: &str = "with";

impl Snapshot {
    /// Reads a snapshot file; `path` is how errors name it.
    ///
    /// # Errors
    /// If it is malformed: `path:line:column: reason`.
    pub fn parse(text: &str, path: &str) -> Result<Snapshot> {
        let source = TableText { path, text };
        let file = DeTable::parse(text).map_err(|error| source.toml_error(&error))?;
        let mut snapshot = Snapshot { head: head(text), ..Snapshot::begin(path, "", &[]) };
        let mut has_schema = false;
        for (key, value) in file.get_ref() {
            match key.get_ref().as_ref() {
                "schema" => {
                    check_schema(&source, value)?;
                    has_schema = true;
                }
                "tolerance" => {
                    let text = string(&source, value)?;
                    let tolerance = Tolerance::read(text);
                    snapshot.tolerance = tolerance.map_err(|error| source.error(&value.span(), error))?;
                }
                "selection" => snapshot.selection = strings(&source, value)?,
                "leave_out" => snapshot.leave_out = left_out(&source, value)?,
                "measured_on" => snapshot.measured_on = texts(&source, value)?,
                "case" => snapshot.cases = cases(&source, value)?,
                other => {
                    let known = "schema, tolerance, selection, leave_out, measured_on or case";
                    let message = format!("unknown key {}: expected {known}", quoted(other));
                    return Err(source.error(&key.span(), message));
                }
            }
        }
        ensure!(
            has_schema,
            source.error(&(0..0), format!("no schema: write `schema = {SNAPSHOT_SCHEMA}` at the top"))
        );
        Ok(snapshot)
    }
}

/// The comment at the top: whole lines up to the first that is none, without blank lines at its end.
fn head(text: &str) -> String {
    let text = std::str::from_utf8(without_byte_order_mark(text.as_bytes())).unwrap_or(text);
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let lines: Vec<&str> = text.lines().take_while(is_comment).map(str::trim_end).collect();
    let head = lines.join("\n");
    if head.trim().is_empty() { String::new() } else { head.trim_end().to_string() + "\n" }
}

fn check_schema(source: &TableText, value: &Spanned<DeValue>) -> Result<()> {
    let number = match value.get_ref() {
        DeValue::Integer(integer) => u32::from_str_radix(integer.as_str(), integer.radix()).ok(),
        _ => None,
    };
    let message = match number {
        Some(SNAPSHOT_SCHEMA) => return Ok(()),
        Some(newer) if newer > SNAPSHOT_SCHEMA => {
            format!("schema {newer} is newer than this build knows ({SNAPSHOT_SCHEMA}): update the tool")
        }
        _ => format!("unknown schema: expected {SNAPSHOT_SCHEMA}"),
    };
    Err(source.error(&value.span(), message))
}

fn cases(source: &TableText, value: &Spanned<DeValue>) -> Result<BTreeMap<CaseId, SnapshotCase>> {
    let mut cases = BTreeMap::new();
    for (key, value) in table(source, value)? {
        let id: CaseId = key.get_ref().parse().map_err(|error| source.error(&key.span(), error))?;
        let mut case = SnapshotCase {
            id: id.clone(),
            line: source.line(&key.span()),
            with: BTreeMap::new(),
            numbers: BTreeMap::new(),
        };
        for (key, value) in table(source, value)? {
            match key.get_ref().as_ref() {
                WITH => case.with = texts(source, value)?,
                name => numbers(source, name, &key.span(), value, &mut case)?,
            }
        }
        if cases.insert(canonical(&id), case).is_some() {
            return Err(source.error(&key.span(), format!("the case {id} stands twice")));
        }
    }
    Ok(cases)
}

/// The numbers of a metric, or of all whose ids begin with `id` and a dot.
fn numbers(
    source: &TableText,
    id: &str,
    place: &Range<usize>,
    value: &Spanned<DeValue>,
    case: &mut SnapshotCase,
) -> Result<()> {
    if let DeValue::Table(parts) = value.get_ref() {
        for (key, value) in parts {
            // TOML itself bounds how deep tables lie in each other, and no id is as long as this.
            let id = format!("{id}.{}", key.get_ref());
            ensure!(id.len() < 200, source.error(&key.span(), "no metric has a name as long as this"));
            numbers(source, &id, &key.span(), value, case)?;
        }
        return Ok(());
    }
    let metric = metric(id).map_err(|error| source.error(place, error))?;
    let value_of = number::read(string(source, value)?, metric);
    let read = value_of.map_err(|error| source.error(&value.span(), error))?;
    let number = SnapshotNumber { metric, value: read, line: source.line(place) };
    ensure!(
        case.numbers.insert(metric.id, number).is_none(),
        source.error(place, format!("{id} stands twice"))
    );
    Ok(())
}

fn table<'a, 'i>(source: &TableText, value: &'a Spanned<DeValue<'i>>) -> Result<&'a DeTable<'i>> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(table),
        _ => bail!(source.error(&value.span(), "expected a table")),
    }
}

fn string<'a>(source: &TableText, value: &'a Spanned<DeValue<'_>>) -> Result<&'a str> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => bail!(source.error(&value.span(), "expected a text in quotes, such as \"1,234 B\"")),
    }
}

fn strings(source: &TableText, value: &Spanned<DeValue>) -> Result<Vec<String>> {
    let DeValue::Array(items) = value.get_ref() else {
        bail!(source.error(&value.span(), "expected a list of texts, such as [\"--quick\"]"))
    };
    items.iter().map(|item| string(source, item).map(str::to_string)).collect()
}

/// Patterns of cases, each with a metric behind it or without: `vectors/concurrent native.peak`.
fn left_out(source: &TableText, value: &Spanned<DeValue>) -> Result<Vec<SnapshotExclusion>> {
    let read = |text: &String| {
        let (cases, metric) = match text.trim().split_once(char::is_whitespace) {
            Some((cases, id)) => (cases, Some(metric(id.trim())?)),
            None => (text.trim(), None),
        };
        anyhow::Ok(SnapshotExclusion { cases: cases.parse()?, metric })
    };
    let texts = strings(source, value)?;
    texts.iter().map(|text| read(text).map_err(|error| source.error(&value.span(), error))).collect()
}

fn metric(id: &str) -> Result<&'static Metric> {
    Metric::by_id(id).with_context(|| format!("unknown metric {}", quoted(id)))
}

fn texts(source: &TableText, value: &Spanned<DeValue>) -> Result<BTreeMap<String, String>> {
    let pairs = table(source, value)?.iter();
    pairs.map(|(key, value)| Ok((key.get_ref().to_string(), string(source, value)?.to_string()))).collect()
}
