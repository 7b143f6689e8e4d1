//! What stands behind the `$` of a rule: conditions, each judged or not.

/// Switches another rule off.
pub(super) const BADFILTER: &[u8] = b"badfilter";

/// The modifiers of a rule.
pub(super) struct Modifiers<'a> {
    /// Whether all others are understood and hold for every question about the name.
    pub(super) are_judged: bool,
    /// No plain exception opens what it closes, or it opens that too.
    pub(super) important: bool,
    /// It switches off the rule that is the same without this.
    pub(super) badfilter: bool,
    /// The names that it leaves out, as written.
    denyallow: &'a [u8],
}

/// The modifiers, each as written.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&octet| octet == b',').map(<[u8]>::trim_ascii).filter(|word| !word.is_empty())
}

impl<'a> Modifiers<'a> {
    /// Judges the modifiers of a rule.
    pub(super) fn of(text: &'a [u8], is_exception: bool) -> Self {
        let mut all =
            Modifiers { are_judged: true, important: false, badfilter: false, denyallow: &[] };
        for word in words(text) {
            let (name, value) = match word.iter().position(|&octet| octet == b'=') {
                Some(at) => (&word[..at], Some(&word[at + 1..])),
                None => (word, None),
            };
            match (name, value) {
                (b"important", None) => all.important = true,
                (BADFILTER, None) => all.badfilter = true,
                // All that a site is, or all that is seen of it. For an exception the same words
                // are about what its pages may load, which is another thing.
                (b"all" | b"document" | b"doc", None) if !is_exception => {}
                (b"denyallow", Some(names)) if all.denyallow.is_empty() && !names.is_empty() => {
                    all.denyallow = names;
                }
                (b"dnstype", Some(types)) if holds_for_addresses(types) => {}
                _ => all.are_judged = false,
            }
        }
        all
    }

    /// The names the rule leaves out, each with all below it.
    pub(super) fn limits(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let is_none = self.denyallow.is_empty();
        self.denyallow.split(|&octet| octet == b'|').filter(move |_| !is_none)
    }
}

/// Whether a rule with these types (`A|AAAA`, `~TXT`) holds for questions about both addresses of a
/// name. What it does with a name cannot depend on the type that is asked for, so a rule that closes
/// a half is none.
fn holds_for_addresses(types: &[u8]) -> bool {
    let types = || types.split(|&octet| octet == b'|');
    let is = |listed: &[u8], wanted: &str| listed.eq_ignore_ascii_case(wanted.as_bytes());
    if !types().all(is_type) {
        return false;
    }
    if types().all(|listed| listed.starts_with(b"~")) {
        // An address behind an alias is asked for by its alias.
        return types().all(|left_out| {
            !["A", "AAAA", "CNAME", "ANY"].iter().any(|address| is(&left_out[1..], address))
        });
    }
    types().all(|listed| !listed.starts_with(b"~"))
        && ["A", "AAAA"].iter().all(|address| types().any(|listed| is(listed, address)))
}

/// Whether this is the name of a type. By its number (`TYPE1`, RFC 3597 §5) any type can be meant.
fn is_type(word: &[u8]) -> bool {
    let name = word.strip_prefix(b"~").unwrap_or(word);
    let is_number = name.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"type"));
    !name.is_empty() && !is_number && name.iter().all(u8::is_ascii_alphanumeric)
}
