//! A stream cut into pieces, as a network does.

use arbitrary::Unstructured;

/// Cuts what is left of `choices`: the sizes come first, one byte each, and repeat.
pub fn pieces(mut choices: Unstructured<'_>) -> (&[u8], Vec<&[u8]>) {
    let count = choices.int_in_range(1..=4).unwrap_or(1);
    let sizes: Vec<usize> = (0..count).map(|_| size(choices.arbitrary().unwrap_or(0))).collect();
    let stream = choices.take_rest();
    let mut rest = stream;
    let mut pieces = Vec::new();
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    (stream, pieces)
}

/// Small ones, and some that hold many frames.
fn size(byte: u8) -> usize {
    match usize::from(byte) {
        small @ 0..=127 => small + 1,
        large => (large - 127) * 64,
    }
}
