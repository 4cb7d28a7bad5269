//! Snapshots of exact numbers.

use report::snapshot::Snapshot;

use crate::assert_readable;

/// A snapshot is refused with file and line of its fault, or it is written such that it is read back the
/// same.
pub fn snapshot(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Snapshot::parse(text, "memory.toml") {
        Ok(snapshot) => {
            let written = snapshot.render();
            let again = Snapshot::parse(&written, "memory.toml")
                .unwrap_or_else(|error| panic!("what was written is refused: {error}\n{written}"));
            assert_eq!(again.render(), written);
            let numbers = |snapshot: &Snapshot| {
                let cases = snapshot.cases.iter();
                let numbers = cases.flat_map(|(id, case)| {
                    case.numbers.values().map(move |it| (id.clone(), it.metric.id, it.value))
                });
                numbers.collect::<Vec<_>>()
            };
            assert_eq!(numbers(&again), numbers(&snapshot));
            assert_eq!((again.selection, again.measured_on), (snapshot.selection, snapshot.measured_on));
        }
        Err(error) => {
            assert_readable(&error);
            let text = error.to_string();
            let line = text.strip_prefix("memory.toml:").and_then(|rest| rest.split(':').next());
            assert!(matches!(line.map(str::parse::<usize>), Some(Ok(1..))), "no line: {text}");
        }
    }
}
