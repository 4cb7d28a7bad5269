//! Is a noisy metric worse? Two stages, so that noise alone practically never fails a build.
//!
//! Stage 1 screens the two runs' own repetitions and names candidates. Stage 2 looks at fresh processes of
//! the old and the new binary, run in turn: what drifts between two runs (a machine that others use, a longer
//! path) meets both sides alike. Only those samples decide there, with Holm's correction over all candidates.
//! So a candidate costs time and no false alarm, and stage 1 names more of them than it suspects. The two
//! kinds are corrected apart, so that the many that may be worse do not hide the few that look so.

use bench_core::metric::Direction;

use crate::statistics::{holm, p_higher, p_higher_in_blocks, shift, variation};

/// Processes a side that stage 1 needs: with 5, nothing survives a correction over 60 metrics.
pub const REPETITIONS: usize = 10;
/// The chance of a false alarm among the suspects of stage 2, and among its other candidates; and the p at
/// which stage 1 suspects any metric.
pub const ALPHA: f64 = 0.01;
/// The p at which stage 1 suspects a metric whose estimate is above the floor.
const SUSPICIOUS: f64 = 0.2;
/// The share of the floor above which an estimate makes a candidate: what drifts between two runs hides a
/// part of a change.
const NEAR: f64 = 0.75;
/// The coefficient of variation above which a metric cannot be gated.
pub const MOST_VARIATION: f64 = 0.05;

/// Processes a side that are one block of stage 2: ABBAABBA.
const BLOCK: usize = 4;

/// What the statistics say of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// The estimated ratio of new to old (Hodges and Lehmann, of the logarithms).
    pub ratio: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// One-sided exact Mann-Whitney test of "worse by at most the floor"; of processes in turn by blocks.
    pub p: f64,
    /// The same of "better by at most the floor".
    pub p_better: f64,
    /// The share that the test tolerates.
    pub floor: f64,
    /// The higher of the two sides' coefficients of variation.
    pub variation: f64,
    /// How many samples of old and new there are.
    pub samples: (usize, usize),
}

impl Noise {
    /// Whether it looks worse, so that somebody is told. With fewer repetitions than stage 1 needs, an
    /// estimate above the floor says nothing: of two and two every sixth comparison of equals has p = 1/6.
    pub fn is_suspect(&self, direction: Direction) -> bool {
        let beyond = self.is_enough() && self.worsening(direction) > self.floor;
        self.p <= ALPHA || (beyond && self.p <= SUSPICIOUS)
    }

    /// Whether stage 2 shall look at it: what is suspected, and what may be worse all the same.
    pub fn is_candidate(&self, direction: Direction) -> bool {
        let near = self.is_enough() && self.worsening(direction) > NEAR * self.floor;
        self.is_suspect(direction) || near
    }

    fn is_enough(&self) -> bool {
        self.samples.0.min(self.samples.1) >= REPETITIONS
    }

    /// By which share the estimate is worse; below zero if it is better.
    pub fn worsening(&self, direction: Direction) -> f64 {
        if direction == Direction::Higher { 1.0 / self.ratio - 1.0 } else { self.ratio - 1.0 }
    }

    /// Whether a coefficient of variation is so high that nothing can be gated.
    pub fn is_too_wide(variation: f64) -> bool {
        variation > MOST_VARIATION
    }

    /// Why it cannot be gated, if it spreads too much.
    pub fn too_wide(&self) -> Option<String> {
        Noise::is_too_wide(self.variation).then(|| {
            let (found, most) = (self.variation * 100.0, MOST_VARIATION * 100.0);
            format!("it spreads too much to be gated: CV {found:.1} %, at most {most:.0} %")
        })
    }

    /// Whether it looks better, by the rule that makes a suspect the other way round.
    pub fn looks_better(&self, direction: Direction) -> bool {
        let improvement = if direction == Direction::Higher { self.ratio } else { 1.0 / self.ratio } - 1.0;
        self.is_enough() && improvement > self.floor && self.p_better <= SUSPICIOUS
    }
}

/// What the samples of the two sides say. `floor` is the share by which the new side may be worse.
///
/// Errors: why nothing can be said.
pub fn screen(old: &[f64], new: &[f64], direction: Direction, floor: f64) -> Result<Noise, String> {
    let enough = old.len() > 1 && new.len() > 1;
    if !enough {
        return Err(format!("{} and {} repetitions do not show how it spreads", old.len(), new.len()));
    }
    let (Some(old_variation), Some(new_variation)) = (variation(old), variation(new)) else {
        return Err("a value at or below zero has no ratio".into());
    };
    if old.iter().chain(new).any(|sample| *sample <= 0.0) {
        return Err("a value at or below zero has no ratio".into());
    }
    let (worse_old, worse_new) = (badness(old, direction), badness(new, direction));
    let found = shift(&worse_new, &worse_old).ok_or("no repetition ended well")?;
    let ratio = |shift: f64| (sign(direction) * shift).exp();
    let (low, high) = (ratio(found.interval.0), ratio(found.interval.1));
    Ok(Noise {
        ratio: ratio(found.estimate),
        interval: (low.min(high), low.max(high)),
        p: p_higher(&worse_new, &raised(&worse_old, floor)),
        p_better: p_higher(&worse_old, &raised(&worse_new, floor)),
        floor,
        variation: old_variation.max(new_variation),
        samples: (old.len(), new.len()),
    })
}

/// What fresh samples of the two sides say, in the order in which they ran in turn. What drifts meanwhile is
/// no spread: neighbours are compared with each other.
///
/// Errors: why nothing can be said.
pub fn screen_interleaved(
    old: &[f64],
    new: &[f64],
    direction: Direction,
    floor: f64,
) -> Result<Noise, String> {
    let noise = screen(old, new, direction, floor)?;
    let (old, new) = (badness(old, direction), badness(new, direction));
    // Where samples are missing, there are no blocks.
    let p_above = |above: &[f64], below: &[f64]| p_higher_in_blocks(above, &raised(below, floor), BLOCK);
    Ok(Noise {
        p: p_above(&new, &old).unwrap_or(noise.p),
        p_better: p_above(&old, &new).unwrap_or(noise.p_better),
        ..noise
    })
}

/// What rises is worse, so what should rise is turned round.
fn sign(direction: Direction) -> f64 {
    if direction == Direction::Higher { -1.0 } else { 1.0 }
}

/// The logarithms, on which a ratio is a shift; higher is worse.
fn badness(samples: &[f64], direction: Direction) -> Vec<f64> {
    samples.iter().map(|sample| sign(direction) * sample.ln()).collect()
}

/// What is worse by exactly the floor.
fn raised(badness: &[f64], floor: f64) -> Vec<f64> {
    badness.iter().map(|value| value + floor.ln_1p()).collect()
}

/// Which candidates of one kind stage 2 confirms, given the p of each on the fresh samples alone.
pub fn confirmed(p: &[f64]) -> Vec<bool> {
    holm(p).into_iter().map(|adjusted| adjusted <= ALPHA).collect()
}
