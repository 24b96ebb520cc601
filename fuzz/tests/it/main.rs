//! Replays the corpus of every fuzz target.

use std::fs;
use std::panic;
use std::path::PathBuf;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_corpus_file_passes_its_target() {
    for (name, target) in fuzz_targets::TARGETS {
        let files =
            fs::read_dir(corpus().join(name)).unwrap_or_else(|error| panic!("corpus of {name}: {error}"));
        let mut count = 0;
        for file in files {
            let path = file.unwrap().path();
            let data = fs::read(&path).unwrap();
            // The target's own message does not name the file.
            assert!(panic::catch_unwind(|| target(&data)).is_ok(), "{name} fails on {}", path.display());
            count += 1;
        }
        assert!(count > 0, "the corpus of {name} is empty");
    }
}

#[test]
fn every_corpus_folder_has_a_target() {
    for folder in fs::read_dir(corpus()).unwrap() {
        let folder = folder.unwrap().file_name();
        assert!(fuzz_targets::TARGETS.iter().any(|(name, _)| folder == **name), "{}", folder.display());
    }
}
