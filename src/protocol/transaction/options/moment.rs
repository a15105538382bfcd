//! A point in time as written in a parameter (RFC 3339).

use std::fmt;
use std::str::FromStr;

/// Seconds since the beginning of 1970 (UTC), in a four-digit year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

const DAY: i64 = 86_400;

impl Moment {
    const FIRST: i64 = -62_167_219_200;
    const LAST_SECOND: i64 = 253_402_300_799;
    pub const LAST: Self = Self(Self::LAST_SECOND);

    pub fn new(seconds: i64) -> Option<Self> {
        (Self::FIRST..=Self::LAST_SECOND).contains(&seconds).then_some(Self(seconds))
    }

    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = date(days);
        let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}Z")
    }
}

/// Not a time as defined by RFC 3339 5.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    /// Fractions of a second are dropped.
    fn from_str(text: &str) -> Result<Self, NoMoment> {
        read(text).and_then(Self::new).ok_or(NoMoment)
    }
}

fn read(text: &str) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't'])?;
    let (time, rest) = (rest.get(..8)?, rest.get(8..)?);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hours, minutes, seconds] = numbers(time, ':', [2, 2, 2])?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
        None => rest,
    };
    let offset = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), ahead) => {
            let [hours, minutes] = numbers(ahead, ':', [2, 2])?;
            let ahead = (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) * 60)?;
            if sign == "+" { ahead } else { -ahead }
        }
        _ => return None,
    };
    // A leap second is treated as the second after it.
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hours < 24
        && minutes < 60
        && seconds <= 60;
    valid.then(|| days_to(year, month, day) * DAY + hours * 3600 + minutes * 60 + seconds - offset)
}

/// Numbers with exactly this many digits.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(between);
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of 1970, in the proleptic Gregorian calendar. Years are counted from
/// March, so that the leap day is the last day of a year.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let years = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (years.div_euclid(400), years.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (years + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_770_645, "2026-11-27T09:10:45Z"),
            (Moment::FIRST, "0000-01-01T00:00:00Z"),
            (Moment::LAST_SECOND, "9999-12-31T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            let moment = Moment::new(seconds).unwrap();
            assert_eq!(moment.to_string(), text);
            assert_eq!(text.parse(), Ok(moment));
        }
        assert_eq!(Moment::new(Moment::LAST_SECOND + 1), None);
        for day in -719_000..2_900_000 {
            let (year, month, of_month) = date(day);
            assert_eq!(days_to(year, month, of_month), day);
        }
    }

    #[test]
    fn zones_and_parts_of_a_second() {
        let moment = "2014-04-03T23:01:00Z".parse::<Moment>();
        assert_eq!("2014-04-03T23:01:00.25z".parse(), moment);
        assert_eq!("2014-04-04T01:01:00+02:00".parse(), moment);
        assert_eq!("2014-04-03T16:01:00-07:00".parse(), moment);
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "tomorrow",
            "2014-04-03",
            "2014-04-03T23:01:00",
            "2014-04-03 23:01:00Z",
            "2014-04-03T23:01:00.Z",
            "2014-13-03T23:01:00Z",
            "2014-02-29T23:01:00Z",
            "2014-04-03T24:01:00Z",
            "2014-04-03T23:01:00+2:00",
            "2014-04-03T23:01:00+24:00",
            "+014-04-03T23:01:00Z",
            "2014-04-03T23:01:00Zx",
            "2014-04-0üT23:01:00Z",
        ] {
            assert_eq!(text.parse::<Moment>(), Err(NoMoment), "{text:?}");
        }
    }
}
