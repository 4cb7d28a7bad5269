//! What a calibration workload knows beforehand.

use serde::{Deserialize, Serialize};

/// The counts that a calibration workload knows beforehand, for one phase. What it does not state is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// What is known of Rust's heap.
    #[serde(flatten)]
    pub heap: ExpectedHeap,
    /// What is known of the C heap; in mode `native` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<ExpectedHeap>,
    /// What is known of the mappings; in mode `native` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings: Option<ExpectedMappings>,
    /// What the ledger leaves unexplained ([`super::Ledger`]); in mode `native` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_bytes: Option<Bounds>,
    /// Growth of RSS anon from the phase's start to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_anon_growth_bytes: Option<Bounds>,
    /// Peak RSS over the RSS at the phase's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_over_start_bytes: Option<Bounds>,
}

/// What is known of one counted heap ([`super::HeapRecord`]). What is not stated is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedHeap {
    /// Live bytes at the end minus at the start. Of the C heap: least what is asked for, most that and its
    /// rounding up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth_bytes: Option<Bounds>,
    /// Peak over the live bytes at the phase's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_over_start_bytes: Option<Bounds>,
    /// `HeapRecord::allocated_bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<u64>,
    /// `HeapRecord::allocated_blocks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_blocks: Option<u64>,
    /// `HeapRecord::freed_blocks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed_blocks: Option<u64>,
    /// `HeapRecord::reallocated_blocks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reallocated_blocks: Option<u64>,
    /// `HeapRecord::reallocated_bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reallocated_bytes: Option<u64>,
}

/// What is known of the mappings ([`super::MappingRecord`]): bytes at the phase's end minus at its start.
/// What is not stated is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedMappings {
    /// Mapped without a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anon_mapped_bytes: Option<i64>,
    /// Mapped from files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_mapped_bytes: Option<i64>,
    /// Resident without a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anon_resident_bytes: Option<i64>,
    /// Resident of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_resident_bytes: Option<i64>,
    /// The highest mapped without a file, over the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anon_mapped_peak_bytes: Option<i64>,
}

/// The least and the most that a count may be. In JSON one number where both are the same, else a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BoundsInJson", into = "BoundsInJson")]
pub struct Bounds {
    /// The least.
    pub least: i64,
    /// The most.
    pub most: i64,
}

impl Bounds {
    /// Whether the count lies within.
    pub fn hold(&self, count: i64) -> bool {
        (self.least..=self.most).contains(&count)
    }

    /// The bounds of the same count with the other sign.
    pub fn negated(self) -> Bounds {
        Bounds { least: -self.most, most: -self.least }
    }
}

impl From<i64> for Bounds {
    fn from(exactly: i64) -> Bounds {
        Bounds { least: exactly, most: exactly }
    }
}

impl From<(i64, i64)> for Bounds {
    fn from((least, most): (i64, i64)) -> Bounds {
        Bounds { least, most }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BoundsInJson {
    Exactly(i64),
    Between(i64, i64),
}

impl From<BoundsInJson> for Bounds {
    fn from(bounds: BoundsInJson) -> Bounds {
        match bounds {
            BoundsInJson::Exactly(count) => count.into(),
            BoundsInJson::Between(least, most) => (least, most).into(),
        }
    }
}

impl From<Bounds> for BoundsInJson {
    fn from(bounds: Bounds) -> BoundsInJson {
        if bounds.least == bounds.most {
            BoundsInJson::Exactly(bounds.least)
        } else {
            BoundsInJson::Between(bounds.least, bounds.most)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_runs_have_stored_loads_and_is_written_alike() {
        let stored = json!({
            "growth_bytes": -50, "peak_over_start_bytes": 1000, "allocated_bytes": 7, "freed_blocks": 2,
            "rss_anon_growth_bytes": [0, 2000],
            "native": {"growth_bytes": [100, 124], "allocated_bytes": 100},
            "mappings": {"anon_mapped_bytes": 4096, "file_resident_bytes": -4096},
            "rest_bytes": [-7, 7],
        });
        let expected: Expected = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(expected.heap.growth_bytes, Some(Bounds::from(-50)));
        assert_eq!(expected.heap.peak_over_start_bytes, Some(Bounds::from(1000)));
        assert_eq!(expected.rss_anon_growth_bytes, Some(Bounds::from((0, 2000))));
        assert_eq!(expected.native.unwrap().growth_bytes, Some(Bounds::from((100, 124))));
        assert_eq!(serde_json::to_value(expected).unwrap(), stored);
        // Two equal bounds were stored as a pair.
        let pair: Bounds = serde_json::from_value(json!([0, 0])).unwrap();
        assert_eq!(pair, Bounds::from(0));
    }
}
