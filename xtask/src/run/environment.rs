//! The environment of a measured process: cleared, then an allow-list, because its size alone moves peak RSS.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Passed on because programs need them; they say nothing about a measurement. `HF_*`: where the hub of
/// models and its cache are. `BENCH_FAULT_GROWTH`: the switch of two kinds of `vectors/fault`, for tests. The
/// last two let a client into its server: secrets, so they are never recorded.
const NEEDED: [&str; 11] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "HF_HOME",
    "HF_ENDPOINT",
    "BENCH_FAULT_GROWTH",
    "QDRANT_API_KEY",
    "PGPASSWORD",
];

/// Passed on, and recorded with the run because they change what is measured: names, and prefixes with a `*`.
const RECORDED: [&str; 7] = [
    "BENCH_SITES_BY",
    "CANDLE_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "GLIBC_TUNABLES",
    "MALLOC_*",
    "_RJEM_MALLOC_CONF",
    "MIMALLOC_*",
];

/// The variables of every measured process.
#[derive(Clone)]
pub struct Environment {
    /// All of them.
    pub variables: BTreeMap<OsString, OsString>,
    /// Those that travel with the run.
    pub recorded: BTreeMap<String, String>,
}

/// Keeps glibc from giving memory back and fetching it again between iterations, which makes times jump by
/// the page faults. Set in mode time on glibc, unless the user has set the variable.
pub const STEADY_MALLOC: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.top_pad=33554432:glibc.malloc.trim_threshold=1073741824");

impl Environment {
    /// What mode `time` adds to the variables.
    pub fn for_timing(&self) -> Option<(&'static str, &'static str)> {
        (!self.variables.contains_key(std::ffi::OsStr::new(STEADY_MALLOC.0))).then_some(STEADY_MALLOC)
    }

    /// Chooses from the variables that xtask itself has.
    pub fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
        let mut chosen = Environment { variables: BTreeMap::new(), recorded: BTreeMap::new() };
        chosen.variables.insert("RUST_BACKTRACE".into(), "1".into());
        for (name, value) in variables {
            let text = name.to_string_lossy().into_owned();
            if RECORDED.iter().any(|pattern| is_match(pattern, &text)) {
                chosen.recorded.insert(text, value.to_string_lossy().into_owned());
                chosen.variables.insert(name, value);
            } else if NEEDED.contains(&text.as_str()) {
                chosen.variables.insert(name, value);
            }
        }
        if let Some((name, value)) = chosen.for_timing() {
            chosen.recorded.insert(format!("{name} (mode time)"), value.into());
        }
        chosen
    }
}

fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_allow_list_is_passed_on() {
        let given = [
            ("PATH", "/bin"),
            ("SECRET_TOKEN", "x"),
            ("MALLOC_ARENA_MAX", "1"),
            ("GLIBC_TUNABLES", "glibc.malloc.top_pad=1"),
            ("RUST_BACKTRACE", "full"),
            ("QDRANT_API_KEY", "secret"),
        ];
        let given = given.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let environment = Environment::from_variables(given);
        let names: Vec<&str> = environment.variables.keys().filter_map(|name| name.to_str()).collect();
        assert_eq!(names, ["GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "PATH", "QDRANT_API_KEY", "RUST_BACKTRACE"]);
        assert_eq!(environment.variables[&OsString::from("RUST_BACKTRACE")], "1");
        let recorded: Vec<&str> = environment.recorded.keys().map(String::as_str).collect();
        assert_eq!(recorded, ["GLIBC_TUNABLES", "MALLOC_ARENA_MAX"]);
        assert_eq!(environment.for_timing(), None, "the user's own setting stays");
    }

    #[test]
    fn timed_processes_get_a_steady_malloc_and_the_run_says_so() {
        let environment = Environment::from_variables([]);
        assert_eq!(environment.for_timing(), Some(STEADY_MALLOC));
        assert_eq!(environment.recorded["GLIBC_TUNABLES (mode time)"], STEADY_MALLOC.1);
    }
}
