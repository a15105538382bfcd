//! One worker: a session for as long as there is work for it, and another one
//! when that ends.

use super::batch::{Batch, Locked};
use super::dispatch::Work;
use super::job::Payload;
use super::lane::{Filled, Lane};
use super::parting::Parted;
use super::pool::Resting;
use super::server::{Server, quit};
use super::vigil::{LULL, Lull, Rest};
use crate::driver::{Attendant, Connection, SLICE, Wire};
use crate::protocol::opening::Security;
use crate::protocol::{Error, Event, Kind, Options, Stage};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// After so many new sessions in a row on which the server has not answered a single
/// message, nobody believes any more that the messages are to blame.
pub(super) const BARREN: u32 = 10;
/// A busy session is kept so long before it is left to who waits for one.
pub(super) const TURN: Duration = Duration::from_millis(100);
/// The answer to QUIT is awaited so long: nothing hangs on it.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

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
        let mut place = batch.shared.pool.queue();
        if !place.wait(SLICE) {
            // Somebody else may have done it by now.
            interrupted(batch, attendant.attend())?;
            continue;
        }
        match session(batch, attendant) {
            Ok(resting) => {
                let worked = {
                    let _streaming = batch.streaming();
                    stream(batch, resting, attendant)
                };
                match worked? {
                    Parted::Well => {
                        failures = 0;
                        continue;
                    }
                    Parted::Plainly => continue,
                    Parted::Barren(error) => {
                        failures += 1;
                        if failures > BARREN {
                            batch.fail(&error);
                            return Err(error);
                        }
                    }
                }
            }
            Err(error) if error.kind == Kind::Interrupted => {
                batch.fail(&error);
                return Err(error);
            }
            Err(error) => {
                failures += 1;
                let (alone, others_get_on, retries) = {
                    let state = batch.lock();
                    (state.workers < 2, state.sessions > 0, state.dispatch.retries())
                };
                if !others_get_on && (failures > retries || !error.is_transient()) {
                    // The server takes so many sessions and no more, or so it seems.
                    // Whoever is the last to try knows.
                    if !alone && error.stage != Stage::Auth {
                        batch.lock().turned_away = true;
                        return Ok(());
                    }
                    batch.fail(&error);
                    return Err(error);
                }
            }
        }
        drop(place);
        // Not in one expression: the lock would be held while it waits.
        let time = batch.lock().dispatch.backoff(failures);
        pause(time, batch, attendant)?;
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
        let options = shared.route.options(at, Instant::now());
        match open(&hop.server, options, &hop.target, hop.patience, recorded, attendant) {
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
    options: Options,
    target: &crate::driver::Target,
    patience: crate::driver::Patience,
    recorded: bool,
    attendant: &mut dyn Attendant,
) -> Result<Connection, Error> {
    let layer = match server.security {
        Security::Implicit => Some((server.make_layer)()?),
        _ => None,
    };
    let wire = Wire::new(options, layer, patience);
    let mut connection = Connection::open(target, wire, attendant)?;
    connection.session_mut().keep_transcript(recorded);
    let plan = server.plan(connection.own_literal());
    connection.wire_mut().open(plan, Arc::clone(&server.make_layer));
    loop {
        if let Event::Opened(opened) = connection.run(attendant)? {
            let Some(trouble) = opened.trouble else { return Ok(connection) };
            connection.leave();
            return Err(*trouble);
        }
    }
}

/// Sends by this session for as long as both last.
fn stream<P: Payload>(
    batch: &Batch<P>,
    mut resting: Resting,
    attendant: &mut dyn Attendant,
) -> Result<Parted, Error> {
    let shared = &batch.shared;
    let hop = shared.route.hop(resting.server);
    let fresh = resting.begun == 0;
    let now = Instant::now();
    let idle = now.duration_since(resting.since) > Duration::from_secs(1);
    shared.route.prepare(resting.server, resting.connection.session_mut());
    let mut lane = batch.lane(Arc::clone(&hop.server.name), resting.opened, resting.begun, idle, now);
    // A panic loses no message: all of them are settled before it goes on.
    let conversed = panic::catch_unwind(AssertUnwindSafe(|| {
        converse(batch, &mut lane, &mut resting, hop.patience, attendant)
    }));
    let (ended, panicked) = match conversed {
        Ok(ended) => (ended, None),
        Err(panicked) => (Err(resting.connection.session_mut().fail(panicking())), Some(panicked)),
    };
    let connection = &mut resting.connection;
    let error = ended.as_ref().err();
    let now = Instant::now();
    let parted = batch.part(&mut lane, connection.session_mut(), resting.server, fresh, error, now);
    batch.stir();
    batch.tell();
    if let Some(panicked) = panicked {
        resting.connection.close();
        panic::resume_unwind(panicked);
    }
    resting.begun = lane.begun();
    match ended {
        Ok(spent) if !spent && !connection.session().state().is_over() => {
            resting.since = now;
            shared.pool.put(resting);
        }
        Ok(_) => connection.leave(),
        Err(error) => {
            connection.close();
            if error.kind == Kind::Interrupted {
                interrupted(batch, Err(error))?;
            }
        }
    }
    Ok(parted)
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
    connection.wire_mut().patience = patience;
    connection.begin()?;
    let began = Instant::now();
    let mut quitting = false;
    let mut settled = began;
    let mut lull = Lull::default();
    loop {
        let now = Instant::now();
        if connection.session().state().is_over() {
            return Ok(true);
        }
        if lane.in_flight() == 0 {
            if quitting && now.duration_since(settled) > FAREWELL {
                return Ok(true);
            }
            if !quitting {
                connection.begin()?;
            }
        }
        let wanted = batch.shared.pool.is_wanted();
        let gives_way = wanted && now.duration_since(began) > TURN;
        if gives_way && lane.in_flight() == 0 && !quitting {
            return Ok(false);
        }
        let workers = batch.lock().workers;
        let begun = lane.begun();
        let filled = match gives_way {
            true => Filled::Full,
            false => lane.fill(&mut Locked(batch), workers, connection.session_mut(), now),
        };
        if !matches!(filled, Filled::Starved(Work::None)) || lane.begun() > begun {
            lull.end();
        }
        if workers > 1 && !matches!(filled, Filled::Starved(Work::None)) {
            batch.pass_on();
        }
        let (mut limit, mut at_rest) = (SLICE, None);
        match filled {
            Filled::Spent if lane.in_flight() == 0 => return Ok(true),
            Filled::Starved(work) if lane.in_flight() == 0 => match work {
                Work::Finished => return Ok(false),
                Work::Some => continue,
                // With nothing to say, nobody else should wait.
                _ if wanted => return Ok(false),
                Work::At(when) => {
                    batch.wait_for_work(Some(when));
                    attendant.attend()?;
                    continue;
                }
                Work::None if batch.lock().dispatch.is_drained() => return Ok(false),
                Work::None => {
                    match lull.dozes(now) {
                        true => batch.doze(),
                        false => batch.wait_for_work(None),
                    }
                    attendant.attend()?;
                    continue;
                }
            },
            Filled::Starved(_)
                if keep.idle.is_zero() && !lane.has_taken() && batch.lock().dispatch.is_drained() =>
            {
                quitting = quit(connection.session_mut());
            }
            Filled::Starved(Work::None) if lull.dozes(now) => {
                at_rest = Some(batch.rest(Rest::Doze));
                limit = LULL;
            }
            Filled::Starved(work) => {
                at_rest = connection.waker().map(|waker| batch.rest(Rest::Listen(waker)));
                limit = match work {
                    Work::At(when) => when.saturating_duration_since(now),
                    // It has come meanwhile.
                    _ if batch.waiting() > 0 => Duration::ZERO,
                    _ => SLICE,
                };
            }
            Filled::Spent | Filled::Full => {}
        }
        let event = connection.advance(attendant, limit)?;
        drop(at_rest);
        let Some(event) = event else { continue };
        let now = Instant::now();
        settled = now;
        let mut state = batch.lock();
        lane.hear(event, &mut state.dispatch, now);
        while let Some(event) = connection.session_mut().decided() {
            lane.hear(event, &mut state.dispatch, now);
        }
        let finished = state.dispatch.is_finished();
        drop(state);
        batch.tell();
        if finished {
            batch.stir();
        }
    }
}

/// What those hear whose worker has panicked.
pub(super) fn panicking() -> Error {
    Error::new(Kind::Misuse, Stage::Command, "a session's thread has failed: please report this")
}

fn pause<P: Payload>(time: Duration, batch: &Batch<P>, attendant: &mut dyn Attendant) -> Result<(), Error> {
    let end = Instant::now() + time;
    while Instant::now() < end && !batch.is_decided() {
        batch.wait_for_the_end(end);
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
