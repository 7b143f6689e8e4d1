//! However a stream is cut into pieces, the same queries come out. The first octets say where it
//! is cut.

use amparo::dns::tcp::frames::{Frames, LengthOfNone, QUERY_OCTETS_MAX};

/// How many octets say where the stream is cut.
const CUTS: usize = 8;

pub(crate) fn run(octets: &[u8]) {
    let Some((cuts, stream)) = octets.split_first_chunk::<CUTS>() else { return };
    assert_eq!(taken(stream, cuts), taken(stream, &[]));
}

/// The queries in the stream, and whether it ends in a length of none.
fn taken(stream: &[u8], cuts: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut frames = Frames::default();
    let mut queries = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().map(|&cut| usize::from(cut)).chain([usize::MAX]) {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        rest = after;
        frames.room().extend_from_slice(piece);
        loop {
            match frames.next() {
                Ok(Some(query)) => {
                    assert!((12..=QUERY_OCTETS_MAX).contains(&query.len()));
                    queries.push(query.to_vec());
                }
                Ok(None) => break,
                Err(LengthOfNone) => return (queries, true),
            }
        }
        frames.forget_taken();
    }
    (queries, false)
}
