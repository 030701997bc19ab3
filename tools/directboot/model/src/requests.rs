//! Finding the kernel's requests in its loaded image.
//!
//! Owned here: the scan, the markers' rule, the base revision. Never here: answers.
//! Called by: `tools/directboot`. Invariant: every found request has its 48 common bytes inside the
//! image. Source: PROTOCOL.md, "Base protocol revisions" and "Requests Delimiters".

use crate::bytes::{put_u64, u64_at};
use crate::error::RequestError;
use crate::protocol::{
    BASE_REVISION, COMMON, END_MARKER, EXTRA_OFFSET, Feature, START_MARKER, SUPPORTED_REVISION,
};

/// How many requests a kernel may have (Limine's own limit).
pub const MAXIMUM: usize = 128;

/// Where the requests are in the image.
#[derive(Clone, Debug)]
pub struct Requests {
    found: [(Feature, usize); MAXIMUM],
    count: usize,
}

impl Requests {
    /// Finds the base revision tag and all requests at multiples of 8, between the last start
    /// marker and the first end marker if there are such. Grants the base revision in the image.
    ///
    /// # Errors
    /// `OldRevision`, `DuplicateRevision`, `Duplicate`, `TooMany`, `Truncated`.
    pub fn scan(image: &mut [u8]) -> Result<Requests, RequestError> {
        let mut requests = Requests { found: [(Feature(0, 0), 0); MAXIMUM], count: 0 };
        let mut revision = None;
        for offset in (0..image.len()).step_by(8) {
            if words_at(image, offset, &START_MARKER) {
                requests.count = 0;
                revision = None;
            } else if words_at(image, offset, &END_MARKER) {
                break;
            } else if words_at(image, offset, &BASE_REVISION) {
                let place = offset + 16;
                let asked = u64_at(image, place).ok_or(RequestError::Truncated)?;
                if revision.replace((asked, place)).is_some() {
                    return Err(RequestError::DuplicateRevision);
                }
            } else if words_at(image, offset, &COMMON) {
                requests.add(image, offset)?;
            }
        }
        match revision {
            // A newer revision than this loader knows stays as it is: "not granted".
            Some((asked, place)) if asked >= SUPPORTED_REVISION => {
                if asked == SUPPORTED_REVISION && !put_u64(image, place, 0) {
                    return Err(RequestError::Truncated);
                }
                Ok(requests)
            }
            _ => Err(RequestError::OldRevision),
        }
    }

    /// The offset of the request for `feature` in the image.
    #[must_use]
    pub fn find(&self, feature: Feature) -> Option<usize> {
        self.found[..self.count].iter().find(|it| it.0 == feature).map(|it| it.1)
    }

    /// How many requests there are, known and unknown.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    fn add(&mut self, image: &[u8], offset: usize) -> Result<(), RequestError> {
        if image.len() - offset < EXTRA_OFFSET {
            return Err(RequestError::Truncated);
        }
        let word = |at| u64_at(image, offset + at).ok_or(RequestError::Truncated);
        let feature = Feature(word(16)?, word(24)?);
        if self.find(feature).is_some() {
            return Err(RequestError::Duplicate(offset as u64));
        }
        *self.found.get_mut(self.count).ok_or(RequestError::TooMany)? = (feature, offset);
        self.count += 1;
        Ok(())
    }
}

/// Whether the words at `offset` are `words`.
fn words_at(image: &[u8], offset: usize, words: &[u64]) -> bool {
    let mut pairs = words.iter().enumerate();
    pairs.all(|(index, &word)| u64_at(image, offset + index * 8) == Some(word))
}
