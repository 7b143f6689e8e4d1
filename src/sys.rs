//! What only the system can do: the one file with `unsafe` code.
//!
//! Each piece wraps one thing of the kernel in a type that cannot be misused, and says why. It
//! knows neither DNS nor lists. Datagrams come in batches ([`Inbox::receive`]) and go out in
//! batches ([`Outbox::send`]), each by the [`Way`] it came: from the address that was asked.

#![expect(unsafe_code, reason = "the kernel's calls; each block says why it holds")]

use std::fs::File;
use std::io;
use std::mem::{offset_of, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Deref;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{addr_of, addr_of_mut};

use nix::libc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A file, mapped into memory for reading: opening it costs nothing, and the kernel may drop and
/// read its pages again as it likes.
#[derive(Debug)]
pub struct Mapped(memmap2::Mmap);

/// A file descriptor that can be waited for, and read when there is something.
#[derive(Debug)]
pub struct Readable(AsyncFd<OwnedFd>);

/// Datagrams that came in together. Received into memory that is made once.
pub struct Inbox {
    octets: Box<[u8]>,
    slot_octets: usize,
    ways: Box<[Way]>,
    /// Length and flags of each.
    seen: Vec<(usize, libc::c_int)>,
    frame: Frame,
    call: Call,
}

/// Replies that go out together.
pub struct Outbox {
    replies: Vec<(Vec<u8>, Way)>,
    count: usize,
    frame: Frame,
    call: Call,
}

/// The way a datagram came: who sent it, to which of our addresses, through which interface. Its
/// reply goes the same way back.
#[derive(Clone, Copy)]
pub struct Way {
    /// Large enough for `sockaddr_in` too, and its family stands at the same place.
    name: libc::sockaddr_in6,
    name_octets: libc::socklen_t,
    control: Control,
    control_octets: usize,
}

/// Room for one control message of packet info, of either family.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_OCTETS]);

/// A control message has a header of 12 or 16 octets and at most 20 octets of `in6_pktinfo`.
const CONTROL_OCTETS: usize = 64;

/// What the kernel is handed: pointers into an [`Inbox`] or [`Outbox`], set anew for each call and
/// never followed between calls.
#[derive(Default)]
struct Frame {
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

/// How the kernel is called: for many datagrams at once, or one by one where it knows no better
/// (`recvmmsg` came with Linux 2.6.33, `sendmmsg` with 3.0; sandboxes may deny either).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Many,
    One,
}

// SAFETY: the pointers of a frame are set and followed within one call of `receive` or `send`,
// which holds the box that they lead into.
unsafe impl Send for Frame {}

// === impl Mapped ===

impl Mapped {
    /// Maps a file that nobody writes to any more: one of ours, put in place by renaming it, and
    /// replaced in the same way.
    pub fn open(file: &File) -> io::Result<Self> {
        // SAFETY: the octets must not change while they are mapped. Files that come here are made
        // under another name, renamed once they are whole and replaced by renaming another one
        // over them; the directory is the daemon's own (mode 0750).
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Mapped(map))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

// === impl Readable ===

impl Readable {
    /// Has the runtime look after a descriptor that does not block. To be called within one.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` is open and names the same file until it is dropped, and this one
        // is handed to nobody who could put another in its place.
        let watched = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
        watched.map(Readable).map_err(Into::into)
    }

    /// Waits for something to read, and reads it.
    ///
    /// # Errors
    /// What the system says.
    pub async fn read(&self, octets: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            let read = ready.try_io(|descriptor| Ok(nix::unistd::read(descriptor, octets)?));
            match read {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => return read,
                Err(_would_block) => {}
            }
        }
    }
}

// === impl Inbox ===

impl Inbox {
    /// Room for so many datagrams of at most so many octets each.
    #[must_use]
    pub fn new(datagrams: usize, slot_octets: usize) -> Self {
        Inbox {
            octets: vec![0; datagrams * slot_octets].into(),
            slot_octets,
            ways: vec![Way::NOWHERE; datagrams].into(),
            seen: Vec::with_capacity(datagrams),
            frame: Frame::default(),
            call: Call::Many,
        }
    }

    /// Takes the datagrams that are there, and says how many, and whether all were taken.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, and what the system says.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<(usize, bool)> {
        let fd = socket.as_raw_fd();
        self.receive_by(|headers, call| {
            let flags = libc::MSG_DONTWAIT;
            match call {
                Call::Many => {
                    let count = libc::c_uint::try_from(headers.len()).unwrap_or(1);
                    let first = headers.as_mut_ptr();
                    // SAFETY: `first` leads to `count` headers, whose pointers `receive_by` set.
                    // The flags are cast because libc implementations differ in their type.
                    unsafe { libc::recvmmsg(fd, first, count, flags as _, std::ptr::null_mut()) }
                }
                Call::One => {
                    let Some(first) = headers.first_mut() else { return 0 };
                    // SAFETY: as above, for one header.
                    let length = unsafe { libc::recvmsg(fd, &raw mut first.msg_hdr, flags) };
                    let Ok(length) = libc::c_uint::try_from(length) else { return -1 };
                    first.msg_len = length;
                    1
                }
            }
        })
    }

    /// [`Inbox::receive`] by any function that fills headers as the kernel does: it says how many,
    /// or -1 with an error in `errno`.
    fn receive_by(
        &mut self,
        mut kernel: impl FnMut(&mut [libc::mmsghdr], Call) -> libc::c_int,
    ) -> io::Result<(usize, bool)> {
        loop {
            // Setting up headers costs a little for each: twice as many as came last.
            let room = match self.call {
                Call::Many => (2 * self.seen.len()).clamp(4.min(self.ways.len()), self.ways.len()),
                Call::One => 1,
            };
            self.seen.clear();
            let buffers = self.octets.chunks_exact_mut(self.slot_octets);
            for (buffer, way) in buffers.zip(&mut self.ways).take(room) {
                way.name_octets = socklen(size_of::<libc::sockaddr_in6>());
                way.control_octets = CONTROL_OCTETS;
                self.frame.add(buffer.as_mut_ptr(), buffer.len(), way);
            }
            self.frame.link();
            let count = kernel(&mut self.frame.headers, self.call);
            let Ok(count) = usize::try_from(count) else {
                let error = io::Error::last_os_error();
                self.frame.clear();
                if self.call == Call::Many && error.raw_os_error() == Some(libc::ENOSYS) {
                    self.call = Call::One;
                    continue;
                }
                return Err(error);
            };
            for (header, way) in self.frame.headers.iter().zip(&mut self.ways).take(count) {
                let about = &header.msg_hdr;
                let length = usize::try_from(header.msg_len).unwrap_or(0).min(self.slot_octets);
                way.name_octets = about.msg_namelen;
                way.control_octets = octets_of(about.msg_controllen).min(CONTROL_OCTETS);
                self.seen.push((length, about.msg_flags));
            }
            self.frame.clear();
            return Ok((count, count < room));
        }
    }

    /// A datagram of the last batch with its way; none when it was cut, for it did not fit.
    #[must_use]
    pub fn datagram(&mut self, place: usize) -> Option<(&[u8], &mut Way)> {
        let &(length, flags) = self.seen.get(place)?;
        let whole = flags & libc::MSG_TRUNC == 0;
        let start = place * self.slot_octets;
        whole.then_some((self.octets.get(start..start + length)?, self.ways.get_mut(place)?))
    }
}

// === impl Outbox ===

impl Outbox {
    /// Room for so many replies.
    #[must_use]
    pub fn new(replies: usize) -> Self {
        Outbox {
            replies: vec![(Vec::new(), Way::NOWHERE); replies],
            count: 0,
            frame: Frame::default(),
            call: Call::Many,
        }
    }

    /// Where the next reply is written; it goes nowhere before [`Outbox::keep`].
    pub fn draft(&mut self) -> &mut Vec<u8> {
        if self.count == self.replies.len() {
            self.replies.push((Vec::new(), Way::NOWHERE));
        }
        let draft = &mut self.replies[self.count].0;
        draft.clear();
        draft
    }

    /// The draft is to be sent this way.
    pub fn keep(&mut self, way: &Way) {
        if let Some((_, kept)) = self.replies.get_mut(self.count) {
            *kept = *way;
            self.count += 1;
        }
    }

    /// A reply that is written already is to be sent this way; says how many wait now.
    pub fn post(&mut self, reply: Vec<u8>, way: &Way) -> usize {
        *self.draft() = reply;
        self.keep(way);
        self.count
    }

    /// Sends what was kept, and says how many of them the system did not take. It is not waited
    /// for: a client whose reply is lost asks again.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> usize {
        let fd = socket.as_raw_fd();
        self.send_by(|headers, call| {
            let flags = libc::MSG_DONTWAIT;
            match call {
                Call::Many => {
                    let count = libc::c_uint::try_from(headers.len()).unwrap_or(1);
                    let first = headers.as_mut_ptr();
                    // SAFETY: `first` leads to `count` headers, whose pointers `send_by` set.
                    unsafe { libc::sendmmsg(fd, first, count, flags as _) }
                }
                Call::One => {
                    let Some(first) = headers.first() else { return 0 };
                    // SAFETY: as above, for one header.
                    let sent = unsafe { libc::sendmsg(fd, &raw const first.msg_hdr, flags) };
                    if sent < 0 { -1 } else { 1 }
                }
            }
        })
    }

    /// [`Outbox::send`] by any function that takes headers as the kernel does.
    fn send_by(
        &mut self,
        mut kernel: impl FnMut(&mut [libc::mmsghdr], Call) -> libc::c_int,
    ) -> usize {
        for (octets, way) in &mut self.replies[..self.count] {
            self.frame.add(octets.as_mut_ptr(), octets.len(), way);
        }
        self.frame.link();
        let (mut sent, mut unsent, mut refused) = (0, 0, false);
        while sent < self.count {
            let headers = &mut self.frame.headers[sent..];
            if let Ok(more @ 1..) = usize::try_from(kernel(headers, self.call)) {
                sent += more;
                refused = false;
                continue;
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::ENOSYS) if self.call == Call::Many => self.call = Call::One,
                Some(libc::EINTR) => {}
                // It is about an earlier reply, and cleared by having been told.
                Some(libc::ECONNREFUSED) if !refused => refused = true,
                _ => {
                    (sent, refused) = (sent + 1, false);
                    unsent += 1;
                }
            }
        }
        self.frame.clear();
        self.count = 0;
        unsent
    }
}

/// Has the kernel ignore what it is told of the path's MTU, and never fragment: a forged ICMP
/// message must not make room for a forged fragment (RFC 9715 §3.1). `is_ipv6` is the socket's
/// family.
///
/// # Errors
/// What the system says; kernels before Linux 3.15 do not know it.
pub fn omit_path_mtu(socket: BorrowedFd<'_>, is_ipv6: bool) -> io::Result<()> {
    let (level, name, value) = if is_ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT)
    } else {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
    };
    let octets = socklen(size_of::<libc::c_int>());
    // SAFETY: the option's value is an integer, which lives until the call returns.
    let set = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), octets)
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How far a thread that reads lists stands behind those that answer: with a tenth of their weight
/// it has an idle core to itself, and a busy one hardly.
const GIVE_WAY: libc::c_int = 10;

/// Lets every other thread go before this one, from now on. A kernel that does not is no worse than
/// before.
pub fn give_way() {
    // SAFETY: no memory is passed. On Linux the number 0 is the calling thread alone.
    let _asked = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, GIVE_WAY) };
}

/// Whether the kernel says that its clock is synchronised: NTP programs tell it, and it takes that
/// back when they fall silent for hours. None where it may not be asked.
#[must_use]
pub fn is_clock_synchronised() -> Option<bool> {
    // SAFETY: it is numbers, for which zeroes are valid. Zero as `modes` asks and changes nothing.
    let mut about: libc::timex = unsafe { zeroed() };
    // SAFETY: the kernel writes to a `timex`, which lives until the call returns.
    let state = unsafe { libc::adjtimex(&raw mut about) };
    (state >= 0).then_some(state != libc::TIME_ERROR && about.status & libc::STA_UNSYNC == 0)
}

// === impl Frame ===

impl Frame {
    /// Adds a datagram's header. Its slice is pointed to by [`Frame::link`].
    fn add(&mut self, octets: *mut u8, length: usize, way: &mut Way) {
        self.slices.push(libc::iovec { iov_base: octets.cast(), iov_len: length });
        // SAFETY: a header is numbers and pointers, for which zeroes are valid.
        let mut header: libc::mmsghdr = unsafe { zeroed() };
        let about = &mut header.msg_hdr;
        about.msg_name = addr_of_mut!(way.name).cast();
        about.msg_namelen = way.name_octets;
        about.msg_iovlen = 1;
        about.msg_control = addr_of_mut!(way.control).cast();
        about.msg_controllen = way.control_octets as _;
        self.headers.push(header);
    }

    /// Points each header to its slice, which no longer moves.
    fn link(&mut self) {
        for (header, slice) in self.headers.iter_mut().zip(&mut self.slices) {
            header.msg_hdr.msg_iov = slice;
        }
    }

    fn clear(&mut self) {
        self.slices.clear();
        self.headers.clear();
    }
}

// === impl Way ===

impl Way {
    /// The way of nothing.
    const NOWHERE: Way = {
        // SAFETY: an address is numbers, for which zeroes are valid.
        let name: libc::sockaddr_in6 = unsafe { zeroed() };
        let control = Control([0; CONTROL_OCTETS]);
        Way { name, name_octets: 0, control, control_octets: 0 }
    };

    /// Who sent it.
    #[must_use]
    pub fn sender(&self) -> Option<SocketAddr> {
        let family = libc::c_int::from(self.name.sin6_family);
        let octets = self.name_octets as usize;
        if family == libc::AF_INET && octets >= size_of::<libc::sockaddr_in>() {
            const { assert!(size_of::<libc::sockaddr_in>() <= size_of::<libc::sockaddr_in6>()) };
            // SAFETY: the kernel wrote a `sockaddr_in`, as its family and length say, to where there
            // is room for one, aligned as one.
            let v4 = unsafe { addr_of!(self.name).cast::<libc::sockaddr_in>().read() };
            let address = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            return Some(SocketAddrV4::new(address, u16::from_be(v4.sin_port)).into());
        }
        if family == libc::AF_INET6 && octets >= size_of::<libc::sockaddr_in6>() {
            let (address, port) = (self.name.sin6_addr.s6_addr.into(), self.name.sin6_port);
            let (flow, scope) = (self.name.sin6_flowinfo, self.name.sin6_scope_id);
            return Some(SocketAddrV6::new(address, u16::from_be(port), flow, scope).into());
        }
        None
    }

    /// The address it was sent to, which its reply will come from; none when the kernel did not
    /// say. The interface is kept for link-local addresses only: elsewhere the route back decides,
    /// which may differ from the way it came.
    #[must_use]
    pub fn asked(&mut self) -> Option<IpAddr> {
        // SAFETY: a header is numbers and pointers, for which zeroes are valid.
        let mut header: libc::msghdr = unsafe { zeroed() };
        header.msg_control = addr_of_mut!(self.control).cast();
        header.msg_controllen = self.control_octets as _;
        // SAFETY: the header leads to `control_octets` octets of control messages as the kernel
        // wrote them, or to none; they are aligned for a message's header.
        let first = unsafe { libc::CMSG_FIRSTHDR(&raw const header).as_ref() }?;
        let about = (first.cmsg_level, first.cmsg_type);
        let octets = octets_of(first.cmsg_len);
        let (v4, v6) = (size_of::<libc::in_pktinfo>(), size_of::<libc::in6_pktinfo>());
        let start = data_offset();
        let data = self.control.0.get_mut(start..octets.min(self.control_octets))?;
        if about == (libc::IPPROTO_IP, libc::IP_PKTINFO) && data.len() >= v4 {
            let interface = offset_of!(libc::in_pktinfo, ipi_ifindex);
            let address = offset_of!(libc::in_pktinfo, ipi_spec_dst);
            data.get_mut(interface..interface + 4)?.fill(0);
            let address: [u8; 4] = data.get(address..address + 4)?.try_into().ok()?;
            return Some(Ipv4Addr::from(address).into());
        }
        if about == (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) && data.len() >= v6 {
            let interface = offset_of!(libc::in6_pktinfo, ipi6_ifindex);
            let address = offset_of!(libc::in6_pktinfo, ipi6_addr);
            let address: [u8; 16] = data.get(address..address + 16)?.try_into().ok()?;
            let address = Ipv6Addr::from(address);
            if !address.is_unicast_link_local() {
                data.get_mut(interface..interface + 4)?.fill(0);
            }
            return Some(address.into());
        }
        None
    }
}

/// Where the data of the first control message begin.
fn data_offset() -> usize {
    // SAFETY: it is arithmetic on the size of a header.
    unsafe { libc::CMSG_LEN(0) as usize }
}

/// A length as a number of octets: its type is another one in each libc.
fn octets_of(length: impl TryInto<usize>) -> usize {
    length.try_into().unwrap_or(0)
}

/// A length as the kernel counts it.
fn socklen(octets: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(octets).unwrap_or(0)
}

#[cfg(test)]
mod tests;
