//! Pass, warn or fail: what a gate makes of a run or of a part of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Good or bad, in rising order of badness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing is wrong.
    #[default]
    Pass,
    /// Somebody should look; a gate lets it through.
    Warn,
    /// A gate stops it.
    Fail,
}

impl Verdict {
    /// The word in JSON and on the page.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
