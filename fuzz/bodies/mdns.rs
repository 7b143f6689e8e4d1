//! Any message is an answer with a name to one question, or none.

use amparo::clients::mdns;

pub(crate) fn run(message: &[u8]) {
    // What an answer must repeat; the seeds do.
    let asked = mdns::reverse_name([192, 168, 1, 42].into());
    let Some(name) = mdns::first_ptr(message, 7, &asked) else { return };
    assert!(message[..2] == [0, 7] && message[2] & 0x80 != 0, "it answers this question");
    let host = mdns::host_of(&name);
    assert!(host.is_none_or(|host| name.to_string().starts_with(&host)));
}
