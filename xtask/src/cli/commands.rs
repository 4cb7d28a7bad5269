//! The command line: every command by its name, with its flags and its help.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::exit_code;
use crate::cli::flags::CaseFlags;
use crate::cli::program;
use crate::commands::{
    analyze, baseline, bench, check, clean, compare, diff, engines, floor, heap, init, leaks, list, plan,
    profile, releases, report, thresholds,
};
use crate::monitor;

/// Memory benchmarks for vector search, document ingestion and search
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = exit_code::help())]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The command line of this process, in the name of the program that was called.
///
/// Errors: what clap says of a wrong one; also its help, as far as it was asked for.
pub fn command_line() -> Result<CommandLine, clap::Error> {
    let words = std::iter::once(OsString::from(program::name())).chain(program::arguments());
    let command = CommandLine::command().name(program::name()).bin_name(program::name());
    let matches = as_called(command).try_get_matches_from(words)?;
    CommandLine::from_arg_matches(&matches)
}

/// The same command, and all below it, whose help names the program as it was called.
fn as_called(command: clap::Command) -> clap::Command {
    let help = command.get_after_help().map(|help| program::as_called(&help.to_string()));
    let command = help.into_iter().fold(command, |command, help| command.after_help(help));
    let names: Vec<String> = command.get_subcommands().map(|it| it.get_name().to_string()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, as_called))
}

/// The commands: one file each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the suites, measure the cases, write run.json and the page, judge
    #[command(after_help = bench::flags::help())]
    Bench(bench::flags::BenchFlags),
    /// Check every loop of the suites, and the measuring tools themselves, for leaks
    #[command(after_help = leaks::help())]
    Leaks(leaks::LeaksFlags),
    /// List the cases with their tags
    #[command(after_help = list::help())]
    List(list::ListFlags),
    /// Judge a stored run again and write its page again
    #[command(after_help = report::help())]
    Report(report::ReportFlags),
    /// Compare two runs, or a run with a baseline
    #[command(after_help = compare::help())]
    Compare(compare::CompareFlags),
    /// Compare two releases of a dependency
    #[command(after_help = releases::help())]
    Releases(releases::ReleasesFlags),
    /// Find the smallest memory under which a case, or any command, still ends well
    #[command(after_help = floor::help())]
    Floor(floor::FloorFlags),
    /// Tell how much memory an index takes that is larger than any that was built
    #[command(after_help = plan::help())]
    Plan(plan::PlanFlags),
    /// Keep runs under names to compare with
    #[command(after_help = baseline::help())]
    Baseline(baseline::BaselineCommandFlags),
    /// Measure, hold against limits and baseline, and give one verdict: for CI and for a git hook
    #[command(after_help = check::help())]
    Check(check::CheckFlags),
    /// Check, explain and propose limits
    #[command(after_help = thresholds::help())]
    Thresholds(thresholds::ThresholdsFlags),
    /// Watch the memory of a live process, of a command, or of a server's metrics endpoint
    #[command(after_help = monitor::flags::help())]
    Monitor(monitor::flags::MonitorFlags),
    /// Run one case and show its top call sites
    #[command(after_help = profile::help())]
    Profile(profile::ProfileFlags),
    /// Run one case once and show its phases: peak, allocations, RSS
    #[command(after_help = heap::help())]
    Heap(CaseFlags),
    /// Show what lies in a dhat profile, a run, or a file of `monitor`
    #[command(after_help = analyze::help())]
    Analyze(analyze::AnalyzeFlags),
    /// Compare the call sites of two dhat profiles or runs
    #[command(after_help = diff::help())]
    Diff(diff::DiffFlags),
    /// Make a suite or an engine of your own, ready to run
    #[command(after_help = init::help())]
    Init(init::InitFlags),
    /// Install engines that are programs of their own, and say which are there
    #[command(after_help = engines::help())]
    Engines(engines::EnginesFlags),
    /// Remove old runs
    #[command(after_help = clean::help())]
    Clean(clean::CleanFlags),
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use std::time::Duration;

    use super::*;
    use crate::cli::flags::{MEMORY_LIMIT, MessageFormat};
    use crate::commands::bench::flags::BenchFlags;

    fn bench(line: &str) -> BenchFlags {
        let words = ["cargo xtask", "bench"].into_iter().chain(line.split_whitespace());
        match CommandLine::try_parse_from(words).unwrap().command {
            Command::Bench(flags) => flags,
            other => panic!("not bench: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let flags = bench("");
        assert_eq!(flags.mode, [], "the selection chooses");
        assert_eq!(flags.measure.repetitions, None);
        assert_eq!(flags.measure.interval, Duration::from_micros(200));
        assert_eq!(flags.measure.time_limit, Duration::from_secs(120));
        assert_eq!(flags.measure.memory_limit, MEMORY_LIMIT);
        assert_eq!(flags.suites.cargo_profile, "release");
        assert_eq!(flags.message_format, MessageFormat::Human);
    }

    #[test]
    fn filters_may_stand_bare_or_behind_f() {
        let flags = bench("single -f multi -s vectors -e flat --mode heap,time --time-limit 2s").selection;
        assert_eq!(flags.filters, ["single"]);
        assert_eq!(flags.more_filters, ["multi"]);
        assert_eq!(flags.suite, ["vectors"]);
    }

    #[test]
    fn wrong_values_are_usage_errors() {
        for (line, reason) in [
            ("--mode speed", "expected one of heap, native, sites, time"),
            ("--memory-limit 4", "expected a number with a unit"),
            ("--time-limit 0s", "more than zero"),
            ("--repetitions 0", "not in 1.."),
        ] {
            let words = ["cargo xtask", "bench"].into_iter().chain(line.split_whitespace());
            let error = CommandLine::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), i32::from(exit_code::USAGE), "{line}");
            assert!(error.to_string().contains(reason), "{line}: {error}");
            assert_ne!(error.kind(), ErrorKind::DisplayHelp);
        }
    }

    #[test]
    fn every_help_teaches_examples_and_exit_codes() {
        for command in CommandLine::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:\n  cargo xtask "), "{}", command.get_name());
            assert!(help.contains("Exit codes:"), "{}", command.get_name());
        }
    }

    #[test]
    fn an_export_is_a_format_and_a_file() {
        let words = ["cargo xtask", "bench", "--export", "junit=a=b.xml", "--export", "csv=c.csv"];
        let Command::Bench(flags) = CommandLine::try_parse_from(words).unwrap().command else {
            panic!("not bench");
        };
        let written: Vec<String> =
            flags.export.export.iter().map(|it| format!("{} {}", it.format, it.path.display())).collect();
        assert_eq!(written, ["junit a=b.xml", "csv c.csv"]);
        for (export, reason) in [
            ("junit", "expected FORMAT=FILE"),
            ("junit=", "no file: expected junit=FILE"),
            ("yaml=x", "expected bencher, smaller-is-better, junit, markdown, csv"),
        ] {
            let words = ["cargo xtask", "report", "--export", export];
            let error = CommandLine::try_parse_from(words).unwrap_err().to_string();
            assert!(error.contains(reason), "{export}: {error}");
        }
    }

    /// What the workflow and the hook call is understood by the command line as it is.
    #[test]
    fn the_workflow_and_the_hook_call_commands_that_there_are() {
        for file in ["../.github/workflows/memory.yml", "../.githooks/pre-push"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let text = std::fs::read_to_string(&path).unwrap().replace("\\\n", " ");
            let commands: Vec<&str> =
                text.lines().filter_map(|line| line.split_once("cargo xtask ")).map(|it| it.1).collect();
            assert!(!commands.is_empty(), "{file}");
            for command in commands {
                let words = shlex::split(command).unwrap();
                let words = ["cargo xtask".to_string()].into_iter().chain(words);
                CommandLine::try_parse_from(words).unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
    }
}
