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
  cargo xtask monitor --metrics http://127.0.0.1:6333/metrics    Qdrant, or a Go service such as Weaviate
  cargo xtask monitor --metrics URL --metric heap_alloc_bytes=jvm_heap_bytes --duration 10min

Every sample is an object in the file, which is whole JSON at every moment, also after a kill:
  timestamp                                            RFC 3339, UTC
  heap_alloc_bytes, heap_inuse_bytes, heap_sys_bytes   live bytes, in use by the allocator, held from the system
  rss_bytes, rss_anon_bytes, rss_file_bytes            resident memory, summed over the process and its children
  pss_bytes                                            the same with each shared page divided by who shares it; in as
                                                       many samples as take 0.1 % of a core, since the kernel walks
                                                       every page for it
  peak_rss_bytes                                       highest RSS since the process began; of a single process only
  processes                                            how many were summed
What cannot be read is absent, never 0. From outside a process its heap cannot be seen: with --pid and COMMAND there are
no heap_* fields. An endpoint gives what it exposes: go_memstats_heap_{alloc,inuse,sys}_bytes become heap_*; Qdrant's
memory_allocated_bytes and memory_active_bytes become heap_alloc_bytes and heap_inuse_bytes, its other memory_*_bytes
keep their names; process_resident_memory_bytes becomes rss_bytes.

  jq 'max_by(.heap_alloc_bytes) | .heap_alloc_bytes / 1024 / 1024' results/memory_metrics_*.json    of an endpoint
  jq 'max_by(.rss_bytes) | .rss_bytes / 1024 / 1024' results/memory_metrics_*.json                  of a process

When the process ends, so does the watch. An endpoint that does not answer costs a sample, which is counted with its
reason. The summary goes to stdout, or to stderr where stdout is the command's. Ctrl-C goes to the command, too; after
10 s it is killed.",
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
