//! One worker: a session for as long as there is work for it, and another one
//! when that ends.

use super::batch::{Batch, Locked};
use super::dispatch::Work;
use super::job::Payload;
use super::lane::{Filled, Lane};
use super::pool::Resting;
use super::server::{Asks, Opening, Security, Server, quit};
use crate::driver::{Attendant, Connection, Deadline};
use crate::protocol::{Error, Kind, Session, Stage};
use crate::tls::RecordLayer;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// After a session that could not be opened; doubled each time.
const PAUSE: Duration = Duration::from_millis(500);

impl Asks for Connection {
    fn session(&mut self) -> &mut Session {
        self.session_mut()
    }

    fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error> {
        Self::start_tls(self, layer)
    }
}

/// Works until nothing is left to do. An error is the attendant's, or says that
/// nothing can be sent; every job is settled or back in the dispatch by then.
pub(super) fn work<P: Payload>(batch: &Batch<P>, attendant: &mut dyn Attendant) -> Result<(), Error> {
    if let Some(local) = &batch.shared.local {
        return super::local::work(batch, &**local, attendant);
    }
    let mut failures = 0;
    loop {
        if !wait_for_a_job(batch, attendant)? {
            return Ok(());
        }
        match session(batch, attendant) {
            Ok(resting) => {
                failures = 0;
                batch.lock().sessions += 1;
                let worked = stream(batch, resting, attendant);
                batch.lock().sessions -= 1;
                worked?;
            }
            Err(error) => {
                failures += 1;
                let others = {
                    let state = batch.lock();
                    state.workers > 1 && state.sessions > 0
                };
                // The server takes so many sessions and no more, or so it seems.
                if others && error.kind != Kind::Interrupted {
                    return Ok(());
                }
                let again = error.is_transient() && failures <= batch.lock().dispatch.retries();
                if !again || error.kind == Kind::Interrupted {
                    batch.fail(&error);
                    return Err(error);
                }
                pause(PAUSE * (1 << (failures - 1).min(7)), batch, attendant)?;
            }
        }
    }
}

/// False: there is nothing any more.
fn wait_for_a_job<P: Payload>(batch: &Batch<P>, attendant: &mut dyn Attendant) -> Result<bool, Error> {
    loop {
        let until = {
            let mut state = batch.lock();
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            match state.dispatch.outlook(Instant::now()) {
                Work::Some => return Ok(true),
                Work::Finished => return Ok(false),
                Work::At(when) => Some(when),
                Work::None => None,
            }
        };
        batch.wait_for_work(until);
        interrupted(batch, attendant.attend())?;
    }
}

/// One that rests, or a new one with the first server that takes us.
fn session<P: Payload>(batch: &Batch<P>, attendant: &mut dyn Attendant) -> Result<Resting, Error> {
    let shared = &batch.shared;
    if let Some(resting) = shared.pool.take(Instant::now()) {
        return Ok(resting);
    }
    let mut first = None;
    for at in shared.route.order(Instant::now()) {
        let hop = shared.route.hop(at);
        let recorded = shared.recorded.load(Ordering::Relaxed);
        match open(&hop.server, &hop.target, hop.patience, recorded, attendant) {
            Ok(connection) => {
                shared.route.is_up(at);
                let now = Instant::now();
                return Ok(Resting { connection, server: at, begun: 0, opened: now, since: now });
            }
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(error) => {
                shared.route.is_down(at, Instant::now());
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or_else(|| Error::new(Kind::Misuse, Stage::Connect, "there is no server to send by")))
}

/// Connects and says all that comes before mail.
pub fn open(
    server: &Server,
    target: &crate::driver::Target,
    patience: crate::driver::Patience,
    recorded: bool,
    attendant: &mut dyn Attendant,
) -> Result<Connection, Error> {
    let layer = match server.security {
        Security::Implicit => Some((server.make_layer)()?),
        _ => None,
    };
    let mut connection = Connection::open(target, server.options, layer, patience, attendant)?;
    connection.session_mut().keep_transcript(recorded);
    let name = server.client_name.clone().unwrap_or_else(|| connection.own_literal());
    let mut opening = Opening::new(name);
    loop {
        let event = connection.run(attendant)?;
        match opening.hear(event, server, &mut connection) {
            Ok(true) => return Ok(connection),
            Ok(false) => {}
            Err(error) => {
                connection.leave();
                return Err(error);
            }
        }
    }
}

/// Sends by this session for as long as both last.
fn stream<P: Payload>(
    batch: &Batch<P>,
    mut resting: Resting,
    attendant: &mut dyn Attendant,
) -> Result<(), Error> {
    let shared = &batch.shared;
    let hop = shared.route.hop(resting.server);
    let now = Instant::now();
    let idle = now.duration_since(resting.since) > Duration::from_secs(1);
    let mut lane = batch.lane(Arc::clone(&hop.server.name), resting.begun, idle, now);
    let ended = converse(batch, &mut lane, &mut resting, hop.patience, attendant);
    let now = Instant::now();
    let connection = &mut resting.connection;
    let over = connection.session().state().is_over();
    {
        let mut state = batch.lock();
        lane.ended(connection.session_mut(), ended.as_ref().err(), &mut state.dispatch, now);
    }
    batch.stir();
    batch.tell();
    resting.begun = lane.begun();
    match ended {
        Ok(spent) if !over && !spent => {
            resting.since = now;
            shared.pool.put(resting);
        }
        Ok(_) => resting.connection.leave(),
        Err(error) => {
            resting.connection.close();
            return interrupted(batch, Err(error).or_else(only_interrupts));
        }
    }
    Ok(())
}

/// True when the session may do no more.
fn converse<P: Payload>(
    batch: &Batch<P>,
    lane: &mut Lane<P>,
    resting: &mut Resting,
    patience: crate::driver::Patience,
    attendant: &mut dyn Attendant,
) -> Result<bool, Error> {
    let keep = batch.shared.pool.keep;
    let connection = &mut resting.connection;
    let mut deadline = Deadline::start(patience);
    loop {
        let now = Instant::now();
        if connection.session().state().is_over() {
            return Ok(true);
        }
        if lane.in_flight() == 0 {
            deadline = Deadline::start(patience);
        }
        let too_old = now.duration_since(resting.opened) >= keep.age;
        let workers = batch.lock().workers;
        let filled = match too_old {
            true => Filled::Spent,
            false => lane.fill(&mut Locked(batch), workers, connection.session_mut(), now),
        };
        match filled {
            Filled::Spent if lane.in_flight() == 0 => return Ok(true),
            Filled::Starved(work) if lane.in_flight() == 0 => match work {
                Work::Finished => return Ok(false),
                Work::Some => continue,
                Work::At(when) => {
                    batch.wait_for_work(Some(when));
                    attendant.attend()?;
                    continue;
                }
                Work::None if batch.lock().dispatch.is_drained() => return Ok(false),
                Work::None => {
                    batch.wait_for_work(None);
                    attendant.attend()?;
                    continue;
                }
            },
            Filled::Starved(_) if keep.idle.is_zero() && batch.lock().dispatch.is_drained() => {
                quit(connection.session_mut());
            }
            Filled::Starved(_) => batch.sleep_by(connection.waker()),
            Filled::Spent | Filled::Full => {}
        }
        let Some(event) = connection.advance(&mut deadline, attendant, true)? else { continue };
        let now = Instant::now();
        let mut state = batch.lock();
        lane.hear(event, &mut state.dispatch, now);
        while let Some(event) = connection.session_mut().decided() {
            lane.hear(event, &mut state.dispatch, now);
        }
        drop(state);
        batch.tell();
    }
}

fn pause<P: Payload>(time: Duration, batch: &Batch<P>, attendant: &mut dyn Attendant) -> Result<(), Error> {
    let end = Instant::now() + time;
    while Instant::now() < end && batch.failure().is_none() {
        std::thread::sleep(crate::driver::SLICE.min(end.saturating_duration_since(Instant::now())));
        interrupted(batch, attendant.attend())?;
    }
    Ok(())
}

/// An interrupt ends the whole batch.
fn interrupted<P: Payload>(batch: &Batch<P>, result: Result<(), Error>) -> Result<(), Error> {
    if let Err(error) = &result {
        batch.fail(error);
    }
    result
}

/// Any other end of a session is told by the receipts, and another one follows.
fn only_interrupts(error: Error) -> Result<(), Error> {
    if error.kind == Kind::Interrupted { Err(error) } else { Ok(()) }
}
