//! Questions as octets: the usual ones and those nobody should send.

use std::sync::atomic::{AtomicU16, Ordering};

use hickory_proto::rr::RecordType;

/// Recursion desired (RFC 1035 §4.1.1).
pub(crate) const RD: u16 = 0x0100;
/// Checking disabled (RFC 4035 §3.2.2).
pub(crate) const CD: u16 = 0x0010;
/// Authentic data (RFC 4035 §3.2.3).
pub(crate) const AD: u16 = 0x0020;
/// The bit that must be zero (RFC 1035 §4.1.1).
pub(crate) const Z: u16 = 0x0040;
/// Truncated.
pub(crate) const TC: u16 = 0x0200;
/// Authoritative answer.
pub(crate) const AA: u16 = 0x0400;
/// A response.
pub(crate) const QR: u16 = 0x8000;

/// DNSSEC OK, among the flags of an OPT record (RFC 3225 §3).
const DO: u16 = 0x8000;

/// One question, to be sent as it is.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) id: u16,
    flags: u16,
    name: Vec<u8>,
    record_type: u16,
    class: u16,
    count: u16,
    opts: Vec<Opt>,
}

/// An OPT record (RFC 6891 §6.1.2).
#[derive(Clone)]
struct Opt {
    payload: u16,
    version: u8,
    flags: u16,
    options: Vec<(u16, Vec<u8>)>,
}

impl Question {
    /// A plain question with RD set and an id of its own.
    pub(crate) fn of(name: &str, record_type: RecordType) -> Self {
        static IDS: AtomicU16 = AtomicU16::new(1);
        Question {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            flags: RD,
            name: name_octets(name),
            record_type: record_type.into(),
            class: 1,
            count: 1,
            opts: Vec::new(),
        }
    }

    /// The name as labels of any octets.
    pub(crate) fn labels(mut self, labels: &[&[u8]]) -> Self {
        self.name.clear();
        for label in labels {
            self.name.push(u8::try_from(label.len()).expect("the test's labels are short"));
            self.name.extend_from_slice(label);
        }
        self.name.push(0);
        self
    }

    /// With an OPT record as browsers send it.
    pub(crate) fn edns(self) -> Self {
        self.edns_payload(1232)
    }

    /// With an(other) OPT record that takes answers of so many octets.
    pub(crate) fn edns_payload(mut self, payload: u16) -> Self {
        self.opts.push(Opt { payload, version: 0, flags: 0, options: Vec::new() });
        self
    }

    /// The last OPT record speaks this version.
    pub(crate) fn edns_version(mut self, version: u8) -> Self {
        self.opt().version = version;
        self
    }

    /// The last OPT record has these flags as well.
    pub(crate) fn edns_flags(mut self, flags: u16) -> Self {
        self.opt().flags |= flags;
        self
    }

    /// The last OPT record carries this option.
    pub(crate) fn option(mut self, code: u16, data: &[u8]) -> Self {
        self.opt().options.push((code, data.to_vec()));
        self
    }

    /// Asks for signatures.
    pub(crate) fn dnssec_ok(self) -> Self {
        self.edns_flags(DO)
    }

    /// With these header flags as well.
    pub(crate) fn flags(mut self, flags: u16) -> Self {
        self.flags |= flags;
        self
    }

    /// Without recursion.
    pub(crate) fn no_recursion(mut self) -> Self {
        self.flags &= !RD;
        self
    }

    /// With another opcode.
    pub(crate) fn opcode(mut self, opcode: u16) -> Self {
        self.flags |= opcode << 11;
        self
    }

    /// In another class.
    pub(crate) fn class(mut self, class: u16) -> Self {
        self.class = class;
        self
    }

    /// So many times, or not at all.
    pub(crate) fn count(mut self, count: u16) -> Self {
        self.count = count;
        self
    }

    /// The octets to send.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let opts = u16::try_from(self.opts.len()).expect("a test sends a handful");
        for number in [self.id, self.flags, self.count, 0, 0, opts] {
            out.extend(number.to_be_bytes());
        }
        for _ in 0..self.count {
            out.extend(&self.name);
            out.extend(self.record_type.to_be_bytes());
            out.extend(self.class.to_be_bytes());
        }
        for opt in &self.opts {
            out.extend([0, 0, 41]);
            out.extend(opt.payload.to_be_bytes());
            out.extend([0, opt.version]);
            out.extend(opt.flags.to_be_bytes());
            let length: usize = opt.options.iter().map(|(_, data)| 4 + data.len()).sum();
            out.extend(u16::try_from(length).expect("a test's options are short").to_be_bytes());
            for (code, data) in &opt.options {
                out.extend(code.to_be_bytes());
                out.extend(length_of(data));
                out.extend(data);
            }
        }
        out
    }

    fn opt(&mut self) -> &mut Opt {
        self.opts.last_mut().expect("call edns() before")
    }
}

/// A name in wire form, its case kept.
pub(crate) fn name_octets(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).expect("the test's labels are short"));
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

/// The length of some octets, as they stand before them in many places.
pub(crate) fn length_of(octets: &[u8]) -> [u8; 2] {
    u16::try_from(octets.len()).expect("a test's octets fit a message").to_be_bytes()
}

/// Octets with their length before them, as they go over TCP (RFC 1035 §4.2.2).
pub(crate) fn framed(octets: &[u8]) -> Vec<u8> {
    [&length_of(octets), octets].concat()
}
