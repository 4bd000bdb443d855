//! Memory of batches that nobody reads any more, used again for the next ones.
//!
//! Batches of many megabytes come and go in different threads. Left to the allocator they leave holes behind, and every
//! new page is cleared by the system: with memory used again, a stream of any length needs what its first batches needed.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::buffer::{Buffer, MutableBuffer};

/// Buffers that wait for the next batch. More than these are given back to the system.
const MOST_SPARES: usize = 4;

type Spares = Arc<Mutex<Vec<MutableBuffer>>>;

/// A buffer that is filled again and again.
#[derive(Default)]
pub(super) struct Recycled {
    pub(super) filling: MutableBuffer,
    spares: Spares,
}

impl Recycled {
    /// Makes room in the empty buffer: with memory that came back, where some did.
    pub(super) fn reserve(&mut self, bytes: usize) {
        if let Some(spare) = lock(&self.spares).pop() {
            self.filling = spare;
        }
        self.filling.reserve(bytes);
    }

    /// What was filled in, as Arrow's own. Its memory comes back when the last reader of it is gone.
    pub(super) fn take(&mut self) -> Buffer {
        let buffer = std::mem::take(&mut self.filling);
        let Some(start) = NonNull::new(buffer.as_ptr().cast_mut()) else { return Buffer::from(buffer) };
        let length = buffer.len();
        let owner = Returning { buffer: Some(buffer), spares: Arc::clone(&self.spares) };
        // SAFETY: the owner keeps the buffer, which does not move or change until the owner is dropped.
        unsafe { Buffer::from_custom_allocation(start, length, Arc::new(owner)) }
    }
}

/// Owns the memory of a buffer that is read, and brings it back.
struct Returning {
    buffer: Option<MutableBuffer>,
    spares: Spares,
}

impl Drop for Returning {
    fn drop(&mut self) {
        let Some(mut buffer) = self.buffer.take() else { return };
        buffer.clear();
        let mut spares = lock(&self.spares);
        if spares.len() < MOST_SPARES {
            spares.push(buffer);
        }
    }
}

fn lock(spares: &Spares) -> std::sync::MutexGuard<'_, Vec<MutableBuffer>> {
    spares.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_when_the_last_reader_is_gone() {
        let mut recycled = Recycled::default();
        recycled.reserve(100);
        recycled.filling.extend_from_slice(&[1u8, 2, 3]);
        let first = recycled.take();
        let (address, reader) = (first.as_ptr(), first.clone());
        drop(first);
        recycled.reserve(100);
        assert_ne!(recycled.filling.as_ptr(), address, "it is still read");
        assert_eq!(reader.as_slice(), [1, 2, 3]);
        drop(reader);
        let _ = recycled.take();
        recycled.reserve(100);
        recycled.filling.extend_from_slice(&[4u8]);
        let third = recycled.take();
        recycled.reserve(100);
        assert!([third.as_ptr(), recycled.filling.as_ptr()].contains(&address));
    }

    #[test]
    fn buffers_outlive_what_filled_them() {
        let mut recycled = Recycled::default();
        recycled.reserve(8);
        recycled.filling.extend_from_slice(&[7u8; 8]);
        let buffer = recycled.take();
        drop(recycled);
        assert_eq!(buffer.as_slice(), [7; 8]);
    }
}
