//! How much of the machine a stack gets: in the large form as much as a Lambda function of 256 MB.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What Lambda gives the functions (`MemorySize` in template.yaml).
const MEMORY_MIB: u64 = 256;
/// Lambda gives a whole core for 1,769 MB, and less in proportion.
const CPU_SHARE: f64 = 1.0 / 7.0;
/// Microseconds in which the share is counted, as the kernel does where nothing is set.
const CPU_PERIOD: u32 = 100_000;
/// Tries to remove the group of a process that was just ended.
const REMOVALS: usize = 100;

/// Limits for one stack.
#[derive(Default)]
pub struct Confines {
    /// Bytes of data (RLIMIT_DATA), in MiB. Allocating more ends the process.
    memory_mib: Option<u64>,
    /// File descriptors.
    open_files: Option<u32>,
    cpu: Option<CpuGroup>,
}

impl Confines {
    /// The memory of a function, and its share of a core where that can be set.
    pub fn of_a_function() -> Self {
        Self { memory_mib: Some(MEMORY_MIB), open_files: None, cpu: CpuGroup::make() }
    }

    /// So many file descriptors and no other limit.
    pub fn of_descriptors(count: u32) -> Self {
        Self { open_files: Some(count), ..Self::default() }
    }

    /// In words, for the figures.
    pub fn describe(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.memory_mib.map(|mib| format!("{mib} MiB of data")));
        words.extend(self.open_files.map(|count| format!("{count} descriptors")));
        words.push(match &self.cpu {
            Some(_) => "a seventh of a core".to_owned(),
            None => "all cores".to_owned(),
        });
        words.join(", ")
    }

    /// A program that limits itself and becomes the one whose command line follows.
    pub fn launcher(&self) -> Vec<String> {
        let mut script = String::new();
        if let Some(group) = &self.cpu {
            script.push_str(&format!("echo $$ >'{}/cgroup.procs' && ", group.0.display()));
        }
        if let Some(mib) = self.memory_mib {
            script.push_str(&format!("ulimit -d {} && ", mib * 1024));
        }
        if let Some(count) = self.open_files {
            script.push_str(&format!("ulimit -n {count} && "));
        }
        script.push_str("exec \"$@\"");
        ["sh", "-c", &script, "sh"].map(str::to_owned).into()
    }
}

/// A control group for one process that has a share of a core. It is removed with this.
struct CpuGroup(PathBuf);

impl CpuGroup {
    /// `None` where the tests may not make one: then the CPU is not limited. There is no other way to
    /// do it: `nice` limits nothing on an idle machine.
    fn make() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("posthorn-hostile-{}-{number}", std::process::id());
        let quota = (f64::from(CPU_PERIOD) * CPU_SHARE).round();
        // Version 2, then version 1. https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu
        let v2 = [("cpu.max", format!("{quota} {CPU_PERIOD}"))];
        let v1 = [
            ("cpu.cfs_period_us", CPU_PERIOD.to_string()),
            ("cpu.cfs_quota_us", quota.to_string()),
        ];
        Self::below("/sys/fs/cgroup", &name, &v2)
            .or_else(|| Self::below("/sys/fs/cgroup/cpu", &name, &v1))
    }

    fn below(parent: &str, name: &str, settings: &[(&str, String)]) -> Option<Self> {
        // What is no control group has no such file, and gets no folder.
        if !Path::new(parent).join("cgroup.procs").exists() {
            return None;
        }
        let folder = Path::new(parent).join(name);
        fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        let set = settings.iter().all(|(file, value)| fs::write(group.0.join(file), value).is_ok());
        set.then_some(group)
    }
}

impl Drop for CpuGroup {
    fn drop(&mut self) {
        // It can be removed once its process is gone, which takes a moment after its end.
        for _ in 0..REMOVALS {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("{} could not be removed", self.0.display());
    }
}
