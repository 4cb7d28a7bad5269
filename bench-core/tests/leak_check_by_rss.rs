//! The detector without a counting allocator: it judges RSS, in fresh processes that run this very test.

use std::fs::File;
use std::hint::black_box;
use std::sync::Mutex;

use bench_core::leak_detector::{CannotTell, GrowthLimit, LeakDetector, LeakError, ReadingSource};

static HELD: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
static OPEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

#[test]
fn clean_work_is_not_called_a_leak() -> Result<(), LeakError> {
    let checked = LeakDetector::new().check(|| black_box(vec![1u8; 300_000]).len())?;
    assert_eq!(checked.source, ReadingSource::Rss);
    assert!(checked.to_string().contains("weaker"), "{checked}");
    Ok(())
}

#[test]
fn what_stays_is_found_and_named_as_far_as_it_can_be() {
    let keep = || HELD.lock().unwrap().push(vec![1u8; 16 * 1024]);
    let error = LeakDetector::new().check(keep).expect_err("16 KiB stay from each iteration");
    let LeakError::Leak(leak) = &error else { panic!("{error}") };
    assert_eq!(leak.broken, [GrowthLimit::Slope]);
    assert!((10_000.0..40_000.0).contains(&leak.checked.trend.line.slope), "{error}");
    assert!(error.to_string().contains("call sites are not known"), "{error}");
}

#[test]
fn open_files_are_counted_in_a_process_of_their_own() {
    let open = || OPEN.lock().unwrap().push(File::open("/dev/null").unwrap());
    let error = LeakDetector::new().check(open).expect_err("a file stays open from each iteration");
    let LeakError::Leak(leak) = &error else { panic!("{error}") };
    assert_eq!(leak.broken, [GrowthLimit::Descriptors]);
    assert_eq!(leak.checked.descriptors.map(|change| change.after - change.before), Some(24));
}

#[test]
fn a_thread_that_is_no_test_is_refused() {
    let check = || LeakDetector::new().check(|| ()).map(drop);
    let nameless = std::thread::spawn(check).join().unwrap();
    assert!(matches!(nameless, Err(LeakError::CannotTell(CannotTell::NoTestName))), "{nameless:?}");
}

#[test]
fn a_test_that_fails_before_its_check_says_so() {
    let is_fresh_process = std::env::var_os("BENCH_CORE_LEAK_PROCESS").is_some();
    assert!(!is_fresh_process, "fails in the fresh process only");
    let error = LeakDetector::new().check(|| ()).expect_err("the process fails");
    assert!(error.to_string().contains("fails in the fresh process only"), "{error}");
}
