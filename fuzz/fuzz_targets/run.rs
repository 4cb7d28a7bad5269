//! Fuzzes `properties::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::run(bytes));
