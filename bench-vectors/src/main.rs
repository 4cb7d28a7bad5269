//! The program of the suite `vectors`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_main::run(&[bench_vectors::suite])
}
