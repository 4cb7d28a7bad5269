//! What a program that checks the measuring tools for leaks tells whoever started it.

use serde::{Deserialize, Serialize};

use super::Trend;

/// The check of one measuring tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCheck {
    /// The tool and what is done with it: `sampler lifecycle`.
    pub name: String,
    /// One sentence on an iteration.
    pub about: String,
    /// Whether it leaks on purpose, so that the detector has to find it.
    pub leaks_on_purpose: bool,
    /// What the detector found.
    pub outcome: ToolFinding,
    /// The live bytes over the iterations; absent where the detector could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
    /// Iterations, those of the warm-up among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<usize>,
    /// What the detector says, in its own words.
    pub text: String,
}

/// What a detector found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolFinding {
    /// Nothing stays.
    Clean,
    /// Something stays.
    Leak,
    /// There is no verdict.
    CannotTell,
}

impl ToolCheck {
    /// Whether it ended as it should.
    pub fn is_right(&self) -> bool {
        self.outcome == if self.leaks_on_purpose { ToolFinding::Leak } else { ToolFinding::Clean }
    }
}
