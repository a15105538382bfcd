//! A worker without a session: it delivers each whole message to a file or a program.

use super::job::Payload;
use super::queue::Work;
use super::threads::Batch;
use super::wakeups::Sleep;
use crate::driver::Attendant;
use crate::local::envelope;
use crate::protocol::transaction::Fate;
use crate::protocol::{Error, Kind};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

impl<P: Payload> Batch<P> {
    /// Hands each message to the local destination.
    pub(super) fn work_locally(&self, attendant: &mut dyn Attendant) -> Result<(), Error> {
        let Some(local) = &self.mailer.local else { return Ok(()) };
        let name = &local.name;
        let ledger = Arc::clone(&self.lock().queue.ledger);
        let mut taken = VecDeque::new();
        loop {
            let now = Instant::now();
            let work = self.lock().queue.take(1, now, &mut taken);
            let Some(mut job) = taken.pop_front() else {
                let Work::Later(until) = work else { return Ok(()) };
                self.wait_until(until, Sleep::Deep);
                attendant.attend().inspect_err(|error| self.fail(error))?;
                continue;
            };
            if let Err(why) = ledger.begun(&job, job.recipients.len()) {
                self.lock().queue.decline(job, name, why);
                self.tell();
                continue;
            }
            job.attempts += 1;
            let options = job.options.as_ref().filter(|_| local.delivers());
            let said = options.map(|options| {
                let needs_binary = job.payload.body().needs_binary();
                options.to_no_server(name, needs_binary)
            });
            let sent = said.transpose().and_then(|said| {
                job.past.get_or_insert_default().said = said.map(Box::new);
                // With canonical line ends, as over the wire.
                let octets = job.payload.body().canonical().map_err(|unreadable| unreadable.to_error())?;
                let envelope = envelope(&job.reverse_path, &job.recipients)?;
                while !ledger.end_said(&[&job]).inspect_err(|error| self.fail(error))? {
                    self.wait_until(None, Sleep::Deep);
                }
                local.take(&envelope, &octets, &mut || attendant.attend())
            });
            let mut sender = self.lock();
            match sent {
                Ok(reply) => {
                    let all = job.recipients.drain();
                    let fates = all.map(|path| (path, Fate::Sent(reply.clone()))).collect();
                    sender.queue.settle(job, fates, Arc::clone(name), None, Instant::now());
                }
                Err(error) if matches!(error.kind, Kind::Interrupted | Kind::Timeout) => {
                    // It may have taken the message.
                    let fates = job.recipients.drain().map(|path| (path, Fate::Unknown)).collect();
                    sender.queue.settle(job, fates, Arc::clone(name), Some(&error), Instant::now());
                }
                Err(error) => sender.queue.reject(job, name, error),
            }
            drop(sender);
            self.tell();
            attendant.attend().inspect_err(|error| self.fail(error))?;
        }
    }
}
