//! Hands the lock of this build to the crate: it knows the versions of the engines.
//!
//! It is the workspace's that is built, which need not be ours: `cargo membench` names it in `BENCH_LOCK`,
//! otherwise it is the nearest one around the folder that cargo builds into, or around this crate.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=BENCH_LOCK");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let lock = env::var_os("BENCH_LOCK").map(PathBuf::from);
    let lock = lock.or_else(|| nearest(&out)).or_else(|| nearest(&package));
    // Without a lock no version is known, and none is stated. The copy has another name: the next run would
    // find it as the nearest lock.
    let text = lock.as_deref().map(|lock| {
        println!("cargo::rerun-if-changed={}", lock.display());
        fs::read_to_string(lock).unwrap_or_else(|error| panic!("read {}: {error}", lock.display()))
    });
    fs::write(out.join("versions.lock"), text.unwrap_or_default()).expect("OUT_DIR can be written");
}

fn nearest(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join("Cargo.lock")).find(|file| file.is_file())
}
