//! The real-time clock's registers as seconds since 1970.
//!
//! Owned here: number formats of the registers and the calendar. Never here: ports.
//! Called by: `tools/directboot`. Invariant: registers that name no date give `None`.
//! Source: MC146818 data sheet, registers 0 to 9 and B; the century byte at 0x32 as PC firmware
//! keeps it.

/// The clock's registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Register 0.
    pub second: u8,
    /// Register 2.
    pub minute: u8,
    /// Register 4; bit 7 is "afternoon" where hours count to 12.
    pub hour: u8,
    /// Register 7.
    pub day: u8,
    /// Register 8.
    pub month: u8,
    /// Register 9, without the century.
    pub year: u8,
    /// Register 0x32.
    pub century: u8,
    /// Register B: bit 2, numbers are binary and not BCD; bit 1, hours count to 24.
    pub format: u8,
}

impl Registers {
    /// Seconds since 1970-01-01 00:00 by the registers; `None` if they name no date and time.
    #[must_use]
    pub fn unix_time(&self) -> Option<i64> {
        let number = |register: u8| self.number(register);
        let (second, minute) = (number(self.second)?, number(self.minute)?);
        let (day, month) = (number(self.day)?, number(self.month)?);
        let hour = self.hour_of_day()?;
        let century = number(self.century).filter(|century| (19..=22).contains(century));
        let year = century.unwrap_or(20) * 100 + number(self.year)?;
        let plausible = second < 60
            && minute < 60
            && hour < 24
            && (1..=12).contains(&month)
            && (1..=31).contains(&day);
        if !plausible {
            return None;
        }
        Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }

    fn hour_of_day(&self) -> Option<i64> {
        if self.format & 2 != 0 {
            return self.number(self.hour);
        }
        let hour = self.number(self.hour & 0x7f)?;
        let afternoon = if self.hour & 0x80 != 0 { 12 } else { 0 };
        (1..=12).contains(&hour).then_some(hour % 12 + afternoon)
    }

    fn number(&self, register: u8) -> Option<i64> {
        if self.format & 4 != 0 {
            return (register < 100).then_some(i64::from(register));
        }
        let (tens, ones) = (register >> 4, register & 15);
        (tens < 10 && ones < 10).then_some(i64::from(tens * 10 + ones))
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counting years from March so that the
/// leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let new_year = Registers {
            day: 1,
            month: 1,
            year: 0x26,
            century: 0x20,
            format: 2,
            ..Registers::default()
        };
        assert_eq!(new_year.unix_time(), Some(1_767_225_600));
        let leap =
            Registers { day: 0x29, month: 2, year: 0x24, hour: 0x23, minute: 0x59, ..new_year };
        assert_eq!(leap.unix_time(), Some(1_709_251_140));
        let binary = Registers { year: 26, century: 20, format: 6, ..new_year };
        assert_eq!(binary.unix_time(), new_year.unix_time());
        let epoch = Registers { year: 0x70, century: 0x19, ..new_year };
        assert_eq!(epoch.unix_time(), Some(0));
    }

    #[test]
    fn twelve_hour_clocks() {
        let at = |hour| Registers { day: 1, month: 1, hour, ..Registers::default() }.hour_of_day();
        assert_eq!(at(0x12), Some(0));
        assert_eq!(at(0x01), Some(1));
        assert_eq!(at(0x92), Some(12));
        assert_eq!(at(0x91), Some(23));
        assert_eq!(at(0x00), None);
    }

    #[test]
    fn absent_clock_names_no_date() {
        let absent = Registers {
            second: 255,
            minute: 255,
            hour: 255,
            day: 255,
            month: 255,
            year: 255,
            century: 255,
            format: 255,
        };
        assert_eq!(absent.unix_time(), None);
        assert_eq!(Registers::default().unix_time(), None);
    }
}
