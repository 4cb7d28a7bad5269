//! The program of the suite `search`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_main::run(&[bench_search::suite])
}
