//! Child processes, and what `/proc` tells of a process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result};

/// Kernel ticks per second in `/proc/<pid>/stat`: USER_HZ, 100 on every architecture Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds, user and system, of all threads so far.
///
/// # Errors
/// When there is no such process.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
    ticks(&text).map(|ticks| ticks as f64 / TICKS_PER_SECOND).context(path)
}

/// Fields 14 (utime) and 15 (stime), proc(5). Field 2, the name, may contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The most memory that it ever had, in MiB (VmHWM: resident, shared pages included).
///
/// # Errors
/// When there is no such process.
pub fn peak_mebibytes(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kibibytes.map(|kibibytes| kibibytes / 1024.0).with_context(|| format!("{path}: VmHWM"))
}

/// What follows each of these words in a child's output; they come in this order, a line each. What
/// comes after them is read and dropped, so that the child never waits for a reader.
///
/// # Errors
/// When the output ends before, or a line does not come within 30 s.
pub fn first_lines<const N: usize>(
    child: &mut Child,
    words: [&'static str; N],
) -> Result<[String; N]> {
    let output = child.stdout.take().context("a child whose output is piped")?;
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut waited_for = words.into_iter().peekable();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let found = waited_for.peek().and_then(|word| line.split_once(word));
            if let Some((_, rest)) = found {
                waited_for.next();
                // Fails only when the benchmark has given up.
                let _ = send.send(rest.to_owned());
            }
        }
    });
    let mut found = [const { String::new() }; N];
    for (line, word) in found.iter_mut().zip(words) {
        let waited = receive.recv_timeout(Duration::from_secs(30));
        *line = waited.with_context(|| format!("it never said \"{}\"", word.trim()))?;
    }
    Ok(found)
}

/// Kills it and waits until it is gone.
pub fn end(child: &mut Child) {
    // Both fail only when it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 500 0 0 0 250 50 0 0 20 0 7 0 100";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("42 (a"), None);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(peak_mebibytes(std::process::id()).unwrap() > 0.1);
        assert!(cpu_seconds(std::process::id()).is_ok());
    }
}
