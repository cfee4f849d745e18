//! Dates without a time: what `--as-of` takes and expiries are compared with.

use std::fmt;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

/// A day of the Gregorian calendar, years 1970 to 9999. Ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Parses `YYYY-MM-DD`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a date: write it as 2026-11-30");
        let mut parts = text.split('-');
        let mut part = |width: usize| -> Result<u16, String> {
            let part = parts.next().ok_or_else(wrong)?;
            if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong());
            }
            part.parse().map_err(|_| wrong())
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        if parts.next().is_some() {
            return Err(wrong());
        }
        let (Ok(month), Ok(day)) = (u8::try_from(month), u8::try_from(day)) else {
            return Err(wrong());
        };
        if year < 1970 || day == 0 || day > days_of(year, month) {
            return Err(format!("\"{text}\" is no day of the calendar from 1970 on"));
        }
        Ok(Self { year, month, day })
    }

    /// The day of a moment, in UTC.
    ///
    /// # Errors
    /// When the clock stands before 1970 or after 9999: the machine's clock is wrong.
    pub fn of(moment: SystemTime) -> Result<Self, String> {
        let wrong = || "the machine's clock is not set: give the date with --as-of".to_owned();
        let since = moment.duration_since(UNIX_EPOCH).map_err(|_| wrong())?;
        let mut days = since.as_secs() / 86_400;
        let mut year = 1970;
        loop {
            let length = if is_leap(year) { 366 } else { 365 };
            if days < length {
                break;
            }
            days -= length;
            year += 1;
            if year > 9999 {
                return Err(wrong());
            }
        }
        let mut month = 1;
        while days >= u64::from(days_of(year, month)) {
            days -= u64::from(days_of(year, month));
            month += 1;
        }
        let day = u8::try_from(days + 1).map_err(|_| wrong())?;
        Ok(Self { year, month, day })
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days of a month, 0 for a month that does not exist.
fn days_of(year: u16, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> String {
        Date::of(UNIX_EPOCH + Duration::from_secs(seconds))
            .expect("in range")
            .to_string()
    }

    /// Seconds computed with `date -u -d DATE +%s`.
    #[test]
    fn known_days() {
        assert_eq!(at(0), "1970-01-01");
        assert_eq!(at(951_782_400), "2000-02-29");
        assert_eq!(at(951_868_800), "2000-03-01");
        assert_eq!(at(1_735_603_200), "2024-12-31");
        assert_eq!(at(1_735_689_599), "2024-12-31");
        assert_eq!(at(1_735_689_600), "2025-01-01");
        assert_eq!(at(4_107_542_400), "2100-03-01");
    }

    #[test]
    fn only_real_days_are_read() {
        for good in ["2024-02-29", "2026-11-21", "1970-01-01", "9999-12-31"] {
            assert_eq!(Date::parse(good).expect(good).to_string(), good);
        }
        for bad in [
            "2023-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "26-01-01",
            "2026-01-01-",
            "2026-01-32",
            "2026-01-00",
            "+026-01-01",
            "",
            "today",
            "1969-12-31",
        ] {
            assert!(Date::parse(bad).is_err(), "{bad}");
        }
        assert!(
            Date::parse("2026-01-31").expect("date") < Date::parse("2026-02-01").expect("date")
        );
    }
}
