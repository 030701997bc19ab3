//! Reading physical memory, as a trait: real memory in `tools/directboot`, a table in host tests.
//!
//! Owned here: the seam, and numbers read through it. Never here: writing, and who owns what.
//! Invariant: reading copies; no reference into physical memory is ever made through this trait.

/// A machine's physical memory as a source of bytes.
pub trait Physical {
    /// Fills `into` from `address`; `false` if any of it cannot be read.
    #[must_use]
    fn read(&self, address: u64, into: &mut [u8]) -> bool;

    /// The `N` bytes at `address`.
    fn array<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.read(address, &mut bytes).then_some(bytes)
    }

    /// The 32-bit number at `address`.
    fn u32(&self, address: u64) -> Option<u32> {
        self.array(address).map(u32::from_le_bytes)
    }

    /// Whether the `length` bytes at `address` can be read and add up to 0 modulo 256.
    fn sums_to_zero(&self, address: u64, length: u64) -> bool {
        let mut sum = 0u8;
        for offset in 0..length {
            match address.checked_add(offset).and_then(|at| self.array::<1>(at)) {
                Some([byte]) => sum = sum.wrapping_add(byte),
                None => return false,
            }
        }
        sum == 0
    }
}
