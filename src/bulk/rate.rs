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
    /// Gives back a message that was handed out and not begun. With `day`, it doesn't count
    /// towards the daily limit either.
    pub fn give_back(&mut self, day: bool) {
        if let Some(rate) = &mut self.rate {
            rate.give_back();
        }
        if let Some(per_day) = self.per_day.as_mut().filter(|_| day) {
            per_day.give_back();
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

/// This many in any 24 hours.
#[derive(Debug)]
pub struct PerDay {
    most: usize,
    /// When messages began, grouped by the second.
    begun: VecDeque<(Instant, usize)>,
    count: usize,
}

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl PerDay {
    pub fn new(most: usize) -> Self {
        Self { most, begun: VecDeque::new(), count: 0 }
    }

    /// Takes one. Returns false if the day's messages are used up.
    pub fn take(&mut self, now: Instant) -> bool {
        while let Some(&(when, count)) = self.begun.front() {
            if now.saturating_duration_since(when) < DAY {
                break;
            }
            self.begun.pop_front();
            self.count -= count;
        }
        if self.count >= self.most {
            return false;
        }
        match self.begun.back_mut() {
            Some((when, count)) if now.saturating_duration_since(*when) < Duration::from_secs(1) => {
                *count += 1;
            }
            _ => self.begun.push_back((now, 1)),
        }
        self.count += 1;
        true
    }

    /// Gives one back that was not used.
    pub fn give_back(&mut self) {
        if let Some((_, count)) = self.begun.iter_mut().rfind(|(_, count)| *count > 0) {
            *count -= 1;
            self.count -= 1;
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
    fn the_day_moves_on() {
        let start = Instant::now();
        let mut day = PerDay::new(2);
        assert!(day.take(start) && day.take(start) && !day.take(start + DAY - Duration::from_secs(1)));
        assert!(day.take(start + DAY));
    }
}
