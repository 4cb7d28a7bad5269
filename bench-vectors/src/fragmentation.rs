//! V3: what does an allocator keep resident when blocks of a collection come and go?
//!
//! The same patterns run on each allocator. Live bytes are the same on all of them; what differs is RSS,
//! time, and the fragmentation ratio.

use anyhow::{Result, bail, ensure};
use bench_core::harness::{Allocator, Axis, Case, Phases, Prepared, Suite, Workload};

pub(crate) fn add(suite: &mut Suite) {
    let about = "vectors allocated, every other one freed, half as many allocated again (scaled: 100 x as many); \
                 churn: blocks of random size replaced in random order";
    let workload = Workload::new("fragmentation", about)
        .axis(Axis::new("allocator", Allocator::ALL).quick([Allocator::System]))
        .axis(Axis::new("pattern", ["seed", "scaled", "churn"]).quick(["seed", "churn"]));
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    match case.text("pattern")? {
        "seed" => Ok(every_other(50)),
        "scaled" => Ok(every_other(5000)),
        "churn" => Ok(churn()),
        pattern => bail!("fragmentation has no pattern {pattern:?}"),
    }
}

const DIM: usize = 256;
/// The refill's values start here, so that old and new vectors are told apart.
const REFILL: usize = 10_000;

/// `count` vectors, every other one freed, `count / 2` more; `count` of them stay.
fn every_other(count: usize) -> Prepared {
    let run = move |phases: &mut Phases| {
        let mut vectors = phases.measure("allocate", || {
            let mut vectors = Vec::new();
            for i in 0..count {
                vectors.push(vec![i as f32; DIM]);
            }
            vectors
        });
        phases.measure("free", || {
            for vector in vectors.iter_mut().step_by(2) {
                vector.clear();
                vector.shrink_to_fit();
            }
        });
        phases.measure("refill", || {
            for i in 0..count / 2 {
                vectors.push(vec![(REFILL + i) as f32; DIM]);
            }
        });
        vectors
    };
    let check = move |vectors: Vec<Vec<f32>>| {
        ensure!(vectors.len() == count + count / 2, "{} vectors", vectors.len());
        for (i, vector) in vectors.iter().enumerate() {
            let (len, value) = match i {
                i if i >= count => (DIM, REFILL + i - count),
                i if i % 2 == 0 => (0, 0),
                i => (DIM, i),
            };
            ensure!(vector.len() == len, "vector {i} has {} components instead of {len}", vector.len());
            ensure!(vector.iter().all(|&x| x == value as f32), "vector {i} was overwritten");
        }
        Ok(())
    };
    Prepared::new(run, check)
        .items_of("vector", count + count / 2)
        .payload_bytes(count * DIM * size_of::<f32>())
}

const CHURN_SLOTS: usize = 10_000;
const CHURN_STEPS: usize = 200_000;

/// Replaces blocks of 16 bytes to 16 KiB in random order, many times over.
fn churn() -> Prepared {
    let plan = plan(CHURN_SLOTS, CHURN_STEPS);
    let mut expected = vec![0; CHURN_SLOTS];
    for &(slot, len) in &plan {
        expected[slot] = len;
    }
    let payload = expected.iter().sum();
    let run = move |phases: &mut Phases| {
        phases.measure("churn", || {
            let mut slots = vec![Vec::new(); CHURN_SLOTS];
            for &(slot, len) in &plan {
                slots[slot] = Vec::new(); // frees first, so that the new block may take its place
                slots[slot] = vec![slot as u8; len];
            }
            slots
        })
    };
    let check = move |slots: Vec<Vec<u8>>| {
        ensure!(slots.len() == expected.len(), "{} slots", slots.len());
        for (slot, (block, &len)) in slots.iter().zip(&expected).enumerate() {
            ensure!(block.len() == len, "block {slot} has {} bytes instead of {len}", block.len());
            ensure!(block.iter().all(|&byte| byte == slot as u8), "block {slot} was overwritten");
        }
        Ok(())
    };
    Prepared::new(run, check).items_of("step", CHURN_STEPS).payload_bytes(payload)
}

/// Which slot gets a block of how many bytes; always the same. Ten size classes are equally likely, so that
/// small blocks are many and large ones hold most of the bytes.
fn plan(slots: usize, steps: usize) -> Vec<(usize, usize)> {
    let mut random = SplitMix64(1);
    (0..steps)
        .map(|_| {
            let slot = random.below(slots);
            let least = 16 << random.below(10);
            (slot, least + random.below(least))
        })
        .collect()
}

/// Steele, Lea and Flood's generator (2014). Written out, because a library's sequence may change with its
/// version, and the workload with it.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; the bias of the remainder is below 2^-50 for the bounds used here.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_sequence() {
        let mut random = SplitMix64(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_plan_stays_within_its_bounds_and_touches_every_size_class() {
        let plan = plan(100, 5000);
        assert!(plan.iter().all(|&(slot, len)| slot < 100 && (16..16 << 10).contains(&len)));
        for class in 0..10 {
            let least = 16 << class;
            assert!(plan.iter().any(|&(_, len)| (least..2 * least).contains(&len)), "class {class}");
        }
    }
}
