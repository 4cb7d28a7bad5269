//! By how much a metric may get worse: what a rule says, otherwise what its class allows.

use bench_core::case::Mode;
use bench_core::metric::{Class, Direction, Metric};

use crate::thresholds::RelativeRule;

/// The share by which an exact metric may get worse.
const EXACT: f64 = 0.001;
/// The share below which nothing is said of a heap count that does not repeat: threads, random hash maps.
const NOISY_HEAP: f64 = 0.005;
/// The share below which nothing is said of resident memory and all else that the system decides.
const NOISY: f64 = 0.01;

/// By how much a metric may get worse than its baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Worse by more than this share of the old value warns.
    pub warn: Option<f64>,
    /// Worse by more than this share of the old value fails.
    pub fail: Option<f64>,
    /// The change, in the metric's unit, below which nothing is said.
    pub floor: f64,
    /// The rule, and where it stands; `None`: the default of the metric's class.
    pub rule: Option<(String, String)>,
}

impl Gate {
    /// The gate of a rule.
    pub(super) fn of_rule(rule: &RelativeRule) -> Gate {
        Gate {
            warn: rule.warn,
            fail: rule.fail,
            floor: rule.floor.unwrap_or(rule.scope.metric.floor),
            rule: Some((rule.text.clone(), rule.place.clone())),
        }
    }

    /// The gate without a rule: for whole cases; or why there is none.
    pub(crate) fn default_of(metric: &Metric, class: Class) -> Result<Gate, &'static str> {
        if metric.direction == Direction::Neutral {
            return Err("neither more nor less of it is worse");
        }
        if let Some(reason) = metric.only_by_rule {
            return Err(reason);
        }
        if class == Class::Noisy && metric.mode == Mode::Native {
            return Err("mode native runs two processes, too few for what varies: only a rule gates it");
        }
        let counted = metric.class != Class::Noisy;
        let share = match class {
            Class::Exact => EXACT,
            _ if counted => NOISY_HEAP,
            _ => NOISY,
        };
        Ok(Gate { warn: None, fail: Some(share), floor: metric.floor, rule: None })
    }

    /// The least change, as a share of `old`, that is beyond the level.
    pub(super) fn share_beyond(&self, level: f64, old: f64) -> f64 {
        level.max(self.floor / old.abs())
    }
}
