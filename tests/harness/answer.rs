//! What came back, and what a test may say of it. Each claim returns the answer, so that claims
//! follow one another.

use std::net::IpAddr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{RData, RecordType};

use super::packet::{AA, AD, CD, TC, Z};

/// Extended DNS Errors (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;

/// The answer to one question.
pub(crate) struct Answer {
    /// As it came.
    pub(crate) bytes: Vec<u8>,
    /// As hickory reads it.
    pub(crate) message: Message,
    asked: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn read(bytes: Vec<u8>, asked: &str) -> Self {
        match Message::from_vec(&bytes) {
            Ok(message) => Answer { bytes, message, asked: asked.to_owned() },
            Err(error) => panic!("the answer to {asked} is no message: {error}: {bytes:02x?}"),
        }
    }

    // === Claims ===

    /// It is NOERROR with this address.
    #[track_caller]
    pub(crate) fn resolves_to(&self, address: &str) -> &Self {
        let address: IpAddr = address.parse().expect("the test writes an address");
        self.has_code(ResponseCode::NoError);
        assert!(self.addresses().contains(&address), "it should hold {address}: {self:?}");
        self
    }

    /// It is closed, as `blocked_answer = "zero_ip"` says: the zero address of the family asked,
    /// NODATA with its SOA for every other type.
    #[track_caller]
    pub(crate) fn is_blocked(&self) -> &Self {
        if self.record_type() == RecordType::A {
            self.holds_only("0.0.0.0")
        } else if self.record_type() == RecordType::AAAA {
            self.holds_only("::")
        } else {
            self.is_nodata()
        }
    }

    /// It is NOERROR with this address and no other.
    #[track_caller]
    pub(crate) fn holds_only(&self, address: &str) -> &Self {
        let address: IpAddr = address.parse().expect("the test writes an address");
        self.has_code(ResponseCode::NoError);
        assert_eq!(self.addresses(), [address], "it should hold {address} alone: {self:?}");
        self
    }

    /// It is not closed: it holds an address that is not zero.
    #[track_caller]
    pub(crate) fn is_open(&self) -> &Self {
        self.has_code(ResponseCode::NoError);
        let open = self.addresses().iter().any(|address| !address.is_unspecified());
        assert!(open, "it should be open: {self:?}");
        self
    }

    /// There is no such name; a SOA says for how long (RFC 2308 §3).
    #[track_caller]
    pub(crate) fn is_nxdomain(&self) -> &Self {
        self.has_code(ResponseCode::NXDomain).has_soa()
    }

    /// The name has no such record; a SOA says for how long (RFC 2308 §3).
    #[track_caller]
    pub(crate) fn is_nodata(&self) -> &Self {
        self.has_code(ResponseCode::NoError);
        assert!(self.message.answers.is_empty(), "it should have no records: {self:?}");
        self.has_soa()
    }

    /// It has this response code.
    #[track_caller]
    pub(crate) fn has_code(&self, code: ResponseCode) -> &Self {
        // By number: 16 has two names, BADVERS and BADSIG.
        let got = u16::from(self.message.metadata.response_code);
        assert_eq!(got, u16::from(code), "{self:?}");
        self
    }

    /// It holds no address at all, whatever its code.
    #[track_caller]
    pub(crate) fn has_no_address(&self) -> &Self {
        assert_eq!(self.addresses(), Vec::<IpAddr>::new(), "no address may be in it: {self:?}");
        self
    }

    /// It has a CNAME to this name.
    #[track_caller]
    pub(crate) fn points_to(&self, target: &str) -> &Self {
        let found = self.message.answers.iter().any(|record| {
            let RData::CNAME(name) = &record.data else { return false };
            name.0.to_ascii().trim_end_matches('.') == target
        });
        assert!(found, "it should have a CNAME to {target}: {self:?}");
        self
    }

    /// Every TTL in it, SOA minimum included, is at most this, and one at least is not 0.
    #[track_caller]
    pub(crate) fn lives_at_most(&self, seconds: u32) -> &Self {
        let life = self.life_seconds();
        assert!(life <= seconds, "it lives {life} s, not at most {seconds}: {self:?}");
        assert!(life >= 1, "a TTL of 0 is a storm of questions: {self:?}");
        self
    }

    /// Its message is at most so long.
    #[track_caller]
    pub(crate) fn fits(&self, octets: usize) -> &Self {
        assert!(self.bytes.len() <= octets, "{} octets, not {octets}: {self:?}", self.bytes.len());
        self
    }

    /// It carries an OPT record.
    #[track_caller]
    pub(crate) fn has_edns(&self) -> &Self {
        assert!(self.message.edns.is_some(), "it should have an OPT record: {self:?}");
        self
    }

    /// It carries none.
    #[track_caller]
    pub(crate) fn has_no_edns(&self) -> &Self {
        assert!(self.message.edns.is_none(), "it should have no OPT record: {self:?}");
        self
    }

    #[track_caller]
    fn has_soa(&self) -> &Self {
        let soa =
            self.message.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
        assert!(soa, "it should have a SOA: {self:?}");
        self
    }

    // === Facts ===

    /// The addresses it holds, in order.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        self.message.answers.iter().filter_map(|record| record.data.ip_addr()).collect()
    }

    /// The longest time anything of it may be kept, in seconds.
    pub(crate) fn life_seconds(&self) -> u32 {
        let answers = self.message.answers.iter().map(|record| record.ttl);
        let authorities = self.message.authorities.iter().map(|record| {
            let RData::SOA(soa) = &record.data else { return record.ttl };
            // A negative answer lives as long as the lesser of the two (RFC 2308 §5).
            record.ttl.min(soa.minimum)
        });
        answers.chain(authorities).max().unwrap_or(0)
    }

    /// The extended error it carries: code and text.
    pub(crate) fn ede(&self) -> Option<(u16, String)> {
        let edns = self.message.edns.as_ref()?;
        let option = edns.option(EdnsCode::Unknown(EXTENDED_ERROR))?;
        let EdnsOption::Unknown(_, data) = option else { return None };
        let (code, text) = data.split_at_checked(2)?;
        let code = u16::from_be_bytes(code.try_into().ok()?);
        Some((code, String::from_utf8(text.to_vec()).expect("its text is UTF-8")))
    }

    /// The codes of the options it carries.
    pub(crate) fn options(&self) -> Vec<u16> {
        let options = self.message.edns.iter().flat_map(|edns| &edns.options().options);
        options.map(|(code, _)| u16::from(*code)).collect()
    }

    /// The type asked.
    pub(crate) fn record_type(&self) -> RecordType {
        self.message.queries.first().map_or(RecordType::ZERO, |query| query.query_type)
    }

    /// The header's flags and codes.
    pub(crate) fn flags(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// Whether it was cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.flags() & TC != 0
    }

    /// Everything behind the header: question and records.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[12..]
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let meta = &self.message.metadata;
        write!(f, "{}: {:?}", self.asked, meta.response_code)?;
        for (flag, word) in [(AA, "aa"), (TC, "tc"), (AD, "ad"), (CD, "cd"), (Z, "z")] {
            if self.flags() & flag != 0 {
                write!(f, " {word}")?;
            }
        }
        for record in self.message.answers.iter().chain(&self.message.authorities) {
            write!(f, "\n    {record}")?;
        }
        if let Some((code, text)) = self.ede() {
            write!(f, "\n    EDE {code}: {text}")?;
        }
        Ok(())
    }
}
