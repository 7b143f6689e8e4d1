//! Any octets with the shape of an index are one: looking names up in it never goes past its end.

use amparo::lists::Index;
use amparo::name::Name;
use amparo::policy::mentioned::Mentioned;
use amparo::policy::tags::Lookup as _;

/// The octets of the header that say something; what a fuzzer finds stands behind them.
const HEADER_OCTETS: usize = 128;
/// Where the lines begin.
const LINES_BEGIN: usize = 4096;

pub(crate) fn run(octets: &[u8]) {
    let Some((header, rest)) = octets.split_at_checked(HEADER_OCTETS) else { return };
    let mut file = header.to_vec();
    file.resize(LINES_BEGIN, 0);
    file.extend_from_slice(rest);
    // The length is the one thing that is not left to chance: few would ever pass.
    let length = file.len() as u64;
    file[112..120].copy_from_slice(&length.to_le_bytes());
    let Ok(index) = Index::from_octets(&file) else { return };
    for text in ["a", "www.site.example", "a.b.c.d.e.f.g.h.i.j.k.example"] {
        let name = Name::parse(text).expect("it is a name");
        let tags = index.tags_of(&name);
        assert_eq!(index.look_up(&name, &Mentioned::new(&[name], &index)).0, tags);
    }
}
