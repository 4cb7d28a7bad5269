//! The answer to how much memory to buy: forecasts of a run's cases, formulas beside them, and one line.

use bench_core::case::CaseId;
use bench_core::metric::{Metric, Unit, engine, memory};
use serde_json::{Value as Json, json};

use super::forecast::{Forecast, NoForecast, SizePoint, forecast};
use super::formulas::{FORMULAS, IndexShape};
use crate::judge::judgement::Judgement;
use crate::quantity::human;

/// What a plan tells of, in its order: the quantity and its metric.
const ROWS: [(&str, &Metric); 5] = [
    ("stays", &memory::LIVE),
    ("must stay", &memory::ANON),
    ("may be evicted", &memory::FILE),
    ("peak of the build", &memory::PEAK),
    ("on disk", &engine::DISK_BYTES),
];

/// The phase that they are read of.
const PHASE: &str = "build";

/// The forecasts of one engine's index.
#[derive(Clone, Debug)]
pub struct CapacityPlan {
    /// The engine, as its cases name it.
    pub engine: String,
    /// The index.
    pub index: IndexShape,
    /// Quantities that were measured, in the order of a life: what stays, then peaks, then disk.
    pub rows: Vec<CapacityRow>,
    /// Published formulas, the least first.
    pub formulas: Vec<FormulaRow>,
}

/// One quantity.
#[derive(Clone, Debug)]
pub struct CapacityRow {
    /// What it is.
    pub what: &'static str,
    /// What was measured, by size.
    pub points: Vec<SizePoint>,
    /// What is to be expected.
    pub forecast: Result<Forecast, NoForecast>,
    /// What was counted at the size that is forecast, where it was built to verify that.
    pub counted: Option<f64>,
}

/// What a formula says.
#[derive(Clone, Debug)]
pub struct FormulaRow {
    /// Who publishes it.
    pub source: &'static str,
    /// As it is written.
    pub text: &'static str,
    /// Bytes that it says.
    pub bytes: f64,
    /// Its error against the forecast of what stays: (says - forecast) / forecast.
    pub error: Option<f64>,
}

impl CapacityRow {
    /// How far the forecast was off where the size was built: (forecast - counted) / counted.
    pub fn error(&self) -> Option<f64> {
        let (forecast, counted) = self.forecast.as_ref().ok().zip(self.counted)?;
        Some((forecast.bytes - counted) / counted)
    }
}

impl CapacityPlan {
    /// A plan from these cases of the engine in a judged run. What no case has a number for has no row. A
    /// case of the size asked for verifies the forecast if it has more than `learned_from` vectors.
    pub fn of(
        judgement: &Judgement,
        cases: &[&CaseId],
        engine: &str,
        index: IndexShape,
        learned_from: u64,
    ) -> CapacityPlan {
        let points = |metric: &'static Metric| -> Vec<SizePoint> {
            let point = |id: &&CaseId| {
                let n = id.param("n")?.parse().ok()?;
                Some(SizePoint { n, bytes: judgement.value(id, Some(PHASE), metric)?.value })
            };
            cases.iter().filter_map(point).collect()
        };
        let rows: Vec<CapacityRow> = ROWS
            .into_iter()
            .filter_map(|(what, metric)| {
                // What was counted at that size verifies the forecast, and is no part of it.
                let (counted, points): (Vec<_>, Vec<_>) = points(metric)
                    .into_iter()
                    .partition(|point| point.n == index.vectors && point.n > learned_from);
                let is_there = points.iter().any(|point| point.bytes != 0.0);
                let counted = counted.first().map(|point| point.bytes);
                is_there.then(|| CapacityRow {
                    what,
                    forecast: forecast(&points, index.vectors),
                    points,
                    counted,
                })
            })
            .collect();
        let rows = above_what_stays(rows);
        let stays = rows.iter().find(|row| row.what == ROWS[0].0).and_then(|row| row.forecast.clone().ok());
        let mut formulas: Vec<FormulaRow> = FORMULAS
            .iter()
            .map(|formula| {
                let bytes = formula.bytes(&index);
                let error = stays.map(|stays| (bytes - stays.bytes) / stays.bytes);
                FormulaRow { source: formula.source, text: formula.text, bytes, error }
            })
            .collect();
        formulas.sort_by(|one, other| one.bytes.total_cmp(&other.bytes));
        CapacityPlan { engine: engine.into(), index, rows, formulas }
    }

    fn forecast_of(&self, what: &str) -> Option<&Forecast> {
        self.rows.iter().find(|row| row.what == what)?.forecast.as_ref().ok()
    }

    /// The size of a container that holds the highest of what is to be expected, in bytes: a round number.
    pub fn container_bytes(&self) -> Option<f64> {
        let highest = self.forecast_of("peak of the build").or(self.forecast_of("stays"))?.high;
        Some(round_up(highest))
    }

    /// The answer in one line; nothing where what stays cannot be forecast.
    pub fn answer(&self) -> Option<String> {
        let stays = self.forecast_of("stays")?;
        let shown = |bytes: f64| human(bytes, Unit::Bytes);
        let container = shown(self.container_bytes()?);
        Some(match self.forecast_of("peak of the build") {
            Some(peak) => format!(
                "give the container {container}: {} stay, {} at the peak of the build, interval {} to {}",
                shown(stays.bytes),
                shown(peak.bytes),
                shown(peak.low),
                shown(peak.high)
            ),
            None => format!(
                "give the container {container}: {} stay, interval {} to {}; the peak of the build was not measured",
                shown(stays.bytes),
                shown(stays.low),
                shown(stays.high)
            ),
        })
    }

    /// The plan as JSON: bytes throughout.
    pub fn json(&self) -> Json {
        let rows = self.rows.iter().map(|row| {
            let measured: Vec<Json> =
                row.points.iter().map(|point| json!({ "n": point.n, "bytes": point.bytes })).collect();
            let forecast = match &row.forecast {
                Ok(it) => json!({
                    "bytes": it.bytes, "low": it.low, "high": it.high, "constant": it.constant,
                    "per_vector": it.per_vector, "shape": it.shape.to_string(),
                }),
                Err(reason) => json!({ "reason": reason.to_string() }),
            };
            json!({ "what": row.what, "measured": measured, "forecast": forecast, "counted": row.counted })
        });
        let formulas = self.formulas.iter().map(|row| {
            json!({ "source": row.source, "formula": row.text, "bytes": row.bytes, "error": row.error })
        });
        json!({
            "engine": self.engine,
            "dim": self.index.dim,
            "vectors": self.index.vectors,
            "m": self.index.m,
            "forecasts": rows.collect::<Vec<_>>(),
            "formulas": formulas.collect::<Vec<_>>(),
            "container_bytes": self.container_bytes(),
            "answer": self.answer(),
        })
    }
}

/// A peak is no lower than what is there at its end, although each is forecast by itself.
fn above_what_stays(mut rows: Vec<CapacityRow>) -> Vec<CapacityRow> {
    let stays = rows.iter().find(|row| row.what == ROWS[0].0).and_then(|row| row.forecast.clone().ok());
    for row in rows.iter_mut().filter(|row| row.what.starts_with("peak")) {
        if let (Some(stays), Ok(peak)) = (&stays, &mut row.forecast) {
            peak.bytes = peak.bytes.max(stays.bytes);
            peak.low = peak.low.max(stays.low);
            peak.high = peak.high.max(stays.high);
        }
    }
    rows
}

/// The next number of two digits in its binary unit: 11.4 GiB is 12 GiB, 834 MiB is 840 MiB.
fn round_up(bytes: f64) -> f64 {
    let mut unit = 1.0;
    while bytes / unit >= 1024.0 {
        unit *= 1024.0;
    }
    let step = if bytes / unit >= 100.0 { unit * 10.0 } else { unit };
    (bytes / step).ceil() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: f64 = (1u64 << 30) as f64;

    #[test]
    fn a_container_has_a_round_size() {
        let mib = GIB / 1024.0;
        for (bytes, rounded) in [
            (11.4 * GIB, 12.0 * GIB),
            (12.0 * GIB, 12.0 * GIB),
            (834.2 * mib, 840.0 * mib),
            (3.2 * mib, 4.0 * mib),
            (300.0, 300.0),
        ] {
            assert_eq!(round_up(bytes), rounded, "{bytes}");
        }
    }
}
