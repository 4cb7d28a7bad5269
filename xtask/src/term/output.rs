//! stdout: where data goes. Colour is kept on a terminal and dropped elsewhere, or when NO_COLOR says so.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};

/// Prints text that may hold colours. A reader who has gone away (`| head`) is no error.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write to stdout"),
    }
}
