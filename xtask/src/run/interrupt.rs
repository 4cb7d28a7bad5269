//! Ctrl-C: the first ends the case and keeps what was measured, the second ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};

use crate::cli::exit_code::INTERRUPTED;

/// Whether Ctrl-C was pressed; clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes over SIGINT for the whole program. A command made of others installs it more than once and gets
    /// the same.
    pub fn install() -> Result<Interrupt> {
        static INSTALLED: OnceLock<Interrupt> = OnceLock::new();
        if let Some(installed) = INSTALLED.get() {
            return Ok(installed.clone());
        }
        let interrupt = Interrupt::default();
        let handlers = interrupt.clone();
        ctrlc::set_handler(move || {
            if handlers.0.swap(true, Ordering::SeqCst) {
                // Children die with their parent: they have asked the kernel for it.
                std::process::exit(i32::from(INTERRUPTED));
            }
        })
        .context("listen for Ctrl-C")?;
        Ok(INSTALLED.get_or_init(|| interrupt).clone())
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// What the first Ctrl-C does.
    #[cfg(test)]
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
