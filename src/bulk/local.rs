//! A worker without a session: each message goes to a local transport as a whole.

use super::job::Payload;
use super::queue::Work;
use super::threads::Batch;
use super::transport::{Local, envelope};
use crate::driver::Attendant;
use crate::protocol::transaction::Fate;
use crate::protocol::{Body, Error};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

pub(super) fn work<P: Payload>(
    batch: &Batch<P>,
    local: &dyn Local,
    attendant: &mut dyn Attendant,
) -> Result<(), Error> {
    let name: Arc<str> = local.name().into();
    let ledger = Arc::clone(batch.lock().queue.ledger());
    let mut taken = VecDeque::new();
    loop {
        let now = Instant::now();
        let work = batch.lock().queue.take(1, now, &mut taken);
        let Some(mut job) = taken.pop_front() else {
            let Work::Later(until) = work else { return Ok(()) };
            batch.wait_for_work(until);
            attendant.attend().inspect_err(|error| batch.fail(error))?;
            continue;
        };
        if let Err(why) = ledger.begun(&job, job.recipients.len()) {
            batch.lock().queue.decline(job, &name, why);
            batch.tell();
            continue;
        }
        job.attempts += 1;
        let sent = octets(job.payload.body()).and_then(|octets| {
            let envelope = envelope(&job.reverse_path, &job.recipients)?;
            while !ledger.end_said(&[&job]).inspect_err(|error| batch.fail(error))? {
                batch.wait_for_work(None);
            }
            local.take(&envelope, &octets)
        });
        let mut sender = batch.lock();
        match sent {
            Ok(reply) => {
                let all = job.recipients.iter();
                let fates = all.map(|path| (path.clone(), Fate::Sent(reply.clone()))).collect();
                sender.queue.settle(job, fates, &name, None, Instant::now());
            }
            Err(error) => sender.queue.reject(job, &name, error),
        }
        drop(sender);
        batch.tell();
    }
}

/// With canonical line ends, as over the wire.
fn octets(body: Body) -> Result<Vec<u8>, Error> {
    body.canonical().map_err(|unreadable| unreadable.to_error())
}
