//! Every case runs once in the real binary, checks its answer, and sees what it should.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bench_core::case::{CaseId, CaseSpec, Kind, Mode};
use bench_core::dhat_profile::{self, Frame, SitesSummary};
use bench_core::evidence::{Bounds, Evidence, Expected, ExpectedHeap, PhaseRecord};
use bench_core::harness::SiteRecorder;
use bench_core::program::{ALLOCATOR_VARIABLE, MODE_VARIABLE, RECORDER_VARIABLE};

/// The allocators that the program was built with.
const ALLOCATORS: &[&str] = &[
    "system",
    #[cfg(feature = "jemalloc")]
    "jemalloc",
    #[cfg(feature = "mimalloc")]
    "mimalloc",
];

/// The suite's program, ready to measure in `mode`.
fn program(mode: Mode) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vectors"));
    program.env(MODE_VARIABLE, mode.name());
    program
}

fn list(flags: &[&str]) -> Vec<CaseSpec> {
    let output = program(Mode::Heap).arg("list").args(flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(mode: Mode, case: &str, flags: &[&str], folder: &Path) -> (Output, PathBuf) {
    let evidence = folder.join("evidence.json");
    let mut command = program(mode);
    let id: CaseId = case.parse().unwrap();
    command.env(ALLOCATOR_VARIABLE, id.param("allocator").unwrap_or("system"));
    command.current_dir(folder).args(["run", case, "--evidence"]).arg(&evidence).args(flags);
    (command.output().unwrap(), evidence)
}

fn evidence(mode: Mode, case: &str, flags: &[&str]) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let (output, path) = run(mode, case, flags, folder.path());
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every case of the default grid, on the allocator that it asks for.
#[test]
fn every_case_gives_a_right_answer() {
    for case in list(&[]) {
        if case.has_tag("slow") || case.has_tag("fault") || case.absent_modes.contains_key(&Mode::Heap) {
            continue;
        }
        if !ALLOCATORS.contains(&&*case.allocator) {
            continue;
        }
        let evidence = evidence(Mode::Heap, &case.id.to_string(), &[]);
        assert!(!evidence.phases.is_empty(), "{}", case.id);
        assert_eq!(evidence.allocator, case.allocator, "{}", case.id);
    }
}

/// What the allocator says of itself holds at least what is live, and no allocator holds less than is in use.
#[test]
fn every_allocator_tells_what_it_holds() {
    let tells =
        |allocator: &&&str| cfg!(all(target_os = "linux", target_env = "gnu")) || **allocator != "system";
    for &allocator in ALLOCATORS.iter().filter(tells) {
        let case = format!("vectors/fragmentation{{allocator={allocator},pattern=scaled}}");
        for phase in evidence(Mode::Heap, &case, &[]).phases {
            let (live, told) = (phase.heap.unwrap().end_live_bytes, phase.allocator.unwrap());
            let sys = told.sys_bytes.unwrap();
            assert!(sys >= live && sys < live + (1 << 30), "{case} {}: {sys} held, {live} live", phase.name);
            assert_eq!(told.in_use_bytes.is_some(), allocator != "mimalloc", "{case}");
            let in_use = told.in_use_bytes.unwrap_or(live);
            assert!((live..=sys).contains(&in_use), "{case} {}: {in_use} of {sys} in use", phase.name);
        }
    }
}

#[test]
fn the_other_modes_run_a_case_too() {
    let sites = evidence(Mode::Sites, "vectors/single_vector{dim=128}", &[]);
    assert!(sites.sites.is_some());
    let scaled = evidence(Mode::Sites, "vectors/multi_concept{dim=512,n=1000}", &["--scale", "10"]);
    assert_eq!(scaled.items, Some(100));
    for allocator in ALLOCATORS {
        let case = format!("vectors/fragmentation{{allocator={allocator},pattern=seed}}");
        assert!(evidence(Mode::Time, &case, &["--quick"]).time.is_some(), "{case}");
    }
}

#[test]
fn one_vector_costs_its_components() {
    let evidence = evidence(Mode::Heap, "vectors/single_vector{dim=2048}", &[]);
    let heap = evidence.phases[0].heap.unwrap();
    assert_eq!((heap.allocated_bytes, heap.allocated_blocks, heap.freed_blocks), (8192, 1, 0));
    assert_eq!(evidence.payload_bytes, Some(8192));
}

#[test]
fn every_calibration_meets_its_expectation() {
    let is_heaps =
        |case: &&CaseSpec| case.has_tag("calibration") && !case.absent_modes.contains_key(&Mode::Heap);
    for case in list(&[]).iter().filter(is_heaps) {
        let evidence = evidence(Mode::Heap, &case.id.to_string(), &[]);
        for phase in &evidence.phases {
            let expected =
                phase.expected.unwrap_or_else(|| panic!("{}: {} states nothing", case.id, phase.name));
            assert_eq!(seen(phase, &expected), expected, "{}, phase {}", case.id, phase.name);
        }
    }
}

/// What was recorded, in the shape of the expectation; bounds that hold stand for themselves.
fn seen(phase: &PhaseRecord, expected: &Expected) -> Expected {
    let heap = phase.heap.unwrap();
    let process = phase.process.unwrap_or_default();
    let within = |bounds: Option<Bounds>, value: Option<i64>| match (bounds?, value) {
        (bounds, Some(value)) if bounds.hold(value) => Some(bounds),
        (bounds, None) if cfg!(not(target_os = "linux")) => Some(bounds),
        (_, value) => Some(value.unwrap_or(i64::MIN).into()),
    };
    let difference = |end: Option<u64>, start: Option<u64>| Some(end? as i64 - start? as i64);
    let over_start = |bytes: u64| difference(Some(bytes), Some(heap.start_live_bytes));
    let known = expected.heap;
    Expected {
        heap: ExpectedHeap {
            growth_bytes: within(known.growth_bytes, over_start(heap.end_live_bytes)),
            peak_over_start_bytes: within(known.peak_over_start_bytes, over_start(heap.peak_live_bytes)),
            allocated_bytes: known.allocated_bytes.map(|_| heap.allocated_bytes),
            allocated_blocks: known.allocated_blocks.map(|_| heap.allocated_blocks),
            freed_blocks: known.freed_blocks.map(|_| heap.freed_blocks),
            reallocated_blocks: known.reallocated_blocks.map(|_| heap.reallocated_blocks),
            reallocated_bytes: known.reallocated_bytes.map(|_| heap.reallocated_bytes),
        },
        native: None,
        mappings: None,
        rest_bytes: None,
        rss_anon_growth_bytes: within(
            expected.rss_anon_growth_bytes,
            difference(process.end.rss_anon_bytes, process.start.rss_anon_bytes),
        ),
        peak_rss_over_start_bytes: within(
            expected.peak_rss_over_start_bytes,
            difference(process.peak_rss_bytes, Some(process.start.rss_bytes)),
        ),
    }
}

#[test]
fn a_fault_fails_in_its_own_way_and_is_listed_as_one() {
    let faults: Vec<CaseSpec> = list(&[]).into_iter().filter(|case| case.has_tag("fault")).collect();
    assert_eq!(faults.len(), 13);
    for (kind, code, reason) in [
        ("panic", Some(101), "as it was asked to"),
        ("abort", None, ""),
        ("wrong_answer", Some(1), "wrong answer: the answer is 43 instead of 42"),
        ("exit", Some(7), ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (output, path) = run(Mode::Heap, &format!("vectors/fault{{kind={kind}}}"), &[], folder.path());
        assert_eq!(output.status.code(), code, "{kind}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(reason), "{kind}");
        assert!(!path.exists(), "{kind} leaves no evidence");
    }
    let folder = tempfile::tempdir().unwrap();
    let (output, path) = run(Mode::Heap, "vectors/fault{kind=stdout}", &[], folder.path());
    assert!(output.status.success() && path.exists());
    assert!(String::from_utf8_lossy(&output.stdout).contains("prints to stdout"));
    let (output, _) =
        run(Mode::Heap, "vectors/fault{kind=no_evidence}", &[], tempfile::tempdir().unwrap().path());
    assert!(output.status.success());
}

#[test]
fn the_users_data_set_becomes_a_case() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-data/tests/fixtures/c_f4.npy");
    let flags = ["--dataset", file.to_str().unwrap()];
    let cases = list(&flags);
    let case = cases.iter().find(|case| case.has_tag("dataset")).unwrap();
    assert_eq!(case.id.to_string(), "vectors/multi_concept{dataset=c_f4,n=3}");
    let evidence = evidence(Mode::Heap, &case.id.to_string(), &flags);
    assert_eq!((evidence.items, evidence.payload_bytes), (Some(3), Some(3 * 2 * 4 + 3 * 9)));
    assert!(evidence.inputs["dataset"].starts_with("xxh3:"));
}

#[test]
fn an_unreadable_data_set_fails_the_listing_with_its_name() {
    let output = program(Mode::Heap).args(["list", "--dataset", "missing.fvecs"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("missing.fvecs") && stderr.contains("No such file"), "{stderr}");
}

/// The instruments keep nothing on the heap between phases: a phase starts where the one before ended.
#[test]
fn phases_follow_each_other_without_a_byte_between() {
    let evidence = evidence(Mode::Heap, "vectors/fragmentation{allocator=system,pattern=seed}", &[]);
    assert!(evidence.phases.len() > 2);
    for pair in evidence.phases.windows(2) {
        let [before, after] = [&pair[0], &pair[1]].map(|phase| phase.heap.unwrap());
        assert_eq!(
            after.start_live_bytes, before.end_live_bytes,
            "between {} and {}",
            pair[0].name, pair[1].name
        );
    }
}

/// All call sites of a case, as one recorder saw them.
fn call_sites(case: &CaseSpec, recorder: SiteRecorder) -> SitesSummary {
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence.json");
    let mut command = program(Mode::Sites);
    command.env(RECORDER_VARIABLE, recorder.name()).env(ALLOCATOR_VARIABLE, &case.allocator);
    command.current_dir(&folder).args(["run", &case.id.to_string(), "--evidence"]).arg(&evidence);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {}", case.id, String::from_utf8_lossy(&output.stderr));
    let profile = std::fs::read_to_string(folder.path().join("dhat.json")).unwrap();
    dhat_profile::read(&profile).unwrap()
}

/// Total, peak and end in bytes and blocks of each stack, without the frames by which it got to an allocator:
/// those of dhat's own are dhat's.
fn below_the_allocator(sites: &SitesSummary, depth: usize) -> BTreeMap<Vec<Frame>, [u64; 6]> {
    let of_allocators =
        ["bench-main/src/allocator.rs", "alloc/src/", "src/alloc/", "src/raw_vec/", "src/vec/"];
    let is_allocators = |frame: &&Frame| {
        frame.file.as_ref().is_some_and(|file| of_allocators.iter().any(|its| file.starts_with(its)))
    };
    let mut stacks: BTreeMap<Vec<Frame>, [u64; 6]> = BTreeMap::new();
    for site in &sites.sites {
        let inner = site.stack.iter().take_while(is_allocators).count();
        let sums = stacks.entry(site.stack[inner..].iter().take(depth).cloned().collect()).or_default();
        let (total, peak) = ([site.total_bytes, site.total_blocks], [site.peak_bytes, site.peak_blocks]);
        for (sum, count) in sums.iter_mut().zip([total, peak, [site.end_bytes, site.end_blocks]].concat()) {
            *sum += count;
        }
    }
    stacks
}

/// Two profilers that share no code: ours and the dhat crate, on every quick case. Where threads allocate
/// beside each other, the peak is of one run.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")),
    ignore = "elsewhere dhat is the only recorder"
)]
#[test]
fn call_sites_are_those_of_dhat_to_the_byte_and_block() {
    let cases = list(&[]);
    let is_comparable = |case: &&CaseSpec| {
        case.is(Kind::Quick)
            && !case.is(Kind::Fault)
            && case.allocator == "system"
            && !case.absent_modes.contains_key(&Mode::Sites)
    };
    let mut compared = 0;
    for case in cases.iter().filter(is_comparable) {
        let [mut ours, mut dhats] = SiteRecorder::ALL.map(|recorder| call_sites(case, recorder));
        let is_concurrent = case.id.param("threads").is_some();
        if is_concurrent {
            for sites in [&mut ours, &mut dhats] {
                sites.peak_bytes = 0;
                sites.sites.iter_mut().for_each(|site| (site.peak_bytes, site.peak_blocks) = (0, 0));
            }
        }
        // Where in its pool a thread waits for work is of one run, too.
        let depth = if is_concurrent { 1 } else { usize::MAX };
        let [of_ours, of_dhats] = [&ours, &dhats].map(|sites| below_the_allocator(sites, depth));
        assert_eq!(of_ours, of_dhats, "{}", case.id);
        assert_eq!(
            (ours.total_bytes, ours.total_blocks, ours.peak_bytes, ours.end_bytes),
            (dhats.total_bytes, dhats.total_blocks, dhats.peak_bytes, dhats.end_bytes),
            "{}",
            case.id
        );
        compared += 1;
    }
    assert!(compared > 5, "{compared} cases");
}

/// Two instruments that share no code: the counters and the profiler of call sites, which is judged by dhat
/// above.
#[test]
fn the_counters_agree_with_dhat_to_the_byte() {
    for case in
        ["vectors/multi_concept{dim=512,n=1000}", "vectors/fragmentation{allocator=system,pattern=seed}"]
    {
        let heap = evidence(Mode::Heap, case, &[]).whole().unwrap().heap.unwrap();
        let sites = evidence(Mode::Sites, case, &[]).sites.unwrap();
        assert_eq!(heap.allocated_bytes + heap.reallocated_bytes, sites.total_bytes, "{case}");
        assert_eq!(heap.allocated_blocks + heap.reallocated_blocks, sites.total_blocks, "{case}");
        assert_eq!(heap.peak_live_bytes - heap.base_live_bytes, sites.peak_bytes, "{case}");
        assert_eq!(heap.end_live_bytes - heap.base_live_bytes, sites.end_bytes, "{case}");
    }
}
