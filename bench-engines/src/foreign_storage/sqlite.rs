//! SQLite, which is C: what it says of its own memory, and the vector extension that has to be given to it.

// The room for `unsafe`: calls into SQLite.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

use anyhow::{Result, ensure};
use rusqlite::ffi;

/// The bytes that all of SQLite in this process has allocated and not freed, by its own count.
pub fn sqlite_memory_used() -> u64 {
    // SAFETY: sqlite3_memory_used has no preconditions; SQLite is built with its mutexes.
    let bytes = unsafe { ffi::sqlite3_memory_used() };
    u64::try_from(bytes).unwrap_or(0)
}

/// Gives every connection that is opened from now on the tables of sqlite-vec. Doing so again changes
/// nothing.
///
/// # Errors
/// When SQLite refuses.
pub fn register_sqlite_vec() -> Result<()> {
    type Init =
        unsafe extern "C" fn(*mut ffi::sqlite3, *mut *mut c_char, *const ffi::sqlite3_api_routines) -> c_int;
    // SAFETY: the crate declares the C function without its parameters; sqlite-vec.h has exactly this
    // signature.
    let init = unsafe { std::mem::transmute::<unsafe extern "C" fn(), Init>(sqlite_vec::sqlite3_vec_init) };
    // SAFETY: an entry point of this signature is all that it asks for; it ignores one that it already has.
    let code = unsafe { ffi::sqlite3_auto_extension(Some(init)) };
    ensure!(code == ffi::SQLITE_OK, "SQLite does not take the extension sqlite-vec: code {code}");
    Ok(())
}
