//! "Did you mean …?": the nearest of the words that would have been right.

/// The longest word that is compared; nobody mistypes a longer one into a known one, and a file
/// of nonsense must not cost seconds.
const WORD_LETTERS_MAX: usize = 64;

/// The candidate nearest to a word, when it is near enough to have been meant: at most a third of
/// the letters wrong, where two letters swapped count once.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = fold(word);
    if word.is_empty() || word.len() > WORD_LETTERS_MAX {
        return None;
    }
    let limit = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &fold(candidate)), candidate))
        .filter(|&(distance, candidate)| {
            // A word of two letters is one letter away from half the dictionary.
            distance <= limit && distance < candidate.chars().count()
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean `x`?`, or nothing.
#[must_use]
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|found| format!("did you mean `{found}`?"))
}

/// Letters as they are compared: in lower case, with `-`, `_` and spaces the same.
fn fold(word: &str) -> Vec<char> {
    let letters = word.chars().flat_map(char::to_lowercase);
    letters.map(|letter| if letter == '-' || letter == ' ' { '_' } else { letter }).collect()
}

/// The number of letters to add, take out, change or swap with their neighbour (optimal string
/// alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    if a.len().abs_diff(b.len()) > WORD_LETTERS_MAX / 3 {
        return usize::MAX;
    }
    let mut two_before: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = before[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(before[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_before[j - 2] + 1);
            }
        }
        two_before = std::mem::replace(&mut before, row);
    }
    before[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_meant_and_a_far_one_is_not() {
        let known = ["tiktok", "youtube", "social_media", "x"];
        assert_eq!(nearest("tiktokk", known), Some("tiktok"));
        assert_eq!(nearest("TikTok", known), Some("tiktok"));
        assert_eq!(nearest("yuotube", known), Some("youtube"));
        assert_eq!(nearest("social-media", known), Some("social_media"));
        assert_eq!(nearest("telegram", known), None);
        assert_eq!(nearest("y", known), None);
        assert_eq!(nearest("", known), None);
    }
}
