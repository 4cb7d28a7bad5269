//! Fuzzes `properties::table`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::table(bytes));
