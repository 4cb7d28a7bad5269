//! The command that measures one case of a run again, with all that the run was given.

use bench_core::case::Mode;
use clap::{Arg, ArgAction, Args, Command};

use crate::cli::flags::{MeasureFlags, ResultsFlags, SelectionFlags, SuiteFlags};
use crate::cli::program;

/// `cargo xtask bench 'vectors/x{dim=1}' --mode heap --memory-limit 1GiB`, for a case of a run that `command`
/// started.
pub fn again(command: &str, case: &str, modes: &[Mode]) -> String {
    let modes: Vec<String> = modes.iter().map(Mode::to_string).collect();
    let name = program::name().split(' ').map(str::to_string);
    let words = name.chain(["bench".into(), case.into(), "--mode".into(), modes.join(",")]);
    let words: Vec<String> = words.chain(given(command).unwrap_or_default()).collect();
    let quoted =
        words.iter().map(|word| shlex::try_quote(word).map(Into::into).unwrap_or_else(|_| word.clone()));
    quoted.collect::<Vec<String>>().join(" ")
}

/// The options that say how a case is measured, on what, and where the result is kept. Whatever else a
/// command was given chose cases, or said what becomes of the result.
fn repeated() -> Command {
    let selection = SelectionFlags::augment_args(Command::new("selection"));
    let quick = selection.get_arguments().filter(|arg| arg.get_id() == "quick").cloned();
    let command = MeasureFlags::augment_args(Command::new("bench").args(quick.collect::<Vec<Arg>>()));
    ResultsFlags::augment_args(SuiteFlags::augment_args(command))
}

/// The words of a stored command that are repeated; `None` where that is no command of ours.
fn given(command: &str) -> Option<Vec<String>> {
    let words = shlex::split(command)?;
    let [cargo, name, rest @ ..] = words.as_slice() else { return None };
    let is_ours = cargo == "cargo" && ["xtask", "membench"].contains(&name.as_str());
    is_ours.then(|| repeated().get_arguments().flat_map(|arg| words_of(arg, rest)).collect())
}

/// The words that give an argument the values that it has among `words`.
fn words_of(arg: &Arg, words: &[String]) -> Vec<String> {
    let Some(long) = arg.get_long() else { return Vec::new() };
    let flag = format!("--{long}");
    let aliases = arg.get_all_aliases().unwrap_or_default();
    let names: Vec<String> = aliases.iter().map(|alias| format!("--{alias}")).chain([flag.clone()]).collect();
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return words.iter().find(|word| names.contains(word)).map(|_| flag).into_iter().collect();
    }
    let mut values = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), words.get(index + 1).map(String::as_str)),
        };
        values.extend(value.filter(|_| names.iter().any(|it| it == name)).map(str::to_string));
    }
    values.into_iter().flat_map(|value| [flag.clone(), value]).collect()
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
