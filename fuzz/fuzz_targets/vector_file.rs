//! Fuzzes `properties::vector_file`: the first byte chooses the ending.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, file)) = bytes.split_first() {
        let ending = properties::ENDINGS[usize::from(*choice) % properties::ENDINGS.len()];
        properties::vector_file(ending, file);
    }
});
