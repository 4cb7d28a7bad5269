//! The rule on a thousand simulated programs of each kind: clean ones are not called leaks, leaking ones are.
//!
//! The seed is fixed, so the counts are the same everywhere. `cargo test -p bench-core --test leak_rule --
//! --nocapture` prints them.

use bench_core::leak::{CONFIRMED, Diagnosis, MEASURED, WARM_UP, judge};

const RUNS: u64 = 1000;
/// What every program holds.
const BASE: i64 = 1 << 20;

/// Steele, Lea and Flood's SplitMix64 (OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound as u64) as i64
    }

    /// About normal, with a standard deviation of 1000 bytes: the sum of twelve even ones (the central limit
    /// theorem).
    fn bytes(&mut self) -> i64 {
        (0..12).map(|_| self.below(1000)).sum::<i64>() - 6 * 999 / 2 * 2
    }
}

/// One program's live bytes over [`BASE`], iteration after iteration.
type Noise = fn(&mut Random, usize) -> Vec<i64>;

const CLEAN: [(&str, Noise); 6] = [
    ("constant", |_, n| vec![0; n]),
    ("white noise", |random, n| (0..n).map(|_| random.bytes()).collect()),
    ("rare spikes", |random, n| {
        (0..n).map(|_| if random.below(10) == 0 { random.below(100_000) } else { 0 }).collect()
    }),
    ("noise that lasts (AR(1), 0.6)", |random, n| {
        let mut value = 0;
        let mut step = || {
            value = value * 6 / 10 + random.bytes();
            value
        };
        (0..n).map(|_| step()).collect()
    }),
    ("a cache that fills and is cleared", |random, n| {
        let (period, entry) = (2 + random.below(12), 1 + random.below(4096));
        let phase = random.below(period);
        (0..n as i64).map(|i| (i + phase) % period * entry).collect()
    }),
    ("a buffer that settles at one of two sizes", |random, n| {
        let (large, small) = (random.below(65_536), random.below(4096));
        (0..n).map(|_| if random.below(2) == 0 { large } else { small }).collect()
    }),
];

/// As the detector does it: few iterations, and more of them for a suspect.
fn is_called_a_leak(
    random: &mut Random,
    noise: Noise,
    leaked: impl Fn(&mut Random, usize) -> Vec<i64>,
) -> bool {
    let n = WARM_UP + MEASURED + CONFIRMED;
    let (noise, leaked) = (noise(random, n), leaked(random, n));
    let readings: Vec<u64> = noise.iter().zip(&leaked).map(|(a, b)| (BASE + a + b) as u64).collect();
    let found = match judge(&readings[..WARM_UP + MEASURED], 0.0).unwrap() {
        Diagnosis::Suspect => judge(&readings, 0.0).unwrap(),
        found => found,
    };
    matches!(found, Diagnosis::Leak(_))
}

/// How many of a thousand programs are called leaks.
fn called_leaks(seed: u64, noise: Noise, leaked: impl Fn(&mut Random, usize) -> Vec<i64> + Copy) -> u64 {
    let mut random = Random(seed);
    (0..RUNS).filter(|_| is_called_a_leak(&mut random, noise, leaked)).count() as u64
}

#[test]
fn none_of_a_thousand_clean_programs_of_each_kind_is_called_a_leak() {
    for (seed, (name, noise)) in (1..).zip(CLEAN) {
        let alarms = called_leaks(seed, noise, |_, n| vec![0; n]);
        println!("{name}: {alarms} false alarms in {RUNS} runs");
        assert_eq!(alarms, 0, "{name}");
    }
}

#[test]
fn eight_bytes_per_iteration_are_always_found_where_nothing_jitters() {
    let steady = |_: &mut Random, n: usize| (0..n as i64).map(|i| 8 * i).collect();
    assert_eq!(called_leaks(7, CLEAN[0].1, steady), RUNS);
}

/// A kibibyte per iteration stands out of a noise of the same size.
#[test]
fn a_kibibyte_per_iteration_is_found_in_noise() {
    let steady = |_: &mut Random, n: usize| (0..n as i64).map(|i| 1024 * i).collect();
    for (seed, (name, noise)) in (20..).zip([CLEAN[0], CLEAN[1], CLEAN[2]]) {
        let found = called_leaks(seed, noise, steady);
        println!("1 KiB per iteration in {name}: {found} of {RUNS}");
        assert!(found >= RUNS * 99 / 100, "{name}: {found}");
    }
}

/// What leaks in a quarter of the iterations only is found most of the time.
#[test]
fn a_leak_now_and_then_is_found_mostly() {
    let now_and_then = |random: &mut Random, n: usize| {
        let mut held = 0;
        let mut step = || {
            held += if random.below(4) == 0 { 1024 } else { 0 };
            held
        };
        (0..n).map(|_| step()).collect()
    };
    let found = called_leaks(30, CLEAN[0].1, now_and_then);
    println!("1 KiB in a quarter of the iterations: {found} of {RUNS}");
    assert!(found >= RUNS * 3 / 4, "{found}");
}
