//! The judgement of leaks: every loop of a run by the leak rule and by its limits, every measuring tool by
//! its check.

use bench_core::case::{CaseId, Mode};
use bench_core::evidence::{Evidence, PhaseRecord};
use bench_core::leak::{self, Diagnosis, Shape, ToolCheck, ToolFinding, Trend};
use bench_core::metric::{self, Metric, native};
use bench_core::run::{CaseRecord, Measurement, Run};
use serde::Serialize;

use crate::judge::judgement::Judgement;
use crate::quantity::human;
use crate::values::Value;
use crate::verdict::Verdict;

/// The kind of the fault that leaks on purpose: a detector that calls it clean is blind.
const KNOWN_LEAK: (&str, &str) = ("fault", "leak");

/// What became of one loop or tool.
#[derive(Clone, Debug, Serialize)]
pub struct LeakCheck {
    /// The case's id, or the tool's name.
    pub name: String,
    /// Whose bytes were read: `heap`, `C heap`.
    pub bytes: &'static str,
    /// Iterations, those of the warm-up among them; absent when nothing was read.
    pub iterations: Option<usize>,
    /// The live bytes over the iterations, of the first repetition.
    pub trend: Option<Trend>,
    /// Whether it must be called a leak, because it leaks on purpose.
    pub leaks_on_purpose: bool,
    /// Whether it ended as it should.
    pub verdict: Verdict,
    /// Why not, or what stands behind the verdict; may have several lines.
    pub reason: String,
}

/// All checks and what they come to.
#[derive(Clone, Debug, Serialize)]
pub struct LeakReport {
    /// The worst verdict.
    pub verdict: Verdict,
    /// The loops of the suites.
    pub loops: Vec<LeakCheck>,
    /// The measuring tools.
    pub tools: Vec<LeakCheck>,
}

/// Judges the loops of `run` and the checks of the tools.
pub fn leaks(run: &Run, judgement: &Judgement, tools: &[ToolCheck]) -> LeakReport {
    let loops: Vec<LeakCheck> = run.cases.iter().flat_map(|case| of_case(case, judgement)).collect();
    let tools: Vec<LeakCheck> = tools.iter().map(of_tool).collect();
    let verdict = loops.iter().chain(&tools).map(|check| check.verdict).max().unwrap_or_default();
    LeakReport { verdict, loops, tools }
}

fn of_tool(tool: &ToolCheck) -> LeakCheck {
    LeakCheck {
        name: tool.name.clone(),
        bytes: "heap",
        iterations: tool.iterations,
        trend: tool.trend,
        leaks_on_purpose: tool.leaks_on_purpose,
        verdict: if tool.is_right() { Verdict::Pass } else { Verdict::Fail },
        reason: match (tool.outcome, tool.leaks_on_purpose) {
            (ToolFinding::Clean, true) => "the detector is blind: it did not find a known leak".into(),
            _ => tool.text.clone(),
        },
    }
}

fn of_case(case: &CaseRecord, judgement: &Judgement) -> Vec<LeakCheck> {
    case.measurements
        .iter()
        .map(|measurement| of_measurement(&case.spec.id, measurement, judgement))
        .collect()
}

/// Whether the case is the fault that leaks on purpose: a check that does not find it could not be trusted.
pub fn is_known_leak(id: &CaseId) -> bool {
    id.workload == KNOWN_LEAK.0 && id.param("kind") == Some(KNOWN_LEAK.1)
}

fn of_measurement(id: &CaseId, measurement: &Measurement, judgement: &Judgement) -> LeakCheck {
    let leaks_on_purpose = is_known_leak(id);
    let all: Vec<&[u64]> = measurement.evidence().filter_map(readings).collect();
    let metrics: [&Metric; 2] = match measurement.mode {
        Mode::Native => [&native::LEAK_SLOPE, &native::LEAK_GROWTH],
        _ => [&metric::leak::SLOPE, &metric::leak::GROWTH],
    };
    let value = |metric: &Metric| judgement.value(id, None, metric);
    let allowed = value(metrics[0]).and_then(|value| value.limit.as_ref()).map_or(0.0, |limit| limit.value);
    let findings: Vec<Option<Diagnosis>> =
        all.iter().map(|readings| leak::judge(readings, allowed)).collect();
    let broken =
        metrics.iter().filter_map(|metric| value(metric)).filter(|it| it.verdict > Some(Verdict::Pass));
    let (verdict, reason) = match measurement.failures().next() {
        Some(failure) => (Verdict::Fail, format!("{}: {}", failure.kind, failure.reason)),
        None => verdict(&findings, leaks_on_purpose, broken.collect()),
    };
    LeakCheck {
        name: id.to_string(),
        bytes: if measurement.mode == Mode::Native { "C heap" } else { "heap" },
        iterations: all.first().map(|readings| readings.len()),
        trend: all.first().and_then(|readings| leak::trend(readings)),
        leaks_on_purpose,
        verdict,
        reason,
    }
}

/// The readings of the first loop of a repetition.
fn readings(evidence: &Evidence) -> Option<&[u64]> {
    let of_phase = |phase: &PhaseRecord| !phase.iteration_live_bytes.is_empty();
    evidence.phases.iter().find(|phase| of_phase(phase)).map(|phase| phase.iteration_live_bytes.as_slice())
}

/// A leak is one that every repetition shows; one that some show is a warning.
fn verdict(findings: &[Option<Diagnosis>], leaks_on_purpose: bool, broken: Vec<&Value>) -> (Verdict, String) {
    let leaking = findings.iter().filter(|finding| matches!(finding, Some(Diagnosis::Leak(_)))).count();
    let all = findings.len();
    if all == 0 || findings.contains(&None) {
        let reason = "too few iterations were read: a loop has at least 32, in mode heap or native";
        return (Verdict::Fail, reason.into());
    }
    match (leaks_on_purpose, leaking) {
        (true, found) if found == all => return (Verdict::Pass, "a known leak, found".into()),
        (true, _) => return (Verdict::Fail, "the detector is blind: it did not find a known leak".into()),
        (false, found) if found == all => return (Verdict::Fail, in_words(findings[0])),
        (false, found) if found > 0 => {
            return (Verdict::Warn, format!("{} in {found} of {all} processes", in_words(findings[0])));
        }
        (false, _) => {}
    }
    let worst = broken.into_iter().filter_map(|value| Some((value.verdict?, value, value.limit.as_ref()?)));
    match worst.max_by_key(|(verdict, ..)| *verdict) {
        Some((verdict, value, limit)) => {
            let text = human(value.value, value.metric.unit);
            (
                verdict,
                format!(
                    "{}: {text}, {} {} ({})",
                    value.metric.id,
                    limit.side.word(),
                    limit.text,
                    limit.place
                ),
            )
        }
        None => (Verdict::Pass, "nothing stays".into()),
    }
}

fn in_words(finding: Option<Diagnosis>) -> String {
    match finding {
        Some(Diagnosis::Leak(Shape::Doubling)) => "a leak: a collection that only grows".into(),
        Some(Diagnosis::Suspect) => "a suspect: more iterations would tell".into(),
        _ => "a leak: bytes stay from iteration to iteration".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bench_core::case::CaseSpec;
    use bench_core::run::Repetition;

    use super::*;
    use crate::{Thresholds, judge};

    /// A case whose processes read these bytes.
    fn case(id: &str, mode: Mode, processes: &[Vec<u64>]) -> CaseRecord {
        let id: CaseId = id.parse().unwrap();
        let repetition = |readings: &Vec<u64>| {
            let phase = PhaseRecord { iteration_live_bytes: readings.clone(), ..PhaseRecord::default() };
            let json = serde_json::json!({
                "case": id.to_string(), "mode": mode, "allocator": "system", "phases": [phase],
            });
            let evidence = Some(serde_json::from_value::<Evidence>(json).unwrap());
            Repetition { evidence, failure: None, stdout: None, dhat_file: None }
        };
        let repetitions = processes.iter().map(repetition).collect();
        let spec = CaseSpec {
            id: id.clone(),
            about: String::new(),
            tags: vec!["loop".into()],
            allocator: "system".into(),
            absent_modes: BTreeMap::new(),
            version: None,
        };
        CaseRecord { spec, measurements: vec![Measurement { mode, repetitions }] }
    }

    fn judged(cases: Vec<CaseRecord>, limits: &str) -> LeakReport {
        let run = serde_json::json!({
            "schema": 1, "id": "x", "started": "", "command": "", "revision": {"commit": null, "dirty": false},
            "host": {"facts": {}}, "cases": cases,
            "settings": {
                "quick": false, "modes": ["heap", "native"], "profile": "release", "repetitions": 2, "interval_ns": 1,
                "time_limit_s": 1, "memory_limit_bytes": 1, "environment": {},
            },
        });
        let run: Run = serde_json::from_value(run).unwrap();
        let thresholds = Thresholds::parse(&format!("schema = 1\n{limits}"), "t.toml").unwrap();
        leaks(&run, &judge(&run, &thresholds, "2026-11-21"), &[])
    }

    fn rising(by: u64) -> Vec<u64> {
        (0..100).map(|i| 100_000 + by * i).collect()
    }

    #[test]
    fn a_leak_is_what_every_process_shows() {
        for (processes, verdict, reason) in [
            ([rising(0), rising(0)], Verdict::Pass, "nothing stays"),
            ([rising(8), rising(8)], Verdict::Fail, "a leak: bytes stay"),
            ([rising(8), rising(0)], Verdict::Warn, "in 1 of 2 processes"),
            ([vec![1; 31], rising(0)], Verdict::Fail, "too few iterations"),
        ] {
            let report = judged(vec![case("search/loop{of=dense}", Mode::Heap, &processes)], "");
            let [check] = &report.loops[..] else { panic!("{report:?}") };
            assert_eq!((check.verdict, report.verdict), (verdict, verdict), "{check:?}");
            assert!(check.reason.contains(reason), "{check:?}");
            assert_eq!(check.bytes, "heap");
        }
    }

    #[test]
    fn a_known_leak_has_to_be_found() {
        for (by, verdict) in [(8, Verdict::Pass), (0, Verdict::Fail)] {
            let report = judged(vec![case("vectors/fault{kind=leak}", Mode::Heap, &[rising(by)])], "");
            assert_eq!(report.verdict, verdict, "{report:?}");
        }
        let tool = |leaks_on_purpose, outcome| ToolCheck {
            name: "sampler".into(),
            about: String::new(),
            leaks_on_purpose,
            outcome,
            trend: None,
            iterations: None,
            text: "said".into(),
        };
        for (leaks_on_purpose, outcome, verdict) in [
            (false, ToolFinding::Clean, Verdict::Pass),
            (false, ToolFinding::Leak, Verdict::Fail),
            (false, ToolFinding::CannotTell, Verdict::Fail),
            (true, ToolFinding::Leak, Verdict::Pass),
            (true, ToolFinding::Clean, Verdict::Fail),
            (true, ToolFinding::CannotTell, Verdict::Fail),
        ] {
            assert_eq!(of_tool(&tool(leaks_on_purpose, outcome)).verdict, verdict);
        }
    }

    #[test]
    fn the_table_allows_a_slope_or_forbids_a_growth() {
        let limit = |metric: &str, max: &str| {
            format!(
                "[[rule]]\nid = \"*/loop\"\nmetric = \"{metric}\"\nmax = \"{max}\"\nmissing = \"ignore\"\n"
            )
        };
        let native = || vec![case("search/loop{of=dense}", Mode::Native, &[rising(8)])];
        assert_eq!(judged(native(), &limit("native.leak_slope", "8B")).verdict, Verdict::Pass);
        assert_eq!(judged(native(), &limit("native.leak_slope", "7B")).verdict, Verdict::Fail);
        assert_eq!(judged(native(), &limit("native.leak_slope", "8B")).loops[0].bytes, "C heap");
        let once = (0..100).map(|i| if i < 50 { 1000 } else { 1400 }).collect();
        let report = judged(vec![case("search/loop", Mode::Heap, &[once])], &limit("leak.growth", "30%"));
        assert_eq!(report.verdict, Verdict::Fail);
        assert!(report.loops[0].reason.contains("leak.growth: 40.0 %, max 30%"), "{report:?}");
    }
}
