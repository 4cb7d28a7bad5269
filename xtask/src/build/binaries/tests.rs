//! A target folder with programs that are built anew, kept, claimed and removed.

use std::time::Duration;

use super::*;

/// A target folder in which "cargo" has built `vectors`.
struct Target {
    folder: tempfile::TempDir,
    store: BinaryStore,
}

impl Target {
    fn new() -> Target {
        let folder = tempfile::tempdir().unwrap();
        let store = BinaryStore::open(folder.path()).unwrap();
        Target { folder, store }
    }

    /// Builds the program as cargo does: a new file takes the place of the old one.
    fn build(&self, content: &str) -> PathBuf {
        let program = self.folder.path().join("vectors");
        write_whole(&program, content.as_bytes()).unwrap();
        program
    }

    fn keep(&self, content: &str) -> KeptBinary {
        self.store.keep("vectors", &self.build(content)).unwrap()
    }

    fn find(&self, content: &str) -> Result<KeptBinary> {
        self.store.find("vectors", &sha256(content.as_bytes()))
    }

    /// A baseline that was measured with the program of this content.
    fn baseline(&self, name: &str, content: &str) -> (Hashes, PathBuf) {
        let hashes = Hashes::from([("vectors".to_string(), sha256(content.as_bytes()))]);
        let run = format!(
            r#"{{"schema": 1, "id": "x", "started": "", "command": "", "revision": {{}}, "host": {{"facts": {{}}}},
                "settings": {{"quick": false, "modes": [], "profile": "dev", "repetitions": 1, "interval_ns": 1,
                "time_limit_s": 1, "memory_limit_bytes": 1, "binaries": {}}}, "cases": []}}"#,
            serde_json::to_string(&hashes).unwrap()
        );
        let file = self.folder.path().join(name);
        fs::write(&file, run).unwrap();
        (hashes, file)
    }
}

#[test]
fn a_build_beside_a_run_does_not_change_what_it_runs() {
    let target = Target::new();
    let bench = target.folder.path().join("bench");
    let built = Programs::from([("vectors".to_string(), target.build("old"))]);
    let (snapshot, programs) = BuildSnapshot::of(built, None, &bench).unwrap();
    target.build("new");
    assert_eq!(fs::read_to_string(&programs["vectors"]).unwrap(), "old");
    let kept = target.store.keep("vectors", &programs["vectors"]).unwrap();
    let other = target.keep("new");
    assert_eq!(fs::read_to_string(&kept.path).unwrap(), "old");
    assert_eq!(fs::read_to_string(&other.path).unwrap(), "new");
    assert_eq!(kept.path.as_os_str().len(), other.path.as_os_str().len(), "a path's length moves RSS");

    // A process that was killed leaves a folder, which the next one removes; one that lives keeps its own.
    let left = bench.join("build-killed");
    fs::create_dir(&left).unwrap();
    let (_second, _) = BuildSnapshot::of(Programs::new(), None, &bench).unwrap();
    assert!(!left.exists() && programs["vectors"].exists());
    drop(snapshot);
    assert!(!programs["vectors"].exists() && kept.path.exists());
}

#[test]
fn the_library_that_counts_in_other_programs_stays_beside_a_program() {
    let target = Target::new();
    let bench = target.folder.path().join("bench");
    let library = target.folder.path().join("library as cargo names it");
    fs::write(&library, "counts").unwrap();
    let built = Programs::from([("vectors".to_string(), target.build("p"))]);
    let (_snapshot, programs) = BuildSnapshot::of(built, Some(&library), &bench).unwrap();
    let beside = |program: &Path| fs::read_to_string(program.with_file_name(LIBRARY_FILE)).unwrap();
    assert_eq!(beside(&programs["vectors"]), "counts");
    let kept = target.store.keep("vectors", &programs["vectors"]).unwrap();
    assert_eq!(beside(&kept.path), "counts");
    let named: Vec<String> = target.store.kept().unwrap().into_iter().map(|kept| kept.name).collect();
    assert_eq!(named, ["vectors"], "the library is no program");
}

#[test]
fn only_what_is_here_and_as_it_was_is_found() {
    let target = Target::new();
    let kept = target.keep("old");
    assert_eq!(target.find("old").unwrap().path, kept.path);
    assert!(target.find("other").err().unwrap().to_string().contains("is not kept here"));
    fs::write(&kept.path, "tampered").unwrap();
    assert!(target.find("old").err().unwrap().to_string().contains("it was changed"));
    // Kept anew it is right again.
    target.keep("old");
    target.find("old").unwrap();
    for (name, hash) in [("vectors", "../../etc"), ("../vectors", &*sha256(b"old")), ("", "")] {
        assert!(target.store.find(name, hash).is_err(), "{name} {hash}");
    }
}

#[test]
fn what_a_baseline_has_stays_and_of_the_rest_the_newest() {
    let target = Target::new();
    let (hashes, baseline) = target.baseline("main.json", "claimed");
    assert!(target.store.claim(&hashes, &baseline).is_err(), "it is not here");
    let in_use = target.keep("in use");
    for content in ["claimed", "old", "newer", "newest"] {
        target.keep(content);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(target.store.claim(&hashes, &baseline).unwrap(), 7);
    target.store.prune().unwrap();
    let there = |content: &str| target.store.folder_of(&sha256(content.as_bytes())).exists();
    assert!(["in use", "claimed", "newer", "newest"].into_iter().all(there));
    assert!(!there("old"));

    let unused = target.store.unused_since(SystemTime::now()).unwrap();
    assert_eq!(unused.len(), 3, "all but what the baseline has: {unused:?}");
    assert_eq!(target.store.unused_since(SystemTime::UNIX_EPOCH).unwrap(), []);
    for (folder, _) in unused {
        target.store.remove(&folder).unwrap();
    }
    assert!(there("in use") && there("claimed") && !there("newest"));

    // The baseline is another run now, or is gone: in both cases it claims this no more.
    drop(in_use);
    target.baseline("main.json", "newest");
    assert_eq!(target.store.unused_since(SystemTime::now()).unwrap().len(), 2);
    target.baseline("main.json", "claimed");
    assert_eq!(target.store.unused_since(SystemTime::now()).unwrap().len(), 1);
    target.store.release(&hashes).unwrap();
    assert!(there("claimed"), "it still has it");
    fs::remove_file(baseline).unwrap();
    target.store.release(&hashes).unwrap();
    assert!(!there("claimed") && there("in use"));
}
