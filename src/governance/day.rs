//! Days of the calendar, as far as expiries need them.

use std::fmt;

use jiff::civil;

/// A day, written `YYYY-MM-DD`. Ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(civil::Date);

impl Day {
    /// Parses exactly `YYYY-MM-DD`; `None` for anything else, days that do not exist included.
    pub fn parse(text: &str) -> Option<Self> {
        match text.parse::<civil::Date>() {
            // The crate reads more forms than are written here.
            Ok(date) if date.to_string() == text => Some(Self(date)),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whole days from this day to another; negative when the other is earlier.
    pub fn days_until(self, other: Self) -> i64 {
        self.0.duration_until(other.0).as_hours() / 24
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn one_form_only_and_days_are_counted() {
        let day = |text| Day::parse(text).expect(text);
        // Counted with `date -d`: 2028 is a leap year.
        assert_eq!(day("2028-02-28").days_until(day("2028-03-01")), 2);
        assert_eq!(day("2026-11-22").days_until(day("2027-11-22")), 365);
        assert_eq!(day("2026-11-22").days_until(day("2026-11-20")), -2);
        for bad in [
            "20261122",
            "2026-11-22T00:00",
            "2026-02-30",
            "",
            "today",
            "2026-1-1",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }
}
