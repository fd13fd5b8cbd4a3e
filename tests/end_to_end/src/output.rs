//! What a program under test prints, kept line by line while it runs.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufRead, Lines};
use tokio::task::JoinHandle;

use crate::DEADLINE;

/// The lines of a program's output, as far as they have been read.
pub(crate) struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Output {
    /// Reads on behind the lines that were read already; each further one is shown to `seen`.
    pub fn keep<R>(
        read: Vec<String>,
        mut rest: Lines<R>,
        seen: impl Fn(&str) + Send + 'static,
    ) -> Self
    where
        R: AsyncBufRead + Unpin + Send + 'static,
    {
        let lines = Arc::new(Mutex::new(read));
        let kept = Arc::clone(&lines);
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = rest.next_line().await {
                seen(&line);
                kept.lock().expect("no panic while it was held").push(line);
            }
        });
        Self { lines, reader }
    }

    /// What has been read so far: what it printed a moment ago may be missing.
    pub fn so_far(&self) -> Vec<String> {
        self.lines.lock().expect("no panic while it was held").clone()
    }

    /// Waits until there is no more to read. The end of a process comes before that: its last lines
    /// are still in the pipe.
    pub async fn end(&mut self) {
        if !self.reader.is_finished() {
            let ended = tokio::time::timeout(DEADLINE, &mut self.reader).await;
            ended.expect("its output ends with it").expect("the reader does not panic");
        }
    }
}
