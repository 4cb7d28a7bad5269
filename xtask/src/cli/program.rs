//! The name of this program: `cargo xtask` in our own workspace, `cargo membench` where it is installed.

use std::ffi::OsString;
use std::sync::OnceLock;

/// How cargo calls an installed program: `cargo-membench membench bench`.
const SUBCOMMAND: &str = "membench";

/// Whether cargo started the installed program, and not `cargo run`.
pub fn is_installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| std::env::args_os().nth(1).is_some_and(|word| word == SUBCOMMAND))
}

/// What the user types: `cargo xtask` or `cargo membench`.
pub fn name() -> &'static str {
    if is_installed() { "cargo membench" } else { "cargo xtask" }
}

/// A text that says `cargo xtask`, as this program is called.
pub fn as_called(text: &str) -> String {
    text.replace("cargo xtask", name())
}

/// The words of the command line behind the program's name.
pub fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(if is_installed() { 2 } else { 1 })
}
