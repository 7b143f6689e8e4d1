//! FNV-1a in 64 bits: whether octets are what they were. It finds what a disk did, not what a person
//! did: who can write into the state directory can do worse.

/// The sum of nothing (draft-eastlake-fnv, the offset basis).
pub const BEGIN: u64 = 0xcbf2_9ce4_8422_2325;
/// The prime of the same draft.
const FACTOR: u64 = 0x100_0000_01b3;

/// The sum with more octets behind those it was made of.
#[must_use]
pub fn add(sum: u64, octets: &[u8]) -> u64 {
    octets.iter().fold(sum, |sum, &octet| (sum ^ u64::from(octet)).wrapping_mul(FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_that_others_make_in_one_piece_or_in_two() {
        assert_eq!(add(BEGIN, b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(add(add(BEGIN, b"foo"), b"bar"), add(BEGIN, b"foobar"));
    }
}
