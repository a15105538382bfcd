//! Sessions that wait to be used again, and how many there may be.

use crate::driver::Connection;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a session is not worth keeping.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Sessions at most, in use and at rest.
    pub most: usize,
    /// Without a message for so long, a session is ended. Zero: at once, its QUIT
    /// in the last group.
    pub idle: Duration,
    /// So old, a session is ended.
    pub age: Duration,
}

/// A session at rest.
#[derive(Debug)]
pub struct Resting {
    pub connection: Connection,
    /// Which of the servers it is with.
    pub server: usize,
    /// Messages that have gone over it.
    pub begun: usize,
    pub opened: Instant,
    pub since: Instant,
}

#[derive(Debug)]
pub struct Pool {
    pub keep: Keep,
    state: Mutex<State>,
    /// A place has come free.
    free: Condvar,
    /// How many wait for one.
    queued: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    resting: Vec<Resting>,
    /// Places that are taken: a session in use, or one being opened.
    in_use: usize,
    /// Who waits for a place, in order.
    queue: VecDeque<u64>,
    next: u64,
    closed: bool,
}

impl Pool {
    pub fn new(keep: Keep) -> Self {
        Self { keep, state: Mutex::default(), free: Condvar::new(), queued: AtomicUsize::new(0) }
    }

    /// Queues for a place: leave to have one session.
    pub fn queue(&self) -> Place<'_> {
        let mut state = self.lock();
        state.next += 1;
        let number = state.next;
        state.queue.push_back(number);
        self.queued.store(state.queue.len(), Ordering::Relaxed);
        Place { pool: self, number, admitted: false }
    }

    /// One more waits for a place, in a queue that the caller keeps.
    pub fn queue_elsewhere(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    pub fn leave_queue_elsewhere(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether somebody waits for a place.
    pub fn is_wanted(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > 0
    }

    /// The session that was used last and is still good. Whether the server is
    /// there is looked up in what has come, without asking it anything.
    pub fn take(&self, now: Instant) -> Option<Resting> {
        loop {
            let mut resting = self.lock().resting.pop()?;
            let fresh = now.saturating_duration_since(resting.since) < self.keep.idle
                && now.saturating_duration_since(resting.opened) < self.keep.age;
            if resting.connection.is_quiet() {
                if fresh {
                    return Some(resting);
                }
                resting.connection.leave();
            }
        }
    }

    /// Keeps a session whose work is done, or ends it.
    pub fn put(&self, mut resting: Resting) {
        let old = resting.since.saturating_duration_since(resting.opened) >= self.keep.age;
        let quiet = resting.connection.is_quiet();
        let mut state = self.lock();
        let full = state.closed || state.resting.len() >= self.keep.most;
        if self.keep.idle.is_zero() || old || full || !quiet {
            drop(state);
            return resting.connection.leave();
        }
        state.resting.push(resting);
    }

    /// Ends all of them.
    pub fn clear(&self) {
        let all = std::mem::take(&mut self.lock().resting);
        leave(all);
    }

    /// Ends all of them, and keeps none from now on.
    pub fn close(&self) {
        self.lock().closed = true;
        self.clear();
    }

    pub fn len(&self) -> usize {
        self.lock().resting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Not by the lock: in a forked child nobody may ever give it back.
        leave(std::mem::take(&mut self.state.get_mut().unwrap_or_else(PoisonError::into_inner).resting));
    }
}

fn leave(all: Vec<Resting>) {
    for mut resting in all {
        resting.connection.leave();
    }
}

/// A place in the queue, and then leave to have a session, until it is dropped.
#[derive(Debug)]
pub struct Place<'a> {
    pool: &'a Pool,
    number: u64,
    admitted: bool,
}

impl Place<'_> {
    /// Waits until it is our turn, so long at most. First come, first served: who
    /// sends a million must not starve who sends one.
    pub fn wait(&mut self, limit: Duration) -> bool {
        let pool = self.pool;
        let turn = |state: &State| state.in_use < pool.keep.most && state.queue.front() == Some(&self.number);
        let mut state = pool.lock();
        if !self.admitted && !turn(&state) {
            let waited = pool.free.wait_timeout_while(state, limit, |state| !turn(state));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if !self.admitted && turn(&state) {
            state.queue.pop_front();
            state.in_use += 1;
            pool.queued.store(state.queue.len(), Ordering::Relaxed);
            drop(state);
            self.admitted = true;
            pool.free.notify_all();
        }
        self.admitted
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        match self.admitted {
            true => state.in_use -= 1,
            false => state.queue.retain(|number| *number != self.number),
        }
        self.pool.queued.store(state.queue.len(), Ordering::Relaxed);
        drop(state);
        self.pool.free.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(most: usize) -> Pool {
        Pool::new(Keep { most, idle: Duration::from_secs(1), age: Duration::from_secs(1) })
    }

    #[test]
    fn no_more_places_than_sessions_and_first_come_first_served() {
        let pool = pool(2);
        let (mut one, mut two, mut three, mut four) =
            (pool.queue(), pool.queue(), pool.queue(), pool.queue());
        assert!(!two.wait(Duration::ZERO), "it is not the second's turn");
        assert!(one.wait(Duration::ZERO) && two.wait(Duration::ZERO));
        assert!(pool.is_wanted() && !three.wait(Duration::ZERO));
        drop(one);
        assert!(!four.wait(Duration::ZERO), "the third was there before");
        assert!(three.wait(Duration::ZERO));
        drop(four);
        assert!(!pool.is_wanted(), "who gives up waits no more");
        drop((two, three));
        assert!(pool.queue().wait(Duration::ZERO));
    }

    #[test]
    fn a_place_that_comes_free_wakes_who_waits() {
        let pool = pool(1);
        let mut held = pool.queue();
        assert!(held.wait(Duration::ZERO));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pool.queue().wait(Duration::from_secs(30)));
            while !pool.is_wanted() {
                std::thread::yield_now();
            }
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}
