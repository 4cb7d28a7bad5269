//! How it was measured: what each number includes and does not, the host, the settings.

use bench_core::case::Mode;
use bench_core::metric::{Class, METRICS, Unit};
use bench_core::run::Run;
use serde::Serialize;

use super::header::Fact;
use crate::quantity::{grouped, human};

/// The method section.
#[derive(Serialize)]
pub struct Method {
    metrics: Vec<MetricText>,
    host: Vec<Fact>,
    settings: Vec<Fact>,
}

/// A row of the METRICS table in words.
#[derive(Serialize)]
struct MetricText {
    title: &'static str,
    id: &'static str,
    mode: &'static str,
    class: &'static str,
    about: &'static str,
}

/// The method of a run.
pub fn method(run: &Run) -> Method {
    let metrics = METRICS.iter().map(|metric| MetricText {
        title: metric.title,
        id: metric.id,
        mode: metric.mode.name(),
        class: match metric.class {
            Class::Exact => "exact",
            Class::ExactOnOneThread => "exact on one thread",
            Class::ExactWithoutFiles => "exact without files",
            Class::Noisy => "noisy",
        },
        about: metric.about,
    });
    let host = run.host.facts.iter().map(|(name, value)| host_fact(name, value)).collect();
    Method { metrics: metrics.collect(), host, settings: settings(run) }
}

fn host_fact(name: &str, value: &str) -> Fact {
    match (name.strip_suffix("_bytes"), value.parse::<f64>()) {
        (Some(name), Ok(bytes)) => {
            fact(name, format!("{} ({} bytes)", human(bytes, Unit::Bytes), grouped(bytes, 0)))
        }
        _ => fact(name, value.to_string()),
    }
}

fn settings(run: &Run) -> Vec<Fact> {
    let settings = &run.settings;
    let modes: Vec<&str> = settings.modes.iter().map(|mode: &Mode| mode.name()).collect();
    let mut facts = vec![
        fact("run", run.id.clone()),
        fact("grid", if settings.quick { "quick" } else { "default" }.into()),
        fact("modes", modes.join(", ")),
        fact("cargo profile", settings.profile.clone()),
        fact("repetitions in mode heap", settings.repetitions.to_string()),
        fact("sampling interval", human(settings.interval_ns as f64, Unit::Nanoseconds)),
        fact("time limit per process", format!("{} s", settings.time_limit_s)),
        fact("memory limit per process", human(settings.memory_limit_bytes as f64, Unit::Bytes)),
    ];
    facts.extend(settings.environment.iter().map(|(name, value)| fact(name, value.clone())));
    facts
}

fn fact(name: &str, value: String) -> Fact {
    Fact { name: name.replace('_', " "), value }
}
