//! The detector beside programs that leak a known number of bytes, from a known line.
//!
//! The checks run one after the other on the main thread, because a test runner's own allocations would
//! count.

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bench_core::instrument::{CountingAllocator, Profilable, live_bytes};
use bench_core::leak::{Diagnosis, Shape};
use bench_core::leak_detector::{
    BeforeAfter, CallSites, CannotTell, Checked, GrowthLimit, Leak, LeakDetector, LeakError, ReadingSource,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator<Profilable> = CountingAllocator::new(Profilable);

/// A check's name and body.
type Check = (&'static str, fn());

const CHECKS: &[Check] = &[
    ("a_thousand_clean_checks_raise_no_alarm", a_thousand_clean_checks_raise_no_alarm),
    ("eight_bytes_are_found_and_their_call_site_named", eight_bytes_are_found_and_their_call_site_named),
    ("a_collection_that_only_grows_is_found", a_collection_that_only_grows_is_found),
    ("a_map_that_only_grows_is_found", a_map_that_only_grows_is_found),
    ("a_cache_that_is_replaced_is_no_leak", a_cache_that_is_replaced_is_no_leak),
    ("a_slope_may_be_allowed", a_slope_may_be_allowed),
    ("presets_judge_growth", presets_judge_growth),
    ("open_files_are_found", open_files_are_found),
    ("threads_are_found", threads_are_found),
    ("other_threads_make_the_verdict_impossible", other_threads_make_the_verdict_impossible),
    ("workers_belong_to_the_work", workers_belong_to_the_work),
];

fn main() {
    // Some test runners ask for the list.
    if std::env::args().any(|argument| argument == "--list") {
        CHECKS.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let selected: Vec<&Check> = CHECKS.iter().filter(|(name, _)| name.contains(&filter)).collect();
    println!("\nrunning {} tests", selected.len());
    let mut failed = 0;
    for (name, check) in &selected {
        let start = Instant::now();
        let passed = std::panic::catch_unwind(check).is_ok();
        println!("test {name} ... {} ({:.2?})", if passed { "ok" } else { "FAILED" }, start.elapsed());
        failed += usize::from(!passed);
    }
    println!(
        "\ntest result: {}. {} passed; {failed} failed\n",
        if failed == 0 { "ok" } else { "FAILED" },
        selected.len() - failed
    );
    std::process::exit(if failed == 0 { 0 } else { 101 });
}

#[track_caller]
fn leak(outcome: Result<Checked, LeakError>) -> (Leak, String) {
    match outcome {
        Err(LeakError::Leak(leak)) => {
            let text = leak.to_string();
            (*leak, text)
        }
        other => panic!("no leak was found: {other:?}"),
    }
}

/// What a search or an ingest does: blocks of changing sizes that come and go, and a buffer that is kept.
fn clean_work(i: &mut u64, kept: &mut Vec<u64>) -> usize {
    *i += 1;
    kept.clear();
    kept.extend((0..200).map(|n| n * *i));
    let texts: Vec<String> = (0..*i % 17).map(|n| format!("text {n} of {i}")).collect();
    let map: HashMap<&str, usize> = texts.iter().map(|text| (text.as_str(), text.len())).collect();
    black_box(map.len() + kept.len())
}

fn a_thousand_clean_checks_raise_no_alarm() {
    let start = Instant::now();
    let (mut i, mut kept) = (0, Vec::new());
    let alarms =
        (0..1000).filter(|_| LeakDetector::new().check(|| clean_work(&mut i, &mut kept)).is_err()).count();
    println!("{alarms} alarms in 1,000 clean checks, {:.2?} each", start.elapsed() / 1000);
    assert_eq!(alarms, 0);
}

#[inline(never)]
fn remember_for_ever(number: u64) {
    std::mem::forget(black_box(Box::new(number)));
}

#[inline(never)]
fn answer(number: u64) -> Vec<u64> {
    remember_for_ever(number);
    vec![number; 100]
}

fn eight_bytes_are_found_and_their_call_site_named() {
    let mut iterations = 0;
    let (leak, text) = leak(LeakDetector::new().check(|| {
        iterations += 1;
        answer(iterations)
    }));
    println!("{text}");
    assert_eq!(leak.broken, [GrowthLimit::Slope]);
    assert_eq!(
        (leak.checked.source, leak.checked.iterations),
        (ReadingSource::Heap, 80),
        "found within 100 iterations"
    );
    assert_eq!((leak.checked.trend.line.slope, leak.checked.trend.line.slope_interval), (8.0, (8.0, 8.0)));
    assert_eq!(leak.checked.last_bytes - leak.checked.first_bytes, 71 * 8);
    let CallSites::Growing { sites, .. } = &leak.call_sites else { panic!("{text}") };
    assert_eq!(sites.len(), 1, "{text}");
    assert_eq!((sites[0].bytes_per_iteration, sites[0].blocks_per_iteration), (8.0, 1.0));
    let functions: Vec<&str> = sites[0].stack.iter().map(|frame| frame.function.as_str()).collect();
    assert!(functions[0].ends_with("remember_for_ever"), "{functions:?}");
    assert!(functions[1].ends_with("answer"), "{functions:?}");
    assert!(
        sites[0].stack[0].file.as_ref().is_some_and(|file| file.ends_with("leak_detector/main.rs")),
        "{text}"
    );
    assert!(text.contains("8.0 B stay from each iteration") && text.contains("remember_for_ever"), "{text}");
}

fn a_collection_that_only_grows_is_found() {
    let mut seen: Vec<u64> = Vec::new();
    let (leak, text) = leak(LeakDetector::new().check(|| seen.push(7)));
    println!("{text}");
    assert_eq!(leak.checked.finding, Diagnosis::Leak(Shape::Doubling), "{text}");
    assert!(text.contains("a_collection_that_only_grows_is_found"), "the call site: {text}");
}

fn a_map_that_only_grows_is_found() {
    let mut cache: HashMap<u64, u64> = HashMap::new();
    let mut key = 0;
    let (_, text) = leak(LeakDetector::new().check(|| {
        key += 1;
        cache.insert(key, key);
    }));
    println!("{text}");
    assert!(text.contains("only grows") && text.contains("a_map_that_only_grows_is_found"), "{text}");
}

fn a_cache_that_is_replaced_is_no_leak() {
    let mut cache: Option<Vec<u8>> = None;
    LeakDetector::new().check(|| cache = Some(vec![1; 10_000])).unwrap();
}

fn a_slope_may_be_allowed() {
    let keep = || std::mem::forget(black_box(Box::new([1u8; 64])));
    LeakDetector::new().max_slope(64.0).check(keep).unwrap();
    let (leak, _) = leak(LeakDetector::new().max_slope(63.0).check(keep));
    assert_eq!(leak.checked.trend.line.slope, 64.0);
}

fn presets_judge_growth() {
    // What the process holds is the baseline: make it large, so that the pages of the test itself do not
    // count.
    let _held = black_box(vec![1u8; 10_000_000]);
    for (detector, allowed) in [
        (LeakDetector::conservative(), 0.10),
        (LeakDetector::normal(), 0.20),
        (LeakDetector::permissive(), 0.30),
    ] {
        let growing_by = |share: f64| {
            // In the middle of the first third 12 iterations have kept their bytes, in that of the last third
            // 16 more.
            let bytes = (share * live_bytes() as f64 / (16.0 - 12.0 * share)) as usize;
            let mut kept: Vec<Vec<u8>> = Vec::with_capacity(100);
            detector.check(|| kept.push(vec![1; bytes]))
        };
        growing_by(allowed * 0.8).unwrap();
        let (leak, text) = leak(growing_by(allowed * 1.5));
        assert_eq!(leak.broken, [GrowthLimit::Growth], "{text}");
        assert!(text.contains(&format!("allowed are {:.1} %", allowed * 100.0)), "{text}");
    }
}

fn open_files_are_found() {
    let mut open: Vec<File> = Vec::with_capacity(100);
    let (leak, text) = leak(LeakDetector::new().check(|| open.push(File::open("/dev/null").unwrap())));
    assert_eq!(leak.broken, [GrowthLimit::Descriptors]);
    assert!(text.contains("24 more open file descriptors"), "{text}");
    LeakDetector::new().allow_descriptors(24).check(|| open.push(File::open("/dev/null").unwrap())).unwrap();
}

fn threads_are_found() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let mut threads: Vec<JoinHandle<()>> = Vec::with_capacity(200);
    let mut start = || {
        let wait = || {
            while !STOP.load(Relaxed) {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        };
        threads.push(std::thread::spawn(wait));
    };
    let (leak, text) = leak(LeakDetector::new().with_workers().check(&mut start));
    assert!(leak.broken.contains(&GrowthLimit::Threads), "{text}");
    let Some(BeforeAfter { before, after }) = leak.checked.threads else { panic!("{text}") };
    assert!(after - before >= 24, "{text}");
    STOP.store(true, Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A thread that allocates while `check` runs.
fn with_another_thread<T>(check: impl FnOnce() -> T) -> T {
    let (stop, started) = (AtomicBool::new(false), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            started.wait();
            while !stop.load(Relaxed) {
                drop(black_box(vec![1u8; 1000]));
            }
        });
        started.wait();
        let answer = check();
        stop.store(true, Relaxed);
        answer
    })
}

fn other_threads_make_the_verdict_impossible() {
    // Long enough for the other thread to get a turn on a busy machine.
    let clean = || {
        std::thread::sleep(Duration::from_millis(1));
        black_box(vec![1u8; 50_000]).len()
    };
    let outcome = with_another_thread(|| LeakDetector::new().check(clean));
    let Err(error @ LeakError::CannotTell(CannotTell::OtherThreads { .. })) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(error.to_string().contains("--test-threads=1"), "{error}");
    let checked = with_another_thread(|| LeakDetector::new().only_this_thread().check(clean)).unwrap();
    assert_eq!((checked.threads, checked.descriptors), (None, None), "they could be the others'");
    let keep = || std::mem::forget(black_box(Box::new(1u64)));
    let (leak, text) = leak(with_another_thread(|| LeakDetector::new().only_this_thread().check(keep)));
    assert_eq!(leak.checked.trend.line.slope, 8.0, "{text}");
}

fn workers_belong_to_the_work() {
    let work = || std::thread::scope(|scope| scope.spawn(|| vec![1u8; 1000].len()).join().unwrap());
    LeakDetector::new().check(work).expect_err("another thread allocates");
    LeakDetector::new().with_workers().check(work).unwrap();
}
