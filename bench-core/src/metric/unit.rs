//! What a value is counted in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes per item of the workload.
    BytesPerItem,
    /// Bytes per iteration of a loop.
    BytesPerIteration,
    /// Bytes per second.
    BytesPerSecond,
    /// Items per second.
    PerSecond,
    /// A plain number of things.
    Count,
    /// A plain quotient.
    Ratio,
    /// Hundredths.
    Percent,
    /// Nanoseconds.
    Nanoseconds,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Bytes => "B",
            Unit::BytesPerItem => "B/item",
            Unit::BytesPerIteration => "B/iteration",
            Unit::BytesPerSecond => "B/s",
            Unit::PerSecond => "1/s",
            Unit::Count => "count",
            Unit::Ratio => "ratio",
            Unit::Percent => "%",
            Unit::Nanoseconds => "ns",
        })
    }
}

/// The binary sizes and what they hold in bytes.
pub const BINARY_SIZES: [(u64, &str); 7] = [
    (1, "B"),
    (1 << 10, "KiB"),
    (1 << 20, "MiB"),
    (1 << 30, "GiB"),
    (1 << 40, "TiB"),
    (1 << 50, "PiB"),
    (1 << 60, "EiB"),
];
