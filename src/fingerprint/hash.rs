//! Hashes of named parts. Every piece is written behind its length, so no two different rows of pieces are the same bytes.

use std::hash::{Hash, Hasher};

use crate::hash::of_pieces;

/// Says how everything here is put together. Another number makes every asset's code version another one.
const METHOD: &[u8] = b"dovetail code version 1";

/// A named part of what an asset computes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Such as `sql`, `config materialized`, `function models.helpers.clean`.
    pub name: String,
    /// Hexadecimal.
    pub hash: String,
}

pub(super) type Digest = [u8; 32];

impl Part {
    pub(super) fn new(name: impl Into<String>, digest: Digest) -> Self {
        Part { name: name.into(), hash: blake3::Hash::from_bytes(digest).to_hex().to_string() }
    }

    pub(super) fn text(name: impl Into<String>, text: &str) -> Self {
        Part::new(name, digest([text.as_bytes()]))
    }
}

/// The hash of a row of pieces.
pub(super) fn digest<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    *of_pieces(pieces).as_bytes()
}

/// The hash of all parts, by their names.
pub(super) fn whole(parts: &[Part]) -> String {
    let pieces = parts.iter().flat_map(|part| [part.name.as_bytes(), part.hash.as_bytes()]);
    let digest = digest(std::iter::once(METHOD).chain(pieces));
    blake3::Hash::from_bytes(digest).to_hex().to_string()
}

/// The hash of a value that knows how to feed a hasher, the same on every machine.
pub(super) fn of(value: &impl Hash) -> Digest {
    let mut bytes = Bytes(Vec::with_capacity(1024));
    value.hash(&mut bytes);
    *blake3::hash(&bytes.0).as_bytes()
}

/// Takes down what a hasher is fed. The standard library's rule for `Hash` is that no value's bytes start another's.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn write_u16(&mut self, number: u16) {
        self.write(&number.to_le_bytes());
    }

    fn write_u32(&mut self, number: u32) {
        self.write(&number.to_le_bytes());
    }

    fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    /// Nobody asks: the bytes are what is wanted.
    fn finish(&self) -> u64 {
        0
    }
}
