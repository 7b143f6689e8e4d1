//! Unbound, as Debian packages it, forwarding to the fake resolver: one process, no file of the
//! system's, nothing validated, nothing kept for long.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};

use crate::harness::upstream::dead_address;
use crate::harness::{Device, Home};

/// Where Debian has it; its folder is in no ordinary user's `PATH`.
const PROGRAM: &str = "/usr/sbin/unbound";

/// One that runs.
pub(super) struct Unbound {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    _home: Home,
}

impl Unbound {
    /// One that asks this resolver; none, with the reason printed, where there is none.
    #[track_caller]
    pub(super) fn start(upstream: SocketAddr) -> Option<Self> {
        let (home, address) = (Home::new(), dead_address());
        let config = format!(
            "server:
               directory: \"{dir}\"
               chroot: \"\"
               username: \"\"
               pidfile: \"\"
               do-daemonize: no
               use-syslog: no
               logfile: \"{dir}/log\"
               interface: {ip}@{port}
               port: {port}
               access-control: 127.0.0.0/8 allow
               module-config: \"iterator\"
               do-not-query-localhost: no
               do-ip6: no
               num-threads: 1
               qname-minimisation: no
               target-fetch-policy: \"0 0 0 0 0\"
               infra-host-ttl: 0
               minimal-responses: no
               rrset-roundrobin: no
               edns-buffer-size: 1232
               max-udp-size: 1232
               cache-max-ttl: 2147483647
               cache-max-negative-ttl: 86400
             remote-control:
               control-enable: no
             forward-zone:
               name: \".\"
               forward-addr: {up_ip}@{up_port}
             ",
            dir = home.path().display(),
            ip = address.ip(),
            port = address.port(),
            up_ip = upstream.ip(),
            up_port = upstream.port(),
        );
        home.write("unbound.conf", &config);
        let file = home.path().join("unbound.conf");
        let mut command = Command::new(PROGRAM);
        command.arg("-d").arg("-c").arg(file).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => {
                let unbound = Unbound { child, address, _home: home };
                Device::at("127.0.0.1").asks(address, "ready.fuzz.example").is_open();
                Some(unbound)
            }
            Err(error) => {
                println!("skipped: {PROGRAM}: {error}; tests/run installs it");
                None
            }
        }
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A socket that asks one server.
pub(super) fn socket_to(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    socket.connect(to).expect("loopback has routes");
    socket.set_read_timeout(Some(super::AGAIN_AFTER)).expect("it is a time-out");
    socket
}
