//! Threshold tables: rules, quantities, patterns.

use bench_core::case::CaseId;
use bench_core::metric::METRICS;
use bench_core::run::HostFacts;
use report::Thresholds;
use report::quantity;
use report::thresholds::Place;

use crate::assert_readable;

/// A table is refused with the place of its fault, or every case has at most one winner, whose limits are
/// numbers.
pub fn table(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Thresholds::parse(text, "thresholds.toml") {
        Ok(thresholds) => {
            let case: CaseId = "vectors/single_vector{dim=128}".parse().expect("a case");
            thresholds.unmatched(&[]);
            thresholds.expired("2026-11-21");
            for metric in METRICS {
                let winner =
                    thresholds.winner(&case, &Place::Whole(Some("allocate")), metric, &HostFacts::default());
                let bounds = winner.map(|rule| &rule.bounds);
                for level in bounds.into_iter().flat_map(|bounds| [&bounds.warn, &bounds.fail]).flatten() {
                    assert!(level.value.is_finite(), "{level:?}");
                }
            }
        }
        Err(error) => {
            assert_readable(&error);
            let text = error.to_string();
            let mut place = text.split(':').skip(1).map(|part| part.trim().parse::<usize>());
            assert!(matches!(place.next(), Some(Ok(1..))), "no line: {text}");
        }
    }
    for metric in METRICS {
        if let Ok(value) = quantity::parse(text, metric) {
            assert!(value.is_finite() && value >= 0.0, "{text:?} is {value}");
        }
    }
    if let Ok(share) = quantity::percent(text) {
        assert!(share.is_finite() && share >= 0.0, "{text:?} is {share}");
    }
}
