//! Hashes of files, and of several pieces, each written behind its length: no two different rows of pieces are the same
//! bytes.

use std::fs::File;
use std::io;
use std::path::Path;

/// Bytes of small pieces that are hashed at once: a call for each word of a statement takes longer than hashing it.
const GATHERED: usize = 2048;

/// The hash of a row of pieces.
pub fn of_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut gathered = Vec::with_capacity(GATHERED);
    for piece in pieces {
        gathered.extend((piece.len() as u64).to_le_bytes());
        if gathered.len() + piece.len() > GATHERED {
            hasher.update(&gathered);
            hasher.update(piece);
            gathered.clear();
        } else {
            gathered.extend_from_slice(piece);
        }
    }
    hasher.update(&gathered);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_stands_behind_its_length() {
        let sizes = [0, 1, 7, 2031, 2032, 2033, 2040, 2041, 2048, 2049, 5000, 3];
        let pieces: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
        for first in 0..pieces.len() {
            let row = &pieces[first..];
            let whole: Vec<u8> =
                row.iter().flat_map(|piece| [&(piece.len() as u64).to_le_bytes()[..], piece].concat()).collect();
            assert_eq!(of_pieces(row.iter().map(Vec::as_slice)), blake3::hash(&whole), "from piece {first}");
        }
    }
}
