//! The threads that make messages ready: as many as there are cores, while there is something
//! to do.

use super::{Batch, Leaving};
use crate::bulk::job::Payload;
use crate::bulk::mailer::locked;
use crate::bulk::sender::stopped;
use crate::driver::SLICE;
use crate::protocol::{Error, Kind, Stage};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, available_parallelism};

impl<P: Payload> Batch<P> {
    /// Starts as many threads as there is something to prepare for. One that can't be started
    /// leaves it to the others; without any, nothing can be sent.
    pub fn start_preparers(self: &Arc<Self>) {
        loop {
            let mut sender = self.lock();
            let preparing = &mut sender.queue.preparing;
            if preparing.idle > 0 {
                self.unprepared.notify_all();
            }
            let most = available_parallelism().map_or(1, usize::from);
            if !preparing.wants_thread() || preparing.threads >= most {
                return;
            }
            preparing.threads += 1;
            drop(sender);
            let batch = Arc::clone(self);
            let started = Builder::new().name("rsmtp-prepare".to_owned()).spawn(move || {
                // Also where it panics: the sessions must not wait for it.
                let _left = Leaving(&batch);
                batch.prepare();
            });
            // It is not waited for: what it does may be code of the caller's, which hangs. It ends
            // by itself, and what comes of it then is of no interest.
            if let Err(error) = started {
                return self.no_preparer(&error);
            }
        }
    }

    fn no_preparer(&self, error: &std::io::Error) {
        let mut sender = self.lock();
        sender.queue.preparing.threads -= 1;
        if sender.queue.preparing.threads == 0 {
            let message = format!("no thread could be started to prepare messages: {error}");
            sender.fail(&Error::new(Kind::Local, Stage::Connect, message));
        }
        drop(sender);
        self.tell();
    }

    /// A thread's whole time: until there was nothing to do for a while.
    fn prepare(&self) {
        let mut waited = false;
        loop {
            let mut sender = self.lock();
            let Some((number, payload)) = sender.queue.preparing.begin() else {
                if waited || sender.is_decided() || self.stopped.load(Ordering::Relaxed) {
                    sender.queue.preparing.threads -= 1;
                    return;
                }
                sender.queue.preparing.idle += 1;
                let waiting = self.unprepared.wait_timeout(sender, SLICE);
                let (mut sender, timeout) = waiting.unwrap_or_else(PoisonError::into_inner);
                sender.queue.preparing.idle -= 1;
                waited = timeout.timed_out();
                continue;
            };
            drop(sender);
            waited = false;
            let result = payload.prepare(&mut || match self.stopped.load(Ordering::Relaxed) {
                true => Err(stopped()),
                false => Ok(()),
            });
            let mut sender = self.lock();
            sender.queue.prepared(number, result);
            let wake = match sender.queue.waiting() {
                0 => None,
                _ => locked(&self.sleepers).wake(),
            };
            let refused = sender.queue.has_receipts();
            drop(sender);
            self.wake(wake);
            if refused {
                self.tell();
            }
        }
    }
}
