//! The dialects that a deployment knows: those that are built in, and its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::{DEFAULT, Dialect, file};

/// The files of `shared/dialects`.
const BUILT_IN: [(&str, &str); 6] = [
    ("beltic.toml", include_str!("../../dialects/beltic.toml")),
    ("filedgr.toml", include_str!("../../dialects/filedgr.toml")),
    ("flexorch.toml", include_str!("../../dialects/flexorch.toml")),
    ("flowcode.toml", include_str!("../../dialects/flowcode.toml")),
    ("fltr.toml", include_str!("../../dialects/fltr.toml")),
    ("standard.toml", include_str!("../../dialects/standard.toml")),
];

/// A file that is no dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct InvalidDialect {
    pub file: PathBuf,
    pub reason: String,
}

/// Dialects by name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dialects(Arc<BTreeMap<String, Dialect>>);

impl Dialects {
    /// Those that are built in.
    pub fn built_in() -> Self {
        // The files are part of the program, and a test reads them.
        static READ: LazyLock<Dialects> = LazyLock::new(|| {
            let mut all = BTreeMap::new();
            for (name, text) in BUILT_IN {
                let dialect = file::parse(text).unwrap_or_else(|e| panic!("{name}: {e}"));
                all.insert(dialect.name.clone(), dialect);
            }
            Dialects(Arc::new(all))
        });
        READ.clone()
    }

    /// The names of those that are built in, without reading them.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().filter_map(|(file, _)| file.strip_suffix(".toml"))
    }

    /// Those that are built in, and the `.toml` files of a directory. A file may take the place of
    /// a built-in dialect by its name.
    ///
    /// # Errors
    /// The first file that is no dialect, with the reason and where TOML knows it the line.
    pub fn with_directory(directory: &Path) -> Result<Self, InvalidDialect> {
        let invalid =
            |file: &Path, reason: String| InvalidDialect { file: file.to_owned(), reason };
        let unreadable = |error: std::io::Error| invalid(directory, error.to_string());
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut all = (*Self::built_in().0).clone();
        let mut own: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|e| invalid(&path, e.to_string()))?;
            let dialect = file::parse(&text).map_err(|reason| invalid(&path, reason))?;
            if let Some(other) = own.insert(dialect.name.clone(), path.clone()) {
                let reason =
                    format!("name: {} is the dialect of {}", dialect.name, other.display());
                return Err(invalid(&path, reason));
            }
            all.insert(dialect.name.clone(), dialect);
        }
        Ok(Self(Arc::new(all)))
    }

    /// Whether the schemas and examples of a deployment's own dialects are such: what reading them
    /// leaves out, since it takes its time.
    ///
    /// # Errors
    /// The first that is none.
    pub fn check(&self) -> Result<(), InvalidDialect> {
        let tested = Self::built_in();
        let is_tested = |dialect: &Dialect| {
            let same = |known: &Dialect| Arc::ptr_eq(&known.event_types, &dialect.event_types);
            tested.named(&dialect.name).is_some_and(same)
        };
        for dialect in self.all().filter(|dialect| !is_tested(dialect)) {
            for built_in in dialect.event_types() {
                let file = PathBuf::from(format!("dialect {}", dialect.name));
                built_in.check().map_err(|reason| InvalidDialect { file, reason })?;
            }
        }
        Ok(())
    }

    /// The dialect of that name, if there is one.
    pub fn named(&self, name: &str) -> Option<&Dialect> {
        self.0.get(name)
    }

    /// The dialect of accounts that name none.
    pub fn standard(&self) -> &Dialect {
        // It is built in, and can only be replaced by one of its name.
        &self.0[DEFAULT]
    }

    /// The dialect of that name; the standard one if this release doesn't know it: the closest
    /// thing that receivers can verify.
    pub fn or_standard(&self, name: &str) -> &Dialect {
        self.named(name).unwrap_or_else(|| self.standard())
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Dialect> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_built_in_dialects_parse() {
        let names: Vec<String> = Dialects::built_in().all().map(|d| d.name.clone()).collect();
        assert_eq!(names, ["beltic", "filedgr", "flexorch", "flowcode", "fltr", "standard"]);
        for dialect in Dialects::built_in().all() {
            dialect.event_types().iter().for_each(|one| one.check().unwrap());
        }
        for (file, text) in BUILT_IN {
            assert_eq!(format!("{}.toml", file::parse(text).unwrap().name), file);
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_schema_or_its_example() {
        let with = |schema: &str, example: &str| {
            let event_type = format!(
                "\n[[event_type]]\nname = \"a.b\"\ndescription = \"\"\nschema = '{schema}'\nexample = '{example}'\n"
            );
            let dialect = file::parse(&format!("{}{event_type}", BUILT_IN[5].1)).unwrap();
            Dialects(Arc::new(BTreeMap::from([(dialect.name.clone(), dialect)]))).check()
        };
        assert_eq!(with(r#"{"type":"object"}"#, "{}"), Ok(()));
        for (schema, example, reason) in [
            (r#"{"type":"strnig"}"#, "{}", "dialect standard: event_type a.b: schema: /type"),
            (r#"{"required":["n"]}"#, "{}", "dialect standard: event_type a.b: example:"),
        ] {
            let error = with(schema, example).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let good = BUILT_IN[5].1;
        for (wrong, reason) in [
            (good.replace("name = \"standard\"", "name = \"a b\""), "name:"),
            (good.replace("timeout_seconds = 15", "timeout_seconds = 31"), "timeout_seconds:"),
            (good.replace("timeout_seconds", "timeout"), "line "),
            (good.replace("5s", "5 seconds"), "line "),
            (good.replace("${unix}.${body}", "${unix}"), "lacks ${body}"),
            (good.replace("${type}", "${kind}"), "body: ${kind} can't stand here"),
            (good.replace("webhook-id", "webhook id"), "is no header name"),
            ("name = ".to_owned(), "line 1"),
        ] {
            let error = file::parse(&wrong).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
