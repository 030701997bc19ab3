//! Times as people write them for `sleep`: `3`, `0.25`, `1.5m`, `2h`, `1d`.

use core::time::Duration;

/// Reads a time; `None` for anything else, or more than fits.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Duration> {
    let (digits, unit) = match text.split_last()? {
        (b's', rest) => (rest, 1),
        (b'm', rest) => (rest, 60),
        (b'h', rest) => (rest, 3600),
        (b'd', rest) => (rest, 86_400),
        _ => (text, 1),
    };
    let point = digits.iter().position(|&byte| byte == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut nanoseconds: u64 = 0;
    for byte in whole {
        nanoseconds = nanoseconds.checked_mul(10)?.checked_add(digit(*byte)?)?;
    }
    nanoseconds = nanoseconds.checked_mul(1_000_000_000)?;
    let mut place = 100_000_000;
    for byte in fraction {
        nanoseconds = nanoseconds.checked_add(digit(*byte)? * place)?;
        place /= 10;
    }
    nanoseconds.checked_mul(unit).map(Duration::from_nanos)
}

fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, milliseconds) in [
            ("0", 0),
            ("3", 3000),
            ("3s", 3000),
            ("0.25", 250),
            (".5", 500),
            ("1.", 1000),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("0.0010000000009", 1),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn no_times() {
        for text in ["", ".", "s", "-1", "+1", "1x", "1.2.3", "1e3", "99999999999999999999", "ms"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
