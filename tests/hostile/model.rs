//! The security model names the test that guards each line: none that does not exist.

use std::fs;
use std::path::Path;

use posthorn_end_to_end::repository;

/// Where tests are written, and what is no source of ours there.
const FOLDERS: [&str; 4] = ["functions", "infra", "shared", "tests"];
const NOT_OURS: [&str; 2] = ["node_modules", "target"];

#[test]
fn every_test_that_the_model_names_exists() {
    let model = fs::read_to_string(repository("docs/SECURITY-MODEL.md")).unwrap();
    let mut sources = Vec::new();
    for folder in FOLDERS {
        find(&repository(folder), &mut sources);
    }
    // Tables whose last column has the tests.
    let tables = model.split("\n\n").filter(|part| part.contains(" | guarded by |\n"));
    let rows = tables.flat_map(str::lines);
    let guards = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
    let (mut checked, mut missing) = (0, Vec::new());
    for name in guards.flat_map(|guards| guards.split('`').skip(1).step_by(2)) {
        checked += 1;
        let exists = match name.rsplit_once("::") {
            None => repository(name).exists(),
            Some((module, test)) => {
                let (module, test) = (format!("/{module}"), format!("fn {test}("));
                sources.iter().any(|(path, text)| path.contains(&module) && text.contains(&test))
            }
        };
        if !exists {
            missing.push(name);
        }
    }
    assert!(checked > 80, "{checked} names in the model");
    assert!(missing.is_empty(), "named in docs/SECURITY-MODEL.md, and not there: {missing:#?}");
    assert!(!model.contains("TODO"), "lines of docs/SECURITY-MODEL.md without a test");
}

/// Rust sources below a folder, with their texts.
fn find(folder: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() {
            if !NOT_OURS.iter().any(|name| path.ends_with(name)) {
                find(&path, sources);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            sources.push((path.display().to_string(), text));
        }
    }
}
