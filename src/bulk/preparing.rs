//! Messages that something is to be done about before they can be sent: a signature, say. It
//! is done by threads of their own, ahead of what the sessions need, and messages come out in
//! the order in which they went in.

use super::job::{Job, Payload};
use crate::protocol::Error;
use std::collections::VecDeque;

#[derive(Debug)]
pub struct Preparing<P> {
    jobs: VecDeque<Waiting<P>>,
    /// The number of the first: they are numbered as they come.
    first: u64,
    /// How many of them, from the first on, a thread has taken.
    begun: usize,
    /// Threads, and those of them that wait for something to do.
    pub threads: usize,
    pub idle: usize,
}

#[derive(Debug)]
struct Waiting<P> {
    job: Job<P>,
    done: Option<Result<(), Error>>,
}

impl<P> Default for Preparing<P> {
    fn default() -> Self {
        Self { jobs: VecDeque::new(), first: 0, begun: 0, threads: 0, idle: 0 }
    }
}

impl<P: Payload> Preparing<P> {
    pub fn push(&mut self, job: Job<P>) {
        self.jobs.push_back(Waiting { job, done: None });
    }

    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether another thread has something to do.
    pub fn wants_thread(&self) -> bool {
        self.jobs.len() - self.begun > self.idle
    }

    /// The next one to be prepared, and its number.
    pub fn begin(&mut self) -> Option<(u64, P)> {
        let next = self.jobs.get(self.begun)?;
        let number = self.first + self.begun as u64;
        self.begun += 1;
        Some((number, next.job.payload.clone()))
    }

    /// What came of this one; it may have been taken out meanwhile.
    pub fn done(&mut self, number: u64, result: Result<(), Error>) {
        if let Some(at) = number.checked_sub(self.first)
            && let Some(waiting) = self.jobs.get_mut(at as usize)
        {
            waiting.done = Some(result);
        }
    }

    /// The first one, if it is done.
    pub fn pop(&mut self) -> Option<(Job<P>, Result<(), Error>)> {
        self.jobs.front()?.done.as_ref()?;
        let Waiting { job, done } = self.jobs.pop_front()?;
        self.first += 1;
        self.begun -= 1;
        Some((job, done?))
    }

    /// All of them, done or not.
    pub fn take_all(&mut self) -> impl Iterator<Item = Job<P>> {
        let all = std::mem::take(&mut self.jobs);
        self.first += all.len() as u64;
        self.begun = 0;
        all.into_iter().map(|waiting| waiting.job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ReversePath;
    use crate::protocol::{Kind, Stage};
    use std::sync::Arc;

    fn preparing(jobs: u64) -> Preparing<Arc<Vec<u8>>> {
        let mut preparing = Preparing::default();
        for index in 0..jobs {
            preparing.push(Job::new(index, Arc::new(vec![index as u8]), ReversePath::Null, Vec::new()));
        }
        preparing
    }

    #[test]
    fn messages_come_out_as_they_went_in() {
        let mut preparing = preparing(3);
        let numbers: Vec<u64> = (0..3).map(|_| preparing.begin().expect("one is left").0).collect();
        assert!(preparing.begin().is_none() && !preparing.wants_thread());
        preparing.done(numbers[1], Err(Error::new(Kind::Misuse, Stage::Command, "no")));
        assert!(preparing.pop().is_none());
        preparing.done(numbers[0], Ok(()));
        preparing.done(numbers[2], Ok(()));
        let came: Vec<_> =
            std::iter::from_fn(|| preparing.pop()).map(|(job, done)| (job.index, done.is_ok())).collect();
        assert_eq!(came, [(0, true), (1, false), (2, true)]);
    }

    #[test]
    fn one_that_was_taken_out_may_still_end() {
        let mut preparing = preparing(2);
        let (number, _) = preparing.begin().expect("one");
        assert_eq!(preparing.take_all().count(), 2);
        preparing.push(Job::new(2, Arc::new(Vec::new()), ReversePath::Null, Vec::new()));
        preparing.done(number, Ok(()));
        assert!(preparing.pop().is_none() && preparing.len() == 1);
        assert_eq!(preparing.begin().expect("the new one").0, 2);
    }
}
