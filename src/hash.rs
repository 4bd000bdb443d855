//! Hashes of files, and of several pieces, each written behind its length: no two different rows of pieces are the same
//! bytes.

use std::fs::File;
use std::io;
use std::path::Path;

/// The hash of a row of pieces.
pub fn of_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        hasher.update(&(piece.len() as u64).to_le_bytes());
        hasher.update(piece);
    }
    hasher.finalize()
}

/// The hash of all that is in a file.
///
/// # Errors
/// When the file cannot be read.
pub fn of_file(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}
