//! The search for the smallest cap under which the work still ends well.

use std::time::Duration;

use anyhow::{Result, bail};

/// What became of the work under a cap.
#[derive(Clone, Debug, PartialEq)]
pub enum CapOutcome {
    /// It ended well.
    Answered,
    /// The kernel killed it because of the cap.
    Killed,
    /// It took longer than a step may.
    TooSlow,
    /// It ended badly, for this reason.
    Failed(String),
}

/// The work once, under one cap.
#[derive(Clone, Debug, PartialEq)]
pub struct CapStep {
    /// The cap in bytes; `None` is the first, which has none.
    pub cap_bytes: Option<u64>,
    /// What became of it.
    pub outcome: CapOutcome,
    /// How long it took, start and end of the process included.
    pub wall: Duration,
    /// The most that it held, page cache included, in bytes.
    pub peak_bytes: Option<u64>,
    /// The share of the right answers, of a case that searches.
    pub recall: Option<f64>,
    /// Queries a second while it was counted, of a case that searches.
    pub queries_per_second: Option<f64>,
    /// Pages that had to be read from storage.
    pub major_faults: Option<u64>,
    /// Bytes that were read from storage.
    pub read_bytes: Option<u64>,
}

/// How near the largest cap that is too small and the smallest that is enough are when the search ends.
const PRECISION: f64 = 1.02;
/// The first cap that is too small, as a share of what the work holds without one.
const LEAST_SHARE: f64 = 1.0 / 64.0;
/// By what a cap is raised that should have been enough, and how often.
const RAISE: f64 = 1.1;
const RAISES: usize = 4;
/// Caps are multiples of this.
const GRAIN_BYTES: u64 = 64 << 10;

/// Runs the work without a cap, then halves the range between what is too small and what is enough, in at
/// most `most` steps. `None` is Ctrl-C. The steps in the order in which they ran.
///
/// # Errors
/// When the work fails without a cap, or the kernel does not tell what it held.
pub fn search(
    most: usize,
    mut run: impl FnMut(Option<u64>) -> Result<Option<CapStep>>,
) -> Result<Option<Vec<CapStep>>> {
    let Some(free) = run(None)? else { return Ok(None) };
    match &free.outcome {
        CapOutcome::Answered => {}
        CapOutcome::Failed(reason) => bail!("it fails without a cap: {reason}"),
        CapOutcome::TooSlow => bail!("it takes longer than --time-limit without a cap"),
        CapOutcome::Killed => {
            bail!("it is killed for its memory without a cap of ours: there is one around it")
        }
    }
    let Some(peak) = free.peak_bytes else {
        bail!("the kernel does not tell what a group held at most (memory.peak, since Linux 5.19)");
    };
    let mut steps = vec![free];
    let (mut low, mut high) = (peak as f64 * LEAST_SHARE, peak as f64);
    // What it held without a cap should be enough, but the kernel may want a little more to give back in
    // time.
    for _ in 0..RAISES {
        let cap = (high as u64).next_multiple_of(GRAIN_BYTES);
        let Some(step) = run(Some(cap))? else { return Ok(None) };
        let is_enough = step.outcome == CapOutcome::Answered;
        steps.push(step);
        if is_enough {
            high = cap as f64;
            break;
        }
        (low, high) = (cap as f64, cap as f64 * RAISE);
    }
    while steps.len() <= most && high / low > PRECISION {
        let cap = ((low * high).sqrt() as u64).next_multiple_of(GRAIN_BYTES);
        if steps.iter().any(|step| step.cap_bytes == Some(cap)) {
            break;
        }
        let Some(step) = run(Some(cap))? else { return Ok(None) };
        match step.outcome {
            CapOutcome::Answered => high = cap as f64,
            _ => low = cap as f64,
        }
        steps.push(step);
    }
    Ok(Some(steps))
}

/// The smallest cap under which it ended well; `None` if none was.
pub fn floor(steps: &[CapStep]) -> Option<u64> {
    steps.iter().filter(|step| step.outcome == CapOutcome::Answered).filter_map(|step| step.cap_bytes).min()
}

/// The smallest cap under which it took no more than twice its time without one: below is the cliff.
pub fn cliff(steps: &[CapStep]) -> Option<u64> {
    let free = steps.iter().find(|step| step.cap_bytes.is_none())?.wall;
    let mut capped: Vec<&CapStep> = steps.iter().filter(|step| step.cap_bytes.is_some()).collect();
    capped.sort_by_key(|step| std::cmp::Reverse(step.cap_bytes));
    let fast = capped.iter().take_while(|step| step.outcome == CapOutcome::Answered && step.wall <= 2 * free);
    fast.filter_map(|step| step.cap_bytes).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn step(cap_bytes: Option<u64>, outcome: CapOutcome, seconds: f64) -> CapStep {
        CapStep {
            cap_bytes,
            outcome,
            wall: Duration::from_secs_f64(seconds),
            peak_bytes: Some(cap_bytes.unwrap_or(100 * MIB).min(100 * MIB)),
            recall: None,
            queries_per_second: None,
            major_faults: None,
            read_bytes: None,
        }
    }

    #[test]
    fn the_floor_is_found_within_two_per_cent_and_the_cliff_above_it() {
        for needed in [2 * MIB, 30 * MIB, 77 * MIB] {
            let slow = needed * 3 / 2;
            let steps = search(20, |cap| {
                let cap_bytes = cap.unwrap_or(u64::MAX);
                let outcome = if cap_bytes >= needed { CapOutcome::Answered } else { CapOutcome::Killed };
                Ok(Some(step(cap, outcome, if cap_bytes < slow { 10.0 } else { 1.0 })))
            });
            let steps = steps.unwrap().unwrap();
            let found = floor(&steps).unwrap();
            assert!(found >= needed && found as f64 <= 1.05 * needed as f64, "{needed}: {found}");
            if let Some(cliff) = cliff(&steps) {
                assert!(cliff >= slow, "{needed}: {cliff}");
            }
            assert!(steps.len() <= 21, "{}", steps.len());
        }
    }

    #[test]
    fn what_fails_without_a_cap_has_no_floor() {
        for (outcome, said) in [
            (CapOutcome::Failed("exit code 3".into()), "fails without a cap: exit code 3"),
            (CapOutcome::TooSlow, "--time-limit"),
            (CapOutcome::Killed, "there is one around it"),
        ] {
            let error = search(5, |cap| Ok(Some(step(cap, outcome.clone(), 1.0)))).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let blind = |cap| Ok(Some(CapStep { peak_bytes: None, ..step(cap, CapOutcome::Answered, 1.0) }));
        assert!(search(5, blind).unwrap_err().to_string().contains("memory.peak"));
    }

    #[test]
    fn ctrl_c_ends_the_search_at_any_step() {
        for last in 0..4 {
            let mut runs = 0;
            let found = search(10, |cap| {
                runs += 1;
                Ok((runs <= last).then(|| step(cap, CapOutcome::Answered, 1.0)))
            });
            assert_eq!((found.unwrap(), runs), (None, last + 1));
        }
    }
}
