//! Which files are read, and which definitions belong together.

use std::fs;
use std::path::{Path, PathBuf};

use super::{RULES, lines};
use crate::definition::settings::AsOf;
use crate::definition::{Definitions, Unusable, load};

const SAGA: &str = "starts: A\ndeadline: 5m\nsteps: [{ step: s, pivot: true, succeeds: B }]\n";

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("SAGA", SAGA)).unwrap();
    }
    folder
}

fn read(paths: &[&Path]) -> Definitions {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    load(&paths, &RULES).unwrap_or_else(|unusable| panic!("{:?}", lines(&unusable.faults)))
}

fn refused(path: &Path) -> Unusable {
    load(&[path.to_owned()], &RULES).unwrap_err()
}

/// Each scope as its log and its sagas.
fn scopes(definitions: &Definitions) -> Vec<(Option<&str>, Vec<&str>)> {
    definitions
        .scopes
        .iter()
        .map(|scope| {
            let log = scope.log.as_ref().map(|log| &*log.name);
            (log, scope.sagas.iter().map(|saga| &*saga.name).collect())
        })
        .collect()
}

#[test]
fn definitions_belong_to_the_nearest_log_above() {
    let folder = tree(&[
        ("b/log.yaml", "log: b\ndatabase: data/b.db\n"),
        ("b/deep/er/one.yml", "saga: one\nSAGA"),
        ("b/inner/log.yaml", "log: inner\n---\nsaga: two\nSAGA"),
        ("a/log.yaml", "log: a\n"),
        ("stray/three.yaml", "saga: three\nSAGA"),
        ("four.yaml", "saga: four\nSAGA"),
    ]);
    let definitions = read(&[folder.path()]);
    assert_eq!(
        scopes(&definitions),
        [
            (None, vec!["four", "three"]),
            (Some("a"), vec![]),
            (Some("b"), vec!["one"]),
            (Some("inner"), vec!["two"]),
        ]
    );
    let database = definitions.scopes[2].log.as_ref().unwrap().database.clone();
    assert_eq!(database, Some(folder.path().join("b/data/b.db")));
}

#[test]
fn inner_settings_win_over_outer_ones_and_reach_the_logs_below() {
    let folder = tree(&[
        (
            "settings.yaml",
            "settings: { as-of: now, rules: { saga/late: off, saga/stuck-step: note } }\n",
        ),
        ("shop/log.yaml", "log: shop\n"),
        (
            "shop/more.yaml",
            "settings: { rules: { saga/late: warning } }\n",
        ),
        (
            "bank/log.yaml",
            "log: bank\n---\nsettings: { as-of: end }\n",
        ),
    ]);
    let definitions = read(&[folder.path()]);
    let said: Vec<_> = definitions
        .scopes
        .iter()
        .map(|scope| {
            let rules = scope.settings.rules.values();
            let rules: Vec<_> = rules
                .map(|level| level.map_or("off", |it| it.label()))
                .collect();
            (scope.settings.as_of, rules)
        })
        .collect();
    assert_eq!(
        said,
        [
            (Some(AsOf::End), vec!["off", "note"]),
            (Some(AsOf::Now), vec!["warning", "note"]),
        ]
    );
}

#[test]
fn hidden_files_case_files_and_others_are_passed_over() {
    let folder = tree(&[
        (".hidden/x.yaml", "nonsense: x\n"),
        (".x.yaml", "nonsense: x\n"),
        ("x.case.yaml", "nonsense: x\n"),
        (
            "declined.yaml",
            "about: a story\nas-of: 2026-03-01T12:00:00Z\nexpect: []\n",
        ),
        ("notes.txt", "nonsense"),
        ("one.yaml", "saga: one\nSAGA"),
    ]);
    let definitions = read(&[folder.path()]);
    assert_eq!(definitions.files, [folder.path().join("one.yaml")]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_never_in_a_circle() {
    let folder = tree(&[("a/one.yaml", "saga: one\nSAGA")]);
    std::os::unix::fs::symlink("..", folder.path().join("a/up")).unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("again")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
    let definitions = read(&[folder.path(), &folder.path().join("a/one.yaml")]);
    assert_eq!(scopes(&definitions), [(None, vec!["one"])]);
}

#[test]
fn the_hash_depends_on_names_and_texts_and_not_on_where_the_folder_is() {
    let one = tree(&[("a.yaml", "saga: one\nSAGA"), ("x.case.yaml", "")]);
    let same = tree(&[("a.yaml", "saga: one\nSAGA")]);
    let renamed = tree(&[("b.yaml", "saga: one\nSAGA")]);
    let changed = tree(&[("a.yaml", "saga: two\nSAGA")]);
    let hash = |folder: &tempfile::TempDir| read(&[folder.path()]).hash;
    assert_eq!(hash(&one), hash(&same));
    assert_eq!(hash(&one).len(), 32);
    assert_ne!(hash(&one), hash(&renamed));
    assert_ne!(hash(&one), hash(&changed));
}

#[test]
fn faults_of_all_files_come_at_once_in_order() {
    let folder = tree(&[
        ("b.yaml", "saga: one\nSAGA---\nsaga: one\nSAGA"),
        ("a.yaml", "saga: x\nstart: A\n---\nlog: [\n"),
        ("c.yaml", "saga: one\nSAGA"),
    ]);
    fs::write(folder.path().join("d.yaml"), b"saga: \xff\n").unwrap();
    let said: Vec<String> = refused(folder.path())
        .faults
        .iter()
        .map(|fault| {
            let place = fault.place.as_ref().unwrap();
            let file = place
                .file
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            format!("{file}:{}:{} {}", place.line, place.column, fault.rule)
        })
        .collect();
    assert_eq!(
        said,
        [
            "a.yaml:1:1 definition/missing-key",
            "a.yaml:2:1 definition/unknown-key",
            "a.yaml:5:1 definition/syntax",
            "b.yaml:6:7 definition/duplicate-name",
            "c.yaml:1:7 definition/duplicate-name",
            "d.yaml:1:7 definition/syntax",
        ]
    );
}

#[test]
fn a_path_that_is_not_there_is_unreadable() {
    let folder = tree(&[]);
    let path = folder.path().join("missing");
    assert_eq!(
        lines(&refused(&path).faults),
        [format!(
            "unreadable: cannot read `{}`: there is no such file or folder |  | -",
            path.display()
        )]
    );
}

#[test]
fn a_folder_without_definitions_has_no_scope() {
    let folder = tree(&[]);
    let definitions = read(&[folder.path()]);
    assert!(definitions.scopes.is_empty() && definitions.files.is_empty());
}
