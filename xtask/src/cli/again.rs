//! The command that measures one case of a run again, with all that the run was given.

use bench_core::case::Mode;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, parser::ValueSource};

use crate::cli::flags::CommandLine;

/// Arguments of `bench` that choose cases, or say what becomes of the result: the case and the mode take their place.
const NOT_REPEATED: [&str; 11] = [
    "filters",
    "more_filters",
    "suite",
    "tag",
    "engine",
    "slow",
    "mode",
    "baseline",
    "strict",
    "confirm",
    "export",
];

/// `cargo xtask bench 'vectors/x{dim=1}' --mode heap --memory-limit 1GiB`, for a case of a run that `command` started.
pub fn again(command: &str, case: &str, modes: &[Mode]) -> String {
    let modes: Vec<String> = modes.iter().map(Mode::to_string).collect();
    let words =
        ["cargo".into(), "xtask".into(), "bench".into(), case.into(), "--mode".into(), modes.join(",")];
    let words: Vec<String> = words.into_iter().chain(given(command).unwrap_or_default()).collect();
    let quoted =
        words.iter().map(|word| shlex::try_quote(word).map(Into::into).unwrap_or_else(|_| word.clone()));
    quoted.collect::<Vec<String>>().join(" ")
}

/// What `bench` knows of the arguments of a stored command; `None` where that is no command of ours.
fn given(command: &str) -> Option<Vec<String>> {
    let words = shlex::split(command)?;
    // `cargo xtask` is one name.
    let matches = CommandLine::command().try_get_matches_from(words.get(1..)?).ok()?;
    let (_, matches) = matches.subcommand()?;
    let command = CommandLine::command();
    let bench = command.find_subcommand("bench")?;
    let repeated = |arg: &&Arg| !NOT_REPEATED.contains(&arg.get_id().as_str());
    Some(bench.get_arguments().filter(repeated).flat_map(|arg| words_of(arg, matches)).collect())
}

/// The words that give an argument the value that it has in `matches`, if it stood on that command line.
fn words_of(arg: &Arg, matches: &ArgMatches) -> Vec<String> {
    let id = arg.get_id().as_str();
    let is_known = matches.ids().any(|known| known == id);
    let Some(long) = arg.get_long().filter(|_| is_known) else { return Vec::new() };
    if matches.value_source(id) != Some(ValueSource::CommandLine) {
        return Vec::new();
    }
    let flag = format!("--{long}");
    let values = matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy().into_owned());
    match (arg.get_action(), arg.get_value_delimiter()) {
        (ArgAction::SetTrue, _) => vec![flag],
        (_, Some(delimiter)) => vec![flag, values.collect::<Vec<String>>().join(&delimiter.to_string())],
        _ => values.flat_map(|value| [flag.clone(), value]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_given_is_given_again_and_nothing_that_chose_cases() {
        for (command, again) in [
            ("cargo xtask bench", ""),
            ("cargo xtask bench -t fault -e flat -s vectors x -f y --slow --mode sites,time", ""),
            (
                "cargo xtask check --baseline main --strict --confirm origin/main --no-leaks --export csv=a.csv",
                "",
            ),
            (
                "cargo xtask bench --memory-limit 64MiB --results=/tmp/r --thresholds 't t.toml'",
                " --memory-limit 64MiB --results /tmp/r --thresholds 't t.toml'",
            ),
            (
                "cargo xtask bench --quick --repetitions 3 --time-limit 2s --interval 1ms",
                " --quick --repetitions 3 --interval 1ms --time-limit 2s",
            ),
            (
                "cargo xtask bench --dataset d.npy --queries q.npy --neighbours n.ivecs --distance cosine",
                " --dataset d.npy --distance cosine --queries q.npy --neighbours n.ivecs",
            ),
            (
                "cargo xtask bench --features qdrant,minilm --model m --corpus=docs --profile dev",
                " --corpus docs --model m --features 'qdrant,minilm' --cargo-profile dev",
            ),
            (
                "cargo xtask check --pgvector postgres://u@h/d --pgvector-pid 7 --qdrant 'http://a:1,http://b:2'",
                " --pgvector postgres://u@h/d --pgvector-pid 7 --qdrant 'http://a:1,http://b:2'",
            ),
            ("cargo xtask heap 'vectors/x{dim=1}' --profile dev", " --cargo-profile dev"),
            ("something else", ""),
        ] {
            let line = self::again(command, "vectors/x{dim=1}", &[Mode::Heap]);
            assert_eq!(
                line,
                format!("cargo xtask bench 'vectors/x{{dim=1}}' --mode heap{again}"),
                "{command}"
            );
        }
    }
}
