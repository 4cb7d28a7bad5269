//! The program of the suite `ingest`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_main::run(&[bench_ingest::suite])
}
