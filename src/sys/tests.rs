use std::io::Write as _;
use std::net::UdpSocket;
use std::os::fd::AsFd as _;

use super::*;

/// Plays the kernel: writes each datagram through the headers' pointers, as `recvmmsg` would.
fn deliver(headers: &mut [libc::mmsghdr], datagrams: &[&[u8]]) -> libc::c_int {
    let mut count = 0;
    for (header, octets) in headers.iter_mut().zip(datagrams) {
        let about = &mut header.msg_hdr;
        let v4 = libc::sockaddr_in {
            sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap(),
            sin_port: 4711_u16.to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([10, 0, 0, 9]) },
            sin_zero: [0; 8],
        };
        let info = libc::in_pktinfo {
            ipi_ifindex: 7,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes([10, 0, 0, 1]) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        // SAFETY: the headers are those of `Inbox::receive_by`: each pointer leads to room of the
        // length beside it.
        unsafe {
            let slice = &*about.msg_iov;
            let length = octets.len().min(slice.iov_len);
            std::ptr::copy_nonoverlapping(octets.as_ptr(), slice.iov_base.cast(), length);
            header.msg_len = u32::try_from(length).unwrap();
            about.msg_flags = if length < octets.len() { libc::MSG_TRUNC } else { 0 };
            about.msg_name.cast::<libc::sockaddr_in>().write(v4);
            about.msg_namelen = socklen(size_of::<libc::sockaddr_in>());
            let message = &mut *about.msg_control.cast::<libc::cmsghdr>();
            message.cmsg_level = libc::IPPROTO_IP;
            message.cmsg_type = libc::IP_PKTINFO;
            let info_octets = u32::try_from(size_of::<libc::in_pktinfo>()).unwrap();
            message.cmsg_len = libc::CMSG_LEN(info_octets) as _;
            let data = about.msg_control.cast::<u8>().add(data_offset());
            data.cast::<libc::in_pktinfo>().write_unaligned(info);
            about.msg_controllen = libc::CMSG_SPACE(info_octets) as _;
        }
        count += 1;
    }
    count
}

#[test]
#[cfg_attr(miri, ignore = "miri maps no files")]
fn a_mapped_file_reads_as_it_was_written() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"amparo").unwrap();
    assert_eq!(&*Mapped::open(&file).unwrap(), b"amparo");
}

#[test]
fn a_batch_is_read_with_its_ways() {
    let mut inbox = Inbox::new(8, 16);
    for _ in 0..3 {
        let taken = inbox
            .receive_by(|headers, _| deliver(headers, &[b"one", b"seventeen octets!", b""]))
            .unwrap();
        assert_eq!(taken, (3, true));
        let (octets, way) = inbox.datagram(0).unwrap();
        assert_eq!(octets, b"one");
        assert_eq!(way.sender(), Some("10.0.0.9:4711".parse().unwrap()));
        assert_eq!(way.asked(), Some("10.0.0.1".parse().unwrap()));
        assert!(inbox.datagram(1).is_none(), "it was cut");
        assert_eq!(inbox.datagram(2).unwrap().0, b"");
        assert!(inbox.datagram(3).is_none(), "there were three");
    }
}

#[test]
fn a_reply_goes_the_way_its_question_came() {
    let mut inbox = Inbox::new(4, 16);
    inbox.receive_by(|headers, _| deliver(headers, &[b"a", b"b"])).unwrap();
    let mut outbox = Outbox::new(1);
    for place in 0..2 {
        let (octets, way) = inbox.datagram(place).unwrap();
        way.asked().unwrap();
        outbox.draft().extend_from_slice(octets);
        outbox.keep(way);
    }
    outbox.draft().extend_from_slice(b"not kept");
    let mut sent = Vec::new();
    let unsent = outbox.send_by(|headers, _| {
        for header in &*headers {
            // SAFETY: the headers are those of `Outbox::send_by`.
            unsafe {
                let slice = &*header.msg_hdr.msg_iov;
                let octets = std::slice::from_raw_parts(slice.iov_base.cast::<u8>(), slice.iov_len);
                let to = header.msg_hdr.msg_name.cast::<libc::sockaddr_in>().read();
                let data = header.msg_hdr.msg_control.cast::<u8>().add(data_offset());
                let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                assert_eq!(info.ipi_ifindex, 0, "the route decides");
                let from = info.ipi_spec_dst.s_addr.to_ne_bytes();
                sent.push((octets.to_vec(), to.sin_addr.s_addr.to_ne_bytes(), from));
            }
        }
        libc::c_int::try_from(headers.len()).unwrap()
    });
    assert_eq!(unsent, 0);
    let way = ([10, 0, 0, 9], [10, 0, 0, 1]);
    assert_eq!(sent, [(b"a".to_vec(), way.0, way.1), (b"b".to_vec(), way.0, way.1)]);
    assert_eq!(outbox.send_by(|_, _| unreachable!()), 0);
}

#[test]
fn what_came_without_packet_info_was_asked_of_nobody() {
    let mut way = Way::NOWHERE;
    assert_eq!((way.sender(), way.asked()), (None, None));
    // A message of another kind, and one that says it is longer than it is.
    for (octets, level) in [(28_u16, libc::SOL_SOCKET), (4096, libc::IPPROTO_IP), (0, 0)] {
        way.control_octets = CONTROL_OCTETS;
        // SAFETY: there is room for the header of a message, aligned as one.
        let message = unsafe { &mut *addr_of_mut!(way.control).cast::<libc::cmsghdr>() };
        message.cmsg_len = octets.into();
        message.cmsg_level = level;
        message.cmsg_type = libc::IP_TTL;
        assert_eq!(way.asked(), None);
    }
}

#[test]
#[cfg_attr(miri, ignore = "miri has no sockets of this kind")]
fn the_path_mtu_is_omitted_for_both_families() {
    for (address, is_ipv6) in [("127.0.0.1:0", false), ("[::1]:0", true)] {
        let socket = UdpSocket::bind(address).unwrap();
        omit_path_mtu(socket.as_fd(), is_ipv6).unwrap();
    }
}

#[test]
#[cfg_attr(miri, ignore = "miri has no sockets of this kind")]
fn without_calls_for_many_one_by_one_does() {
    for call in [Call::Many, Call::One] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = socket.local_addr().unwrap();
        nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv4PacketInfo, &true)
            .unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        for octets in [b"a", b"b", b"c"] {
            client.send_to(octets, to).unwrap();
        }
        let (mut inbox, mut outbox) = (Inbox::new(4, 8), Outbox::new(4));
        (inbox.call, outbox.call) = (call, call);
        let mut taken = 0;
        while taken < 3 {
            let (count, _) = inbox.receive(socket.as_fd()).unwrap();
            for place in 0..count {
                let (octets, way) = inbox.datagram(place).unwrap();
                assert_eq!(way.sender(), Some(client.local_addr().unwrap()));
                assert_eq!(way.asked(), Some(to.ip()));
                outbox.draft().extend_from_slice(octets);
                outbox.keep(way);
            }
            taken += count;
        }
        let error = inbox.receive(socket.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(outbox.send(socket.as_fd()), 0);
        for octets in [b"a", b"b", b"c"] {
            let mut reply = [0; 8];
            assert_eq!(client.recv(&mut reply).unwrap(), 1);
            assert_eq!(reply[..1], octets[..]);
        }
    }
}

#[test]
fn a_kernel_that_knows_no_batches_is_asked_for_one() {
    let errno = |code| nix::errno::Errno::set_raw(code);
    let mut inbox = Inbox::new(4, 8);
    let taken = inbox.receive_by(|headers, call| match call {
        Call::Many => {
            errno(libc::ENOSYS);
            -1
        }
        Call::One => deliver(headers, &[b"a", b"b"]),
    });
    assert_eq!(taken.unwrap(), (1, false), "there may be more");
    let mut outbox = Outbox::new(4);
    let (_, way) = inbox.datagram(0).unwrap();
    for _ in 0..4 {
        outbox.draft().push(1);
        outbox.keep(way);
    }
    let mut calls = Vec::new();
    let unsent = outbox.send_by(|headers, call| {
        calls.push((headers.len(), call));
        let code = match calls.len() {
            1 => libc::ENOSYS,
            2 => libc::ECONNREFUSED,
            4 => libc::EAGAIN,
            _ => return 1,
        };
        errno(code);
        -1
    });
    // The refusal was about an earlier reply; what finds no room is lost.
    assert_eq!(unsent, 1);
    let lengths: Vec<usize> = calls.iter().map(|(length, _)| *length).collect();
    assert_eq!(lengths, [4, 4, 4, 3, 2, 1]);
}

#[tokio::test]
#[cfg_attr(miri, ignore = "miri has no pipes")]
async fn who_reads_waits_until_there_is_something() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let reader = std::os::fd::OwnedFd::from(reader);
    nix::fcntl::fcntl(&reader, nix::fcntl::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).unwrap();
    let reader = Readable::new(reader).unwrap();
    let mut octets = [0; 8];
    let write = async { writer.write_all(b"amparo").unwrap() };
    let (read, ()) = tokio::join!(reader.read(&mut octets), write);
    assert_eq!(&octets[..read.unwrap()], b"amparo");
}

#[test]
#[cfg_attr(miri, ignore = "miri asks no kernel")]
fn the_kernel_says_the_same_of_its_clock_twice() {
    assert_eq!(is_clock_synchronised(), is_clock_synchronised());
}
