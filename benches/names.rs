//! Names of nobody: as many as are wanted, each always the same, none twice, none downloaded.
//!
//! The letters of a name are its number written in syllables, so two numbers never share one; the
//! rest (an ending, a label in front) only makes the lengths look like those of real lists.

/// How many names there are: five syllables of eighty.
const NAMES_MAX: u64 = 80 * 80 * 80 * 80 * 80;
/// Spreads neighbouring numbers over all syllables; shares no divisor with [`NAMES_MAX`].
const SPREAD: u64 = 2_654_435_769;
/// Where the names begin that are on no list.
pub(crate) const OPEN: u64 = NAMES_MAX / 2;

/// A name by its number.
pub(crate) fn name(number: u64) -> String {
    const CONSONANTS: &[u8; 16] = b"bcdfghjklmnprstv";
    const VOWELS: &[u8; 5] = b"aeiou";
    const ENDINGS: [&str; 8] = ["", "", "shop", "online", "media", "-games", "24", "track"];
    const ZONES: [&str; 8] = [".com", ".com", ".com", ".net", ".org", ".info", ".xyz", ".top"];
    const FRONTS: [&str; 8] = ["", "", "", "", "", "www.", "ads.", "cdn.img."];

    let mixed = (number % NAMES_MAX) * SPREAD % NAMES_MAX;
    let mut dice = Random::new(mixed);
    let pick = |from: &[&'static str; 8], dice: &mut Random| from[dice.below(8)];
    let mut text = pick(&FRONTS, &mut dice).to_owned();
    let mut rest = mixed;
    for _ in 0..5 {
        let (syllable, further) = (rest % 80, rest / 80);
        rest = further;
        text.push(char::from(CONSONANTS[usize::try_from(syllable / 5).unwrap_or(0)]));
        text.push(char::from(VOWELS[usize::try_from(syllable % 5).unwrap_or(0)]));
    }
    text.push_str(pick(&ENDINGS, &mut dice));
    text.push_str(pick(&ZONES, &mut dice));
    text
}

/// Numbers that look random and are the same in every run (`SplitMix64`, Steele et al. 2014).
pub(crate) struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.number() % bound).unwrap_or(0)
    }
}
