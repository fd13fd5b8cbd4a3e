//! Serving receives: the part of the worker that hands messages out.

use std::collections::VecDeque;
use std::sync::PoisonError;

use super::{ReceiveJob, Taken, Worker};
use crate::aws::sqs::error::SqsError;
use crate::aws::sqs::index::{MessageKey, Millis};
use crate::aws::sqs::receipt::Receipt;
use crate::aws::sqs::store::Receive;

impl Worker {
    pub(super) fn serve_receives(&mut self, now: Millis) {
        let mut queues: Vec<i64> = self.queues.keys().copied().collect();
        // A redrive gives the dead-letter queue something to serve, hence the loop.
        while let Some(queue) = queues.pop() {
            match self.serve_queue(queue, now) {
                Ok(redriven_to) => queues.extend(redriven_to),
                Err(error) => self.note_failure::<()>(&Err(error)),
            }
        }
    }

    fn serve_queue(&mut self, queue: i64, now: Millis) -> Result<Option<i64>, SqsError> {
        let Some(state) = self.queues.get_mut(&queue) else {
            return Ok(None);
        };
        state.index.release_due(now);
        let mut redriven_to = None;
        let mut unserved = VecDeque::new();
        while let Some(receive) = self.queues.get_mut(&queue).and_then(|s| s.waiting.pop_front()) {
            if receive.reply.is_closed() {
                continue;
            }
            let mut taken = Vec::new();
            let result = loop {
                if taken.len() == receive.max {
                    break Ok(());
                }
                match self.take(queue, &receive, now, &mut redriven_to) {
                    Ok(Some(message)) => taken.push(message),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            match result {
                Ok(()) if taken.is_empty() && receive.deadline > now => unserved.push_back(receive),
                result => self.answer(receive.reply, result.map(|()| taken)),
            }
        }
        if let Some(state) = self.queues.get_mut(&queue) {
            state.waiting = unserved;
        }
        Ok(redriven_to)
    }

    fn take(
        &mut self,
        queue: i64,
        receive: &ReceiveJob,
        now: Millis,
        redriven_to: &mut Option<i64>,
    ) -> Result<Option<Taken>, SqsError> {
        loop {
            let state = self.queues.get_mut(&queue).ok_or(SqsError::QueueDoesNotExist)?;
            let Some(key) = state.index.take() else {
                return Ok(None);
            };
            let Some(message) = self.store.read(key)? else {
                continue;
            };
            if let Some(target) = self.dead_letter_queue(queue, message.count) {
                self.redrive(queue, target, key, &message.group, now)?;
                *redriven_to = Some(target);
                continue;
            }
            let count = message.count.saturating_add(1);
            let first_at = message.first_at.unwrap_or(now);
            let visible_at = now + receive.visibility;
            let in_process = receive.in_process;
            self.store.record_receive(&Receive { key, count, first_at, visible_at, in_process })?;
            let state = self.state(queue)?;
            state.index.hold(key, &message.group, visible_at, count);
            let receipt = Receipt { queue, message: key, count };
            return Ok(Some(Taken { key, receipt, first_at, message }));
        }
    }

    /// Where a message goes instead of being received once more.
    fn dead_letter_queue(&self, queue: i64, received: u32) -> Option<i64> {
        let redrive = self.queues.get(&queue)?.queue.spec.redrive.as_ref()?;
        if received < redrive.max_receive_count {
            return None;
        }
        let names = self.directory.read().unwrap_or_else(PoisonError::into_inner);
        names.get(&redrive.dead_letter_queue).map(|queue| queue.id)
    }

    fn redrive(
        &mut self,
        from: i64,
        to: i64,
        key: MessageKey,
        group: &str,
        now: Millis,
    ) -> Result<(), SqsError> {
        let source = {
            let state = self.state(from)?;
            state.index.dropped(group);
            state.queue.spec.name.clone()
        };
        self.store.redrive(key, to, &source)?;
        self.state(to)?.index.add(key, group, 0, now);
        Ok(())
    }
}
