//! The threads that prepare messages: as many as there are cores, while there is something to
//! prepare.

use super::{Batch, Unattended};
use crate::bulk::job::Payload;
use crate::driver::Attendant;
use std::sync::Arc;
use std::thread::available_parallelism;

impl<P: Payload> Batch<P> {
    /// Starts as many threads as there are messages to prepare.
    pub fn start_preparers(self: &Arc<Self>) {
        let most = available_parallelism().map_or(1, usize::from);
        let mut sender = self.lock();
        let wanted = sender.queue.unprepared.len().min(most.saturating_sub(sender.queue.preparers));
        sender.queue.preparers += wanted;
        drop(sender);
        for _ in 0..wanted {
            // The thread isn't joined: it may run code of the caller's, which can hang. It ends by
            // itself, and its result is then ignored.
            if let Err(error) = self.start("rsmtp-prepare", |batch| batch.prepare()) {
                self.not_started("to prepare messages", &error, |sender| {
                    sender.queue.preparers -= 1;
                    sender.queue.preparers
                });
            }
        }
    }

    /// Runs a preparing thread from start to end.
    fn prepare(&self) {
        loop {
            let mut sender = self.lock();
            let Some((payload, prepared)) = sender.queue.unprepared.pop_front() else {
                sender.queue.preparers -= 1;
                return;
            };
            drop(sender);
            // Each result is reported once, by this thread alone.
            let _ = prepared.set(payload.prepare(&mut || Unattended(self).attend()));
            let mut sender = self.lock();
            let ready = sender.queue.is_ready();
            let refused = !sender.queue.receipts.is_empty();
            let nudges = refused || (ready && std::mem::take(&mut sender.queue.starved));
            self.wake_one(sender);
            if refused {
                self.tell();
            }
            if let Some(nudge) = self.nudge.as_ref().filter(|_| nudges) {
                nudge.nudge();
            }
        }
    }
}
