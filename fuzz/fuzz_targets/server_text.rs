//! Fuzzes `properties::server_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::server_text(bytes));
