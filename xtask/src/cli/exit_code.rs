//! Exit codes: what the end of `cargo xtask` says to a shell or to CI.

use std::fmt;

use bench_core::run::FailedSuites;
use report::Verdict;

/// Everything passed; warnings are allowed.
pub const PASS: u8 = 0;
/// The tool itself failed: a disk that is full, a process that cannot be started.
pub const TOOL_ERROR: u8 = 1;
/// The command line or an input file is wrong. clap uses the same code.
pub const USAGE: u8 = 2;
/// A gate failed: a value is outside its limit, or the instruments are off.
pub const GATE_FAILED: u8 = 3;
/// No case matched the filter, or none of those that did could be measured.
pub const NOTHING_MATCHED: u8 = 4;
/// Under `--strict`: something that is judged against a baseline is incomparable, inconclusive or
/// unconfirmed.
pub const UNDECIDED: u8 = 5;
/// Only better than the snapshot: it asks for smaller numbers. Everything else passed.
pub const SNAPSHOT_BEATEN: u8 = 6;
/// A workload crashed, was killed at a limit, or said that it failed. Wins over [`GATE_FAILED`].
pub const WORKLOAD_FAILED: u8 = 100;
/// A suite did not build, or could not be asked for its cases; the others were measured.
pub const BUILD_FAILED: u8 = 101;
/// A command that was to be watched could not be started; shells use the same code.
pub const CANNOT_START: u8 = 127;
/// Stopped by Ctrl-C; what was measured is stored.
pub const INTERRUPTED: u8 = 130;

/// What each code means, in the order of `--help`.
const MEANINGS: [(u8, &str); 11] = [
    (PASS, "pass (warnings allowed)"),
    (TOOL_ERROR, "the tool failed"),
    (USAGE, "wrong command line or bad input"),
    (
        GATE_FAILED,
        "a gate failed: a value is outside its limit or worse than its baseline or snapshot, or the instruments \
         are off",
    ),
    (
        NOTHING_MATCHED,
        "no case matched the filter or none could be measured, or two runs have none in common",
    ),
    (UNDECIDED, "under --strict: incomparable, inconclusive or unconfirmed, or a snapshot does not judge"),
    (
        SNAPSHOT_BEATEN,
        "with --snapshot: nothing is worse there and something is better; --update takes it over",
    ),
    (WORKLOAD_FAILED, "a workload crashed, was killed at a limit, or failed (wins over 3)"),
    (BUILD_FAILED, "a suite did not build, or could not be asked for its cases"),
    (CANNOT_START, "the command could not be started"),
    (INTERRUPTED, "interrupted by Ctrl-C; what was measured is stored"),
];

/// The codes of what measures and judges.
const OF_A_RUN: [u8; 10] = [
    PASS,
    TOOL_ERROR,
    USAGE,
    GATE_FAILED,
    NOTHING_MATCHED,
    UNDECIDED,
    SNAPSHOT_BEATEN,
    WORKLOAD_FAILED,
    BUILD_FAILED,
    INTERRUPTED,
];

/// The codes for `--help`.
pub fn help() -> String {
    table(&OF_A_RUN, &[])
}

/// What `--help` adds for a command with these examples.
pub fn help_with(examples: &str) -> String {
    help_for(examples, &OF_A_RUN, &[])
}

/// The same for a command that ends with these `codes` alone, of which `own` mean something narrower here.
pub fn help_for(examples: &str, codes: &[u8], own: &[(u8, &str)]) -> String {
    format!("Examples:\n{examples}\n\n{}", table(codes, own))
}

fn table(codes: &[u8], own: &[(u8, &str)]) -> String {
    let rows = MEANINGS.iter().filter(|(code, _)| codes.contains(code)).map(|(code, usual)| {
        let narrower = own.iter().find(|(of, _)| of == code).map(|(_, meaning)| meaning);
        format!("\n  {code:3}  {}", narrower.unwrap_or(usual))
    });
    ["Exit codes:".to_string()].into_iter().chain(rows).collect()
}

/// The code for a run that came to its end.
pub fn of_run(verdict: Verdict, workload_failed: bool) -> u8 {
    match verdict {
        _ if workload_failed => WORKLOAD_FAILED,
        Verdict::Fail => GATE_FAILED,
        Verdict::Warn | Verdict::Pass => PASS,
    }
}

/// The same, of a run of which `nothing_measured` says that it has no number of what it was asked for.
pub fn with_nothing_measured(code: u8, nothing_measured: bool) -> u8 {
    if code == PASS && nothing_measured { NOTHING_MATCHED } else { code }
}

/// The same, of a run that may have been compared: `open` says that something judged could not be decided.
pub fn with_strictness(code: u8, strict: bool, open: bool) -> u8 {
    if code == PASS && strict && open { UNDECIDED } else { code }
}

/// The same, of a run that may have been held against a snapshot: `beaten` says that nothing is worse there
/// and something better.
pub fn with_snapshot(code: u8, beaten: bool) -> u8 {
    if code == PASS && beaten { SNAPSHOT_BEATEN } else { code }
}

/// The same, where the cases of some suites are not known.
pub fn with_failed_suites(code: u8, failed: &[FailedSuites]) -> u8 {
    if failed.is_empty() { code } else { most_severe(code, BUILD_FAILED) }
}

/// The graver of the codes of two parts of a command.
pub fn most_severe(a: u8, b: u8) -> u8 {
    const RISING: [u8; 8] = [
        PASS,
        SNAPSHOT_BEATEN,
        NOTHING_MATCHED,
        UNDECIDED,
        GATE_FAILED,
        WORKLOAD_FAILED,
        TOOL_ERROR,
        INTERRUPTED,
    ];
    let gravity = |code: u8| RISING.iter().position(|known| *known == code);
    // A code that is none of these is an error of its own kind: it wins.
    if gravity(b).unwrap_or(RISING.len()) > gravity(a).unwrap_or(RISING.len()) { b } else { a }
}

/// An error that ends the program with a code of its own instead of [`TOOL_ERROR`].
#[derive(Debug)]
pub struct CodedError {
    code: u8,
    error: anyhow::Error,
}

impl CodedError {
    /// Wraps `error`, for `map_err` and `bail!`.
    pub fn new(code: u8, error: impl Into<anyhow::Error>) -> CodedError {
        CodedError { code, error: error.into() }
    }
}

impl fmt::Display for CodedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl std::error::Error for CodedError {}

/// Marks an error as the user's: wrong flags or bad input.
pub fn usage(error: impl Into<anyhow::Error>) -> anyhow::Error {
    CodedError::new(USAGE, error).into()
}

/// The code that an error asks for, however much context was added to it.
pub fn of_error(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<CodedError>().map_or(TOOL_ERROR, |coded| coded.code)
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result, anyhow};

    use super::*;

    #[test]
    fn a_failed_workload_wins_over_a_failed_gate() {
        for (verdict, failed, code) in [
            (Verdict::Pass, false, PASS),
            (Verdict::Warn, false, PASS),
            (Verdict::Fail, false, GATE_FAILED),
            (Verdict::Fail, true, WORKLOAD_FAILED),
            (Verdict::Pass, true, WORKLOAD_FAILED),
        ] {
            assert_eq!(of_run(verdict, failed), code, "{verdict:?} {failed}");
        }
    }

    #[test]
    fn a_commands_help_has_its_codes_and_no_other() {
        assert_eq!(
            help_for("  x", &[INTERRUPTED, PASS], &[(PASS, "shown")]),
            "Examples:\n  x\n\nExit codes:\n    0  shown\n  130  interrupted by Ctrl-C; what was measured is stored"
        );
        assert_eq!(help().lines().count(), 1 + OF_A_RUN.len());
    }

    #[test]
    fn the_graver_part_decides() {
        for (a, b, code) in [
            (PASS, GATE_FAILED, GATE_FAILED),
            (NOTHING_MATCHED, GATE_FAILED, GATE_FAILED),
            (NOTHING_MATCHED, PASS, NOTHING_MATCHED),
            (WORKLOAD_FAILED, GATE_FAILED, WORKLOAD_FAILED),
            (UNDECIDED, PASS, UNDECIDED),
            (SNAPSHOT_BEATEN, PASS, SNAPSHOT_BEATEN),
            (SNAPSHOT_BEATEN, GATE_FAILED, GATE_FAILED),
            (PASS, INTERRUPTED, INTERRUPTED),
            (PASS, PASS, PASS),
        ] {
            assert_eq!((most_severe(a, b), most_severe(b, a)), (code, code));
        }
        assert_eq!(with_strictness(PASS, true, true), UNDECIDED);
        assert_eq!(with_strictness(PASS, false, true), PASS);
        assert_eq!(with_strictness(GATE_FAILED, true, true), GATE_FAILED);
        assert_eq!(with_snapshot(PASS, true), SNAPSHOT_BEATEN);
        assert_eq!(with_snapshot(PASS, false), PASS);
        assert_eq!(with_snapshot(GATE_FAILED, true), GATE_FAILED);
    }

    #[test]
    fn a_code_survives_context_and_the_message_is_whole() {
        let broken: Result<()> = Err(anyhow!("line 3").context("bad table"));
        let error = broken.map_err(usage).context("read thresholds").unwrap_err();
        assert_eq!(of_error(&error), USAGE);
        assert_eq!(format!("{error:#}"), "read thresholds: bad table: line 3");
        assert_eq!(of_error(&anyhow!("disk full")), TOOL_ERROR);
    }
}
