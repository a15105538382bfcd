//! Limits on how fast messages may begin, and on how many per day.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Limits on everything that a mailer sends.
#[derive(Debug, Default)]
pub struct Limits {
    pub rate: Option<Rate>,
    pub per_day: Option<PerDay>,
}

impl Limits {
    /// What the daily limit counts, if there is one.
    pub fn of_day(&self) -> Option<Counted> {
        self.per_day.as_ref().map(|per_day| per_day.of)
    }

    /// Gives back a message that was handed out and not begun. With the number of its recipients,
    /// it doesn't count towards the daily limit either.
    pub fn give_back(&mut self, of_day: Option<usize>) {
        if let Some(rate) = &mut self.rate {
            rate.give_back();
        }
        if let (Some(per_day), Some(recipients)) = (&mut self.per_day, of_day) {
            per_day.give_back(recipients);
        }
    }
}

/// This many per second, spread evenly, with a burst of a tenth of a second's worth.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    allowance: f64,
    since: Instant,
}

impl Rate {
    pub fn new(per_second: f64, now: Instant) -> Self {
        Self { per_second, allowance: 1.0, since: now }
    }

    /// Takes one, or returns the time when one will be available.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.look(now).inspect(|()| self.allowance -= 1.0)
    }

    /// Gives one back that was not used.
    pub fn give_back(&mut self) {
        self.allowance += 1.0;
    }

    /// Like `take`, but takes nothing.
    pub fn look(&mut self, now: Instant) -> Result<(), Instant> {
        let most = (self.per_second / 10.0).max(1.0);
        let earned = now.saturating_duration_since(self.since).as_secs_f64() * self.per_second;
        self.allowance = (self.allowance + earned).min(most);
        self.since = now;
        if self.allowance >= 1.0 {
            return Ok(());
        }
        // Slightly more than exact, so that rounding doesn't wake us just too early.
        let missing = (1.0 - self.allowance) / self.per_second + 1e-6;
        Err(now + Duration::from_secs_f64(missing))
    }
}

/// What a daily limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Mail transactions: a message that is sent in parts counts for each of them.
    Messages,
    Recipients,
}

/// This many in any 24 hours.
#[derive(Debug)]
pub struct PerDay {
    most: usize,
    pub of: Counted,
    /// When messages began, grouped by the second.
    begun: VecDeque<(Instant, usize)>,
    count: usize,
}

const SECOND: Duration = Duration::from_secs(1);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl PerDay {
    pub fn new(most: usize, of: Counted) -> Self {
        Self { most, of, begun: VecDeque::new(), count: 0 }
    }

    /// Takes a message with this many recipients. Returns false if not enough is left of the day.
    pub fn take(&mut self, recipients: usize, now: Instant) -> bool {
        while let Some(&(when, count)) = self.begun.front()
            && now.saturating_duration_since(when) >= DAY
        {
            self.begun.pop_front();
            self.count -= count;
        }
        let wanted = self.counted(recipients);
        if self.count + wanted > self.most {
            return false;
        }
        match self.begun.back_mut() {
            Some((when, count)) if now.saturating_duration_since(*when) < SECOND => *count += wanted,
            _ => self.begun.push_back((now, wanted)),
        }
        self.count += wanted;
        true
    }

    /// Gives back one with this many recipients that was not sent.
    pub fn give_back(&mut self, recipients: usize) {
        let mut left = self.counted(recipients);
        for (_, count) in self.begun.iter_mut().rev() {
            let back = left.min(*count);
            (*count, self.count, left) = (*count - back, self.count - back, left - back);
        }
    }

    fn counted(&self, recipients: usize) -> usize {
        match self.of {
            Counted::Messages => 1,
            Counted::Recipients => recipients,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_even() {
        let start = Instant::now();
        let mut rate = Rate::new(10.0, start);
        assert!(rate.take(start).is_ok());
        let next = rate.take(start).unwrap_err();
        assert!((next - start).abs_diff(Duration::from_millis(100)) < Duration::from_millis(1));
        assert!(rate.take(next).is_ok());
        // Unused capacity isn't saved up.
        let later = next + Duration::from_secs(60);
        assert!(rate.take(later).is_ok());
        assert!(rate.take(later).is_err());
    }

    #[test]
    fn a_day_counts_messages_or_recipients_and_moves_on() {
        let start = Instant::now();
        let (later, almost, next) = (start + Duration::from_secs(5), start + DAY - SECOND, start + DAY);
        let mut day = PerDay::new(2, Counted::Messages);
        assert!(day.take(9, start) && day.take(9, start) && !day.take(9, almost) && day.take(9, next));
        let mut day = PerDay::new(10, Counted::Recipients);
        assert!(day.take(4, start) && day.take(4, later) && !day.take(3, later) && day.take(2, later));
        // More than the latest second has.
        day.give_back(8);
        assert!(!day.take(9, later) && day.take(8, later) && !day.take(1, almost));
        assert!(day.take(2, next) && !day.take(1, next));
    }
}
