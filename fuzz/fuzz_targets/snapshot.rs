//! Fuzzes `properties::snapshot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::snapshot(bytes));
