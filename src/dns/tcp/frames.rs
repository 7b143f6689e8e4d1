//! Where one query ends and the next begins on a stream.
//!
//! Two octets of length stand before each (RFC 1035 §4.2.2), and octets come in pieces that know
//! nothing of that. It knows no socket and no time: octets in, queries out. Start at [`Frames`].

use crate::dns::records::HEADER_OCTETS;

/// The longest query that is taken: none we can answer is nearly as long.
pub const QUERY_OCTETS_MAX: usize = 16_384;
/// What is read at once.
const READ_OCTETS: usize = 1024;

/// A length that no query has: what follows it cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthOfNone;

/// Octets of a stream that were read and not yet taken.
#[derive(Debug, Default)]
pub struct Frames {
    octets: Vec<u8>,
    taken: usize,
}

impl Frames {
    /// Where what is read next goes: behind what is there, with room for a read.
    pub fn room(&mut self) -> &mut Vec<u8> {
        self.octets.reserve(READ_OCTETS);
        &mut self.octets
    }

    /// The next whole query; none before all of it is there.
    ///
    /// # Errors
    /// When its length is less than a header or more than [`QUERY_OCTETS_MAX`].
    #[expect(clippy::should_implement_trait, reason = "what it lends is its own")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, LengthOfNone> {
        let rest = &self.octets[self.taken..];
        let Some(length) = rest.first_chunk::<2>().map(|octets| u16::from_be_bytes(*octets)) else {
            return Ok(None);
        };
        let length = usize::from(length);
        if !(HEADER_OCTETS..=QUERY_OCTETS_MAX).contains(&length) {
            return Err(LengthOfNone);
        }
        let query = rest.get(2..2 + length);
        if query.is_some() {
            self.taken += 2 + length;
        }
        Ok(query)
    }

    /// Whether more than whole queries that were taken is there.
    #[must_use]
    pub fn has_part(&self) -> bool {
        self.taken < self.octets.len()
    }

    /// Gives back the room of what was taken.
    pub fn forget_taken(&mut self) {
        if self.taken == 0 {
            return;
        }
        self.octets.drain(..self.taken);
        self.taken = 0;
        // A long query must not hold its memory while the connection is quiet.
        self.octets.shrink_to(READ_OCTETS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out when the stream is cut at these places, and whether it ends in a mistake.
    fn taken(stream: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, bool) {
        let mut frames = Frames::default();
        let mut queries = Vec::new();
        let mut rest = stream;
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            rest = after;
            frames.room().extend_from_slice(piece);
            loop {
                match frames.next() {
                    Ok(Some(query)) => queries.push(query.to_vec()),
                    Ok(None) => break,
                    Err(LengthOfNone) => return (queries, true),
                }
            }
            frames.forget_taken();
        }
        (queries, false)
    }

    #[test]
    fn a_length_of_none_ends_the_stream_at_its_place() {
        for length in [0_u16, 11, 16_385, 65_535] {
            let mut stream = [&[0, 12][..], &[7; 12]].concat();
            stream.extend(length.to_be_bytes());
            assert_eq!(taken(&stream, &[]), (vec![vec![7; 12]], true));
        }
    }

    #[test]
    fn a_long_query_leaves_no_room_behind() {
        let mut frames = Frames::default();
        frames.room().extend([&16_384_u16.to_be_bytes()[..], &[1; 16_384], &[0, 12]].concat());
        assert!(frames.next().is_ok_and(|query| query.is_some()));
        frames.forget_taken();
        assert!(frames.has_part(), "the next one has begun");
        assert!(frames.octets.capacity() <= READ_OCTETS);
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_the_same_queries_come_out(
            lengths in proptest::collection::vec(12_u16..200, 0..12),
            tail in proptest::collection::vec(any::<u8>(), 0..6),
            cuts in proptest::collection::vec(0usize..150, 0..12),
        ) {
            let mut stream = Vec::new();
            for length in &lengths {
                stream.extend(length.to_be_bytes());
                stream.extend(std::iter::repeat_n(length.to_be_bytes()[1], usize::from(*length)));
            }
            stream.extend(tail);
            let whole = taken(&stream, &[]);
            prop_assert!(whole.0.len() >= lengths.len());
            prop_assert_eq!(taken(&stream, &cuts), whole);
        }
    }
}
