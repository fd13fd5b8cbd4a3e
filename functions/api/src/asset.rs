//! Files that are part of the program. Each has part of its digest in its name, so that browsers keep
//! it for good and a new release is seen at once.

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use posthorn_shared::digest::sha256_hex;

/// A file that is part of the program.
pub struct Asset {
    name: String,
    content_type: &'static str,
    text: &'static str,
}

impl Asset {
    /// A file like `stem-0123456789ab.extension`.
    pub fn new(
        stem: &str,
        extension: &str,
        content_type: &'static str,
        text: &'static str,
    ) -> Self {
        let name = format!("{stem}-{}.{extension}", &sha256_hex(text)[..12]);
        Self { name, content_type, text }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file itself.
    pub fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.text));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let year = HeaderValue::from_static("public, max-age=31536000, immutable");
        headers.insert(CACHE_CONTROL, year);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        files.extend(folders.iter().flat_map(|folder| self::files(folder)));
        files
    }

    /// As `sha256sum` writes it: what is in the file beside a script that is somebody else's, whose
    /// name has its version.
    #[test]
    fn vendored_scripts_are_those_whose_digest_was_recorded() {
        let all = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets"));
        let named = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let vendored: Vec<&PathBuf> = all
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "js"))
            .filter(|path| named(path).contains(|c: char| c.is_ascii_digit()))
            .collect();
        assert_eq!(vendored.len(), 2, "{vendored:?}");
        for script in vendored {
            let text = fs::read_to_string(script).unwrap();
            let recorded = script.with_added_extension("sha256");
            let recorded = fs::read_to_string(&recorded)
                .unwrap_or_else(|error| panic!("{}: {error}", recorded.display()));
            assert_eq!(recorded, format!("{}  {}\n", sha256_hex(&text), named(script)));
        }
    }
}
