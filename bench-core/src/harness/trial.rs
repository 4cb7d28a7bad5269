//! A case run in this process without instruments: for the suites' own tests and for the cost benchmark.

use std::time::Duration;

use anyhow::Result;

use super::Phases;
use super::prepared::Prepared;
use super::suite::Suite;
use crate::case::CaseSpec;

/// A prepared case. Set-up is paid once, the body runs as often as asked for.
pub struct Trial {
    prepared: Prepared,
    phases: Phases,
}

impl Suite {
    /// Prepares `case` for running it in this process.
    pub fn trial(&self, case: &CaseSpec) -> Result<Trial> {
        Ok(Trial { prepared: self.prepare(case, 1)?.0, phases: Phases::time() })
    }
}

impl Trial {
    /// Runs the body once and checks its answer: the time that it spent in its phases.
    pub fn run(&mut self) -> Result<Duration> {
        (self.prepared.body)(&mut self.phases)()?;
        Ok(self.phases.take_elapsed())
    }
}
