//! The list in the form each server takes.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use crate::names::{OPEN, name};

/// How many names a changed list has that the first has not, and the other way round.
const CHANGED: usize = 1000;

/// Which list a server is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// No names.
    Empty,
    /// All names.
    First,
    /// As many, a few of them others; [`Names::sentinel`] is new.
    Second,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A name a line.
    Plain,
    /// dnsmasq's `servers-file`: a zone that is asked nowhere does not exist.
    DnsmasqServers,
    /// Unbound's `local-zone`, answered with the unspecified address.
    UnboundZones,
    /// A response policy zone (draft-vixie-dnsop-dns-rpz): a name and all below it do not exist.
    PolicyZone,
    /// A constant database (cr.yp.to/cdb) of names in wire form.
    Cdb,
}

/// The names of the benchmark.
pub(crate) struct Names {
    listed: Vec<String>,
    /// What stands in the changed list for the last of the others.
    fresh: Vec<String>,
    changed: usize,
}

impl Names {
    /// This many, of nobody.
    pub(crate) fn generated(count: usize) -> Self {
        Names::of((0_u64..).take(count).map(name).collect())
    }

    /// Those of a file, a name a line; the last word of a line counts, so hosts files serve too.
    pub(crate) fn of_file(path: &Path, count: usize) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let words = lines.filter_map(|line| line.split_whitespace().last());
        let fits = |name: &&str| {
            name.len() <= 200
                && name.contains('.')
                && name.split('.').all(|label| (1..=63).contains(&label.len()))
                && name
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
        };
        Ok(Names::of(words.filter(fits).map(str::to_ascii_lowercase).take(count).collect()))
    }

    fn of(listed: Vec<String>) -> Self {
        let changed = CHANGED.min(listed.len() / 10);
        // From the far end of the open names, which no workload reaches.
        let fresh = (1_u64..).take(changed.max(1)).map(|number| name(OPEN - number)).collect();
        Names { listed, fresh, changed }
    }

    /// How many names a list has.
    pub(crate) fn len(&self) -> usize {
        self.listed.len()
    }

    /// The names that are on both lists.
    pub(crate) fn kept(&self) -> &[String] {
        &self.listed[..self.listed.len() - self.changed]
    }

    /// A name that only the second list closes.
    pub(crate) fn sentinel(&self) -> &str {
        &self.fresh[0]
    }

    /// Writes a list beside its place and moves it there, as a careful update does.
    pub(crate) fn write(&self, version: Version, form: Form, path: &Path) -> std::io::Result<()> {
        let names: Box<dyn Iterator<Item = &String>> = match version {
            Version::Empty => Box::new(std::iter::empty()),
            Version::First => Box::new(self.listed.iter()),
            Version::Second => Box::new(self.kept().iter().chain(&self.fresh)),
        };
        let beside = path.with_extension("new");
        let mut file = BufWriter::new(std::fs::File::create(&beside)?);
        match form {
            Form::Plain => names.into_iter().try_for_each(|name| writeln!(file, "{name}"))?,
            Form::DnsmasqServers => {
                names.into_iter().try_for_each(|name| writeln!(file, "server=/{name}/"))?;
            }
            Form::UnboundZones => {
                writeln!(file, "server:")?;
                for name in names {
                    writeln!(file, " local-zone: \"{name}.\" always_null")?;
                }
            }
            Form::PolicyZone => {
                let serial = version as u8 + 1;
                writeln!(file, "$TTL 300\n@ SOA localhost. root.localhost. {serial} 60 60 60 60")?;
                writeln!(file, "@ NS localhost.")?;
                for name in names {
                    writeln!(file, "{name} CNAME .\n*.{name} CNAME .")?;
                }
            }
            Form::Cdb => file.write_all(&cdb(names))?,
        }
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        if !matches!(version, Version::Second) {
            // A household's lists were there long before its filter starts. What has just been
            // written, amparo would not trust to be the same at its next start.
            file.set_modified(file.metadata()?.modified()? - Duration::from_secs(3600))?;
        }
        std::fs::rename(beside, path)
    }
}

/// A constant database: 256 pairs of place and length, records, then 256 open hash tables.
fn cdb<'a>(names: impl Iterator<Item = &'a String>) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).expect("a cdb has 4 GiB at most");
    let mut octets = vec![0; 256 * 8];
    let mut tables: Vec<Vec<(u32, u32)>> = vec![Vec::new(); 256];
    for name in names {
        let mut key = Vec::with_capacity(name.len() + 2);
        for label in name.split('.') {
            key.push(u8::try_from(label.len()).expect("a label has 63 octets at most"));
            key.extend_from_slice(label.as_bytes());
        }
        key.push(0);
        let hash = key
            .iter()
            .fold(5381_u32, |hash, &octet| (hash << 5).wrapping_add(hash) ^ u32::from(octet));
        tables[(hash % 256) as usize].push((hash, number(octets.len())));
        octets.extend_from_slice(&number(key.len()).to_le_bytes());
        octets.extend_from_slice(&1_u32.to_le_bytes());
        octets.extend_from_slice(&key);
        octets.push(b'1');
    }
    for (place, table) in tables.iter().enumerate() {
        let mut slots = vec![(0, 0); table.len() * 2];
        for &(hash, at) in table {
            let mut slot = (hash >> 8) as usize % slots.len();
            while slots[slot].1 != 0 {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = (hash, at);
        }
        let head = [number(octets.len()), number(slots.len())];
        octets[place * 8..place * 8 + 4].copy_from_slice(&head[0].to_le_bytes());
        octets[place * 8 + 4..place * 8 + 8].copy_from_slice(&head[1].to_le_bytes());
        for (hash, at) in slots {
            octets.extend_from_slice(&hash.to_le_bytes());
            octets.extend_from_slice(&at.to_le_bytes());
        }
    }
    octets
}
