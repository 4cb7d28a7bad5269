//! What forbids a comparison and what is only said: conditions that differ or are unknown, cases that came,
//! went or failed.

use bench_core::run::Run;
use report::Verdict;
use report::compare::CaseState;

use super::{FRAGMENTED, assert_outcome, case, change, compared, run};
use crate::sample;

#[test]
fn conditions_that_differ_make_numbers_incomparable_and_are_named() {
    let fact = |name: &str, value: &str| {
        let mut run = run(10);
        run.host.facts.insert(name.into(), value.into());
        run
    };
    let setting = |change: fn(&mut Run)| {
        let mut run = run(10);
        change(&mut run);
        run
    };
    // What differs; what becomes of an exact and of a noisy metric; how the difference is said.
    for (new, exact, noisy, said) in [
        (
            setting(|run| run.settings.profile = "dev".into()),
            "incomparable",
            "incomparable",
            "profile: release → dev",
        ),
        (
            setting(|run| run.settings.features = Some(vec!["diskann".into()])),
            "incomparable",
            "incomparable",
            "features: default → diskann",
        ),
        (fact("os", "FreeBSD"), "incomparable", "incomparable", "os: Debian GNU/Linux 12 → FreeBSD"),
        (fact("libc", "glibc 2.40"), "same", "incomparable", "libc: glibc 2.36 → glibc 2.40"),
        (
            setting(|run| drop(run.settings.environment.insert("MALLOC_ARENA_MAX".into(), "1".into()))),
            "same",
            "incomparable",
            "malloc variables:  → MALLOC_ARENA_MAX=1",
        ),
        (
            setting(|run| drop(run.settings.environment.insert("RAYON_NUM_THREADS".into(), "1".into()))),
            "incomparable",
            "incomparable",
            "RAYON_NUM_THREADS: not set → 1",
        ),
        (
            setting(|run| case(run, FRAGMENTED).spec.version = Some(2)),
            "incomparable",
            "incomparable",
            "workload version: 1 → 2",
        ),
        (
            setting(|run| {
                for repetition in &mut case(run, FRAGMENTED).measurements[0].repetitions {
                    let inputs = &mut repetition.evidence.as_mut().unwrap().inputs;
                    inputs.insert("corpus".into(), "ab".repeat(32));
                }
            }),
            "same",
            "same",
            "input corpus: unknown → abababababab…",
        ),
        (fact("rustc", "rustc 1.96.0"), "same", "same", "rustc: rustc 1.95.0 → rustc 1.96.0"),
        (fact("swap_bytes", "0"), "same", "same", "swap_bytes: unknown → 0"),
    ] {
        let comparison = compared(&run(10), &new, "");
        let of = |metric| change(&comparison, FRAGMENTED, metric);
        assert_eq!((of("heap.peak").outcome.word(), of("rss.peak").outcome.word()), (exact, noisy), "{said}");
        let reasons =
            [of("heap.peak"), of("rss.peak")].map(|change| change.outcome.reason().unwrap_or_default());
        let notes: Vec<String> = comparison.notes.iter().map(|note| note.to_string()).collect();
        assert!(
            reasons.iter().chain(&notes).any(|text| text.contains(said)),
            "{said}: {reasons:?} {notes:?}"
        );
        let decided = exact == "same" && noisy == "same" && !said.contains("unknown");
        assert_eq!(comparison.verdict, if decided { Verdict::Pass } else { Verdict::Warn }, "{said}");
        assert_eq!(comparison.is_undecided(), !decided, "{said}");
    }
}

/// An upgrade that costs memory is what a gate is for: it is compared, and named as the likely cause.
#[test]
fn the_version_of_what_is_measured_forbids_no_comparison_and_is_named_as_the_cause() {
    let with = |name: &str, version: &str, more_bytes: u64| {
        let mut run = run(10);
        for repetition in &mut case(&mut run, FRAGMENTED).measurements[0].repetitions {
            let evidence = repetition.evidence.as_mut().unwrap();
            evidence.inputs.insert(name.into(), version.into());
            for phase in &mut evidence.phases {
                phase.heap.as_mut().unwrap().peak_live_bytes += more_bytes;
            }
        }
        run
    };
    for (name, old, new, said) in [
        ("engine", "qdrant-edge 0.7.1", "qdrant-edge 0.7.2", "qdrant-edge version: 0.7.1 → 0.7.2"),
        (
            "server",
            "PostgreSQL 16.4, pgvector 0.8.0",
            "PostgreSQL 17.0, pgvector 0.8.0",
            "server version: PostgreSQL 16.4, pgvector 0.8.0 → PostgreSQL 17.0, pgvector 0.8.0",
        ),
    ] {
        let same = compared(&with(name, old, 0), &with(name, new, 0), "");
        assert_eq!((same.verdict, same.is_undecided()), (Verdict::Pass, false), "{said}");
        assert_eq!(same.notes.iter().map(|note| note.to_string()).collect::<Vec<_>>(), [said]);
        let worse = compared(&with(name, old, 0), &with(name, new, 50 << 20), "");
        let change = change(&worse, FRAGMENTED, "heap.peak");
        assert_outcome(change, "worse", Verdict::Fail);
        assert_eq!(change.reason().unwrap(), format!("likely cause: {said}"));
    }
}

#[test]
fn runs_from_before_a_fact_was_recorded_still_load_and_say_what_is_unknown() {
    let mut old = run(10);
    old.settings.features = None;
    old.settings.harness = None;
    let json = serde_json::to_string(&old).unwrap();
    assert!(!json.contains("features"));
    let old: Run = serde_json::from_str(&json).unwrap();
    let comparison = compared(&old, &run(10), "");
    let notes: Vec<String> = comparison.notes.iter().map(|note| note.to_string()).collect();
    assert_eq!(notes, ["features: unknown → default", "harness: unknown → 1"]);
    assert_outcome(change(&comparison, FRAGMENTED, "heap.peak"), "same", Verdict::Pass);
    assert_eq!((comparison.verdict, comparison.is_undecided()), (Verdict::Warn, true));
}

#[test]
fn cases_that_came_went_or_failed_are_said_and_failures_fail() {
    let state = |old: &Run, new: &Run| {
        let comparison = compared(old, new, "");
        let found: Vec<(CaseState, Verdict)> =
            comparison.cases.iter().map(|case| (case.state.clone(), case.verdict)).collect();
        assert_eq!(comparison.verdict, found.iter().map(|(_, verdict)| *verdict).max().unwrap_or_default());
        found
    };
    let (whole, mut less) = (run(10), run(10));
    less.cases.retain(|case| case.spec.id.to_string() != FRAGMENTED);
    assert_eq!(state(&less, &whole), [(CaseState::New, Verdict::Pass)]);
    assert_eq!(state(&whole, &less), [(CaseState::Missing, Verdict::Fail)]);
    less.settings.left_out =
        Some(vec!["vectors/fragmentation{pattern=scaled,allocator=system}".parse().unwrap()]);
    assert_eq!(state(&whole, &less), [], "it was not asked for, in whatever order its parameters stand");
    less.settings.left_out = None;
    assert_eq!(state(&whole, &less), [(CaseState::PerhapsLeftOut, Verdict::Warn)]);

    let mut failed = run(10);
    let crashed = sample::run().cases.into_iter().find(|case| case.spec.id.workload == "batch").unwrap();
    case(&mut failed, FRAGMENTED).measurements = crashed.measurements;
    let found = state(&whole, &failed);
    assert_eq!(found[0].1, Verdict::Fail);
    assert_eq!(found[0].0.text(), "failed: crashed in mode heap: exit code 101");
    assert_eq!(state(&failed, &whole), [(CaseState::FailedBefore, Verdict::Pass)]);
}
