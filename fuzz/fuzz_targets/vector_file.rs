//! Fuzzes `properties::vector_file` and `properties::neighbours_file`: the first byte chooses the ending.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, file)) = bytes.split_first() {
        let (vectors, neighbours) = (properties::ENDINGS, properties::NEIGHBOURS_ENDINGS);
        match usize::from(*choice) % (vectors.len() + neighbours.len()) {
            choice if choice < vectors.len() => properties::vector_file(vectors[choice], file),
            choice => properties::neighbours_file(neighbours[choice - vectors.len()], file),
        }
    }
});
