//! How long to wait: one limit for each stage, and one for the whole operation.

use crate::protocol::{Error, Kind, Stage};
use std::time::{Duration, Instant};

/// Signals are checked at least this often during a wait.
pub const SLICE: Duration = Duration::from_millis(100);

/// The user's settings for waiting.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    /// The limit for each stage. None uses those of RFC 5321 4.5.3.2.
    pub stage: Option<Duration>,
    /// The limit for one whole operation, whatever it consists of. None means no limit.
    pub operation: Option<Duration>,
}

impl Patience {
    pub fn for_stage(&self, stage: Stage) -> Duration {
        self.stage.unwrap_or_else(|| stage.patience())
    }
}

/// The clock of one operation.
#[derive(Debug)]
pub struct Deadline {
    patience: Patience,
    end: Option<Instant>,
    /// Since when the conversation has made no progress.
    since: Instant,
}

impl Deadline {
    pub fn start(patience: Patience) -> Self {
        let since = Instant::now();
        Self { patience, end: patience.operation.and_then(|limit| since.checked_add(limit)), since }
    }

    /// Something was received completely or sent: the stage's time starts again.
    pub fn progress(&mut self) {
        self.since = Instant::now();
    }

    /// For tests: pretends that it began earlier.
    #[cfg(test)]
    pub fn backdate(&mut self, by: Duration) {
        self.since = self.since.checked_sub(by).unwrap_or(self.since);
    }

    /// How long the conversation has made no progress.
    pub fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    /// The time left for this stage, or the error that it is over.
    pub fn left(&self, stage: Stage) -> Result<Duration, Error> {
        self.left_within(stage, Duration::MAX)
    }

    /// The same, with a limit on this stage.
    pub fn left_within(&self, stage: Stage, most: Duration) -> Result<Duration, Error> {
        let now = Instant::now();
        let limit = self.patience.for_stage(stage).min(most);
        let of_stage = limit.saturating_sub(now - self.since);
        let of_operation = self.end.map(|end| end.saturating_duration_since(now));
        if of_stage.is_zero() {
            let message = format!("timed out: no answer within {} at stage \"{stage}\"", readable(limit));
            return Err(Error::new(Kind::Timeout, stage, message));
        }
        match of_operation {
            Some(Duration::ZERO) => {
                let limit = self.patience.operation.unwrap_or_default();
                let message = format!(
                    "timed out: the whole operation took longer than {}, at stage \"{stage}\"",
                    readable(limit)
                );
                Err(Error::new(Kind::Timeout, stage, message))
            }
            Some(left) => Ok(left.min(of_stage)),
            None => Ok(of_stage),
        }
    }
}

fn readable(limit: Duration) -> String {
    format!("{} s", (limit.as_secs_f64() * 1000.0).round() / 1000.0)
}
