//! The counts of a call site, of which one is looked at.

use serde::{Deserialize, Serialize};

use crate::dhat_profile::{CallSite, SitesSummary};
use crate::metric::unit::Unit;

/// Which count of a call site is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "command-line", derive(clap::ValueEnum))]
pub enum SiteCount {
    /// Live bytes at the peak.
    #[default]
    Peak,
    /// Bytes ever requested.
    Total,
    /// Live bytes at the end.
    End,
    /// Blocks ever requested.
    Blocks,
}

impl SiteCount {
    /// Every count.
    pub const ALL: [SiteCount; 4] = [SiteCount::Peak, SiteCount::Total, SiteCount::End, SiteCount::Blocks];

    /// The word for it on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            SiteCount::Peak => "peak",
            SiteCount::Total => "total",
            SiteCount::End => "end",
            SiteCount::Blocks => "blocks",
        }
    }

    /// When or what is counted, within a sentence: `at the peak`.
    pub fn phrase(self) -> &'static str {
        match self {
            SiteCount::Peak => "at the peak",
            SiteCount::Total => "in total",
            SiteCount::End => "at the end",
            SiteCount::Blocks => "in blocks",
        }
    }

    /// The count of a site.
    pub fn of(self, site: &CallSite) -> u64 {
        match self {
            SiteCount::Peak => site.peak_bytes,
            SiteCount::Total => site.total_bytes,
            SiteCount::End => site.end_bytes,
            SiteCount::Blocks => site.total_blocks,
        }
    }

    /// The count of all sites of a profile, also of those that a summary does not keep.
    pub fn of_all(self, profile: &SitesSummary) -> u64 {
        match self {
            SiteCount::Peak => profile.peak_bytes,
            SiteCount::Total => profile.total_bytes,
            SiteCount::End => profile.end_bytes,
            SiteCount::Blocks => profile.total_blocks,
        }
    }

    /// What is counted.
    pub fn unit(self) -> Unit {
        if self == SiteCount::Blocks { Unit::Count } else { Unit::Bytes }
    }
}
