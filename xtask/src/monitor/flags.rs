//! The options of `monitor`, with their help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use bench_core::inputs::UrlParser;
use bench_core::server_url::ServerUrl;
use clap::Args;

use super::asked_for::AskedFor;
use crate::cli::exit_code::{self, CANNOT_START, INTERRUPTED, PASS, TOOL_ERROR, USAGE};
use crate::cli::quantity::parse_duration;

/// Flags of `monitor`.
#[derive(Debug, Clone, Args)]
pub struct MonitorFlags {
    /// What is watched.
    #[command(flatten)]
    pub target: Target,
    /// Also this metric of the endpoint: NAME, NAME{label="value"}, {"a.name"} for a name that is quoted
    /// there, or FIELD=NAME to store it as FIELD, for example heap_alloc_bytes=my_heap_bytes; several may be
    /// given
    #[arg(long, value_name = "NAME", conflicts_with_all = ["pid", "command"])]
    pub metric: Vec<AskedFor>,
    /// Count the heap and the mappings of COMMAND and its children exactly, by a library that is built and
    /// preloaded into them (Linux with glibc, programs that are linked dynamically)
    #[arg(long, requires = "command", conflicts_with_all = ["pid", "metrics"])]
    pub heap: bool,
    /// Time between two samples, such as 100ms or 2min; a number without a unit is one of seconds
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_interval)]
    pub interval: Duration,
    /// Stop watching after this time, written as that of --interval; a command runs on [default: when it
    /// ends, or at Ctrl-C]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub duration: Option<Duration>,
    /// File of the samples; the page gets its name with the ending .html [default: memory_metrics_TIME.json
    /// in the folder of the results]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    pub results: Option<PathBuf>,
}

/// What is watched.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// Watch this process and its children
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pid: Option<u32>,
    /// Watch the server that exposes its metrics as Prometheus text under this http:// address;
    /// USER:PASSWORD@ before the host is sent by the Basic scheme and shown nowhere
    #[arg(long, value_name = "URL", value_parser = METRICS)]
    pub metrics: Option<ServerUrl>,
    /// Start this command and watch it and its children
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// An endpoint that is asked over HTTP, with user and password by its Basic scheme.
const METRICS: UrlParser = UrlParser {
    example: "http://127.0.0.1:6333/metrics",
    schemes: &["http", "https"],
    check: |url| {
        let spoken = url.scheme() != "https";
        ensure!(spoken, "https is not spoken here: give the endpoint's address in plain http");
        Ok(())
    },
};

/// Below this the watching would show in what is watched.
const SHORTEST: Duration = Duration::from_millis(10);

/// A time; a number without a unit is one of seconds, as other monitors have it.
fn parse_time(text: &str) -> anyhow::Result<Duration> {
    match text.trim().ends_with(|c: char| c.is_ascii_digit()) {
        true => parse_duration(&format!("{text}s")),
        false => parse_duration(text),
    }
}

fn parse_interval(text: &str) -> anyhow::Result<Duration> {
    let interval = parse_time(text)?;
    ensure!(interval >= SHORTEST, "at least 10ms");
    Ok(interval)
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_for(
        "  cargo xtask monitor --pid 4711                                 every 5 s until it ends or Ctrl-C
  cargo xtask monitor --interval 2 --duration 60 --pid 4711      every 2 s, for a minute
  cargo xtask monitor --interval 100ms -- ./server --port 8080   start a command and watch it
  cargo xtask monitor --heap -- python3 build_index.py           its heap and mappings, counted
  cargo xtask monitor --metrics http://127.0.0.1:6333/metrics    Qdrant, or a Go service such as Weaviate
  cargo xtask monitor --metrics URL --metric heap_alloc_bytes=jvm_heap_bytes --duration 10min

The file is valid JSON at every moment, even after a kill: an array with an object for each sample.
  timestamp            RFC 3339, UTC
  heap_alloc_bytes     live bytes
  heap_inuse_bytes     bytes that the allocator has in use
  heap_sys_bytes       bytes that the allocator holds from the system
  heap_peak_bytes      with --heap: highest live bytes since the start
  mapped_anon_bytes    with --heap: what the program mapped itself, without a file
  mapped_anon_resident_bytes   what of it is resident; with the heap, what must stay
  mapped_file_bytes    with --heap: what it mapped of files
  rss_bytes            resident memory of the process and its children
  rss_anon_bytes       its pages without a file
  rss_file_bytes       its pages of mapped files
  pss_bytes            resident memory, each shared page divided among its sharers; not in
                       every sample, because reading it may take at most 0.1 % of a core
  peak_rss_bytes       highest RSS since the start; of a single process only
  processes            how many processes were summed

A value that cannot be read is absent, never 0. A process's heap cannot be seen from outside, so --pid and COMMAND \
without --heap give no heap_* fields. With --heap a library counts malloc and mmap and their kin inside the program: exact \
when it is idle. It does not see programs that are linked statically or have another C library, such as Go's, which is said; \
of one with an allocator of its own (jemalloc, mimalloc) it sees the mappings only. BENCH_PRELOAD=FILE names a library that \
is built already. An endpoint gives what it exposes:
  go_memstats_heap_{alloc,inuse,sys}_bytes   become heap_*
  memory_allocated_bytes (Qdrant)            becomes heap_alloc_bytes
  memory_active_bytes (Qdrant)               becomes heap_inuse_bytes
  other memory_*_bytes (Qdrant)              keep their names
  process_resident_memory_bytes              becomes rss_bytes

The highest value in a file, in MiB:
  jq 'max_by(.rss_bytes) | .rss_bytes / 1024 / 1024' results/memory_metrics_*.json

The watch ends with the process. If an endpoint does not answer, the sample is lost: it is counted, with its reason. The \
summary goes to stdout, or to stderr if the command uses stdout. Ctrl-C is passed on to the command, which is killed \
10 s later.",
        &[PASS, TOOL_ERROR, USAGE, CANNOT_START, INTERRUPTED],
        &[
            (PASS, "the process ended, or the time was up"),
            (TOOL_ERROR, "the tool failed, or no sample could be taken"),
            (USAGE, "wrong command line, no such process"),
            (INTERRUPTED, "interrupted by Ctrl-C; the samples are stored"),
        ],
    )
        + "\n  otherwise the command's own exit code; 128 + N if signal N killed it"
}
