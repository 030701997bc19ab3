//! Little-endian numbers at byte offsets of a slice, bounds-checked.
//!
//! Owned here: the checked reads and writes that every parser of this crate stands on. Never here:
//! any format. Invariant: an offset outside the slice is `None` or `false`, never a panic.

/// The `N` bytes at `offset`.
#[must_use]
pub fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// The 16-bit number at `offset`.
#[must_use]
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_le_bytes)
}

/// The 32-bit number at `offset`.
#[must_use]
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_le_bytes)
}

/// The 64-bit number at `offset`.
#[must_use]
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array_at(bytes, offset).map(u64::from_le_bytes)
}

/// Writes `value` at `offset`; `false` if it does not fit.
#[must_use]
pub fn put(bytes: &mut [u8], offset: usize, value: &[u8]) -> bool {
    let target = offset.checked_add(value.len()).and_then(|end| bytes.get_mut(offset..end));
    match target {
        Some(target) => {
            target.copy_from_slice(value);
            true
        }
        None => false,
    }
}

/// Writes a 64-bit number at `offset`; `false` if it does not fit.
#[must_use]
pub fn put_u64(bytes: &mut [u8], offset: usize, value: u64) -> bool {
    put(bytes, offset, &value.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_checked() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(u64_at(&bytes, 1), Some(0x0908_0706_0504_0302));
        assert_eq!(u64_at(&bytes, 2), None);
        assert_eq!(u16_at(&bytes, usize::MAX), None);
        assert!(put_u64(&mut bytes, 1, 0));
        assert!(!put_u64(&mut bytes, 2, 0));
        assert!(!put_u64(&mut bytes, usize::MAX, 0));
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
