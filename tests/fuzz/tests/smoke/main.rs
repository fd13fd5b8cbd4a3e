//! Every target over its committed corpus, and for a few seconds over mutations of it: a search
//! without coverage, that any machine can do. `tests/fuzz/run` searches in earnest.
//!
//! `POSTHORN_FUZZ_SMOKE_SECONDS`: how long each target takes, 8 where nothing is said.
//! `POSTHORN_FUZZ_SMOKE_SEED`: where the mutations begin; every run has one of its own otherwise.

mod mutator;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use mutator::Mutator;

const SECONDS: u64 = 8;
/// One input takes less than a millisecond. A machine that is busy with something else may well
/// take a thousand times as long; this long it takes only what never ends.
const HANG: Duration = Duration::from_secs(120);

#[test]
fn event() {
    smoke("event", posthorn_fuzz::event);
}

#[test]
fn filter() {
    smoke("filter", posthorn_fuzz::filter);
}

#[test]
fn endpoint_url() {
    smoke("endpoint_url", posthorn_fuzz::endpoint_url);
}

#[test]
fn cursor() {
    smoke("cursor", posthorn_fuzz::cursor);
}

#[test]
fn facade() {
    smoke("facade", posthorn_fuzz::facade);
}

#[test]
fn signature() {
    smoke("signature", posthorn_fuzz::signature);
}

/// The input that is on, and since when.
type Current = Arc<Mutex<(Instant, Vec<u8>)>>;

fn smoke(name: &'static str, target: fn(&[u8])) {
    let seed = setting("POSTHORN_FUZZ_SMOKE_SEED").unwrap_or_else(random);
    let time = Duration::from_secs(setting("POSTHORN_FUZZ_SMOKE_SECONDS").unwrap_or(SECONDS));
    let corpus = corpus(name);
    let current: Current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
    let worker = std::thread::spawn({
        let current = Arc::clone(&current);
        move || run(&corpus, Mutator::new(seed, tokens(name)), target, time, &current)
    });
    while !worker.is_finished() {
        std::thread::sleep(Duration::from_millis(20));
        let (since, input) = &*lock(&current);
        if since.elapsed() > HANG {
            panic!("{name} hangs on {} (seed {seed})", keep(name, input).display());
        }
    }
    match worker.join() {
        Ok(runs) => println!("{name}: {runs} inputs, seed {seed}"),
        Err(_) => {
            let kept = keep(name, &lock(&current).1);
            panic!("{name} fails on {} (seed {seed})", kept.display());
        }
    }
}

/// How many inputs there were.
fn run(
    corpus: &[Vec<u8>],
    mut mutator: Mutator,
    target: fn(&[u8]),
    time: Duration,
    current: &Current,
) -> usize {
    let mut try_one = |input: Vec<u8>| {
        *lock(current) = (Instant::now(), input.clone());
        target(&input);
    };
    corpus.iter().cloned().for_each(&mut try_one);
    let (began, mut runs) = (Instant::now(), corpus.len());
    while began.elapsed() < time {
        try_one(mutator.mutate(corpus));
        runs += 1;
    }
    runs
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let files = std::fs::read_dir(&folder).expect("a corpus");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    // So that a seed means the same on every machine.
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a corpus file")).collect()
}

fn tokens(name: &str) -> Vec<Vec<u8>> {
    let file = format!("{}/dictionaries/{name}.dict", env!("CARGO_MANIFEST_DIR"));
    mutator::dictionary(&std::fs::read_to_string(file).expect("a dictionary"))
}

/// Writes an input to a file: to be tried again, and to become a part of the corpus.
fn keep(name: &str, input: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    std::fs::write(&path, input).expect("the target directory can be written to");
    path
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

fn random() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}
