//! The ledger on the disk: what [`crate::kept`] keeps under this name, and what is said of it.

use std::io;

use super::state::State;
use crate::kept::{self, Trouble};
use crate::words::Words;

/// The file is made no longer than this, in octets, by leaving the oldest changes out: it is
/// written every few minutes, and a router's flash wears.
pub const FILE_OCTETS_MAX: usize = 1024 * 1024;
/// What the files are called.
pub(super) const NAME: &str = "ledger";

/// What a file says; why not, where it is not as it was written.
pub(super) fn parse(octets: &[u8]) -> Result<(u64, State), String> {
    kept::parse(NAME, octets)
}

/// The state as text, short enough: the oldest changes go first.
pub(super) fn body_of(mut state: State) -> io::Result<String> {
    loop {
        let body = serde_json::to_string(&state)?;
        if body.len() <= FILE_OCTETS_MAX || !state.changes.shed() {
            return Ok(body);
        }
    }
}

// === What is wrong, in words ===

/// What is wrong with what was found.
pub(super) fn trouble_words(trouble: &Trouble) -> Words {
    match trouble {
        Trouble::Older(path, why) => {
            let path = path.display();
            Words {
                es: format!(
                    "{path} está dañado ({why}); vale la copia anterior. Revise las pausas, los permisos y el tiempo usado de los últimos minutos."
                )
                .into(),
                en: format!(
                    "{path} is damaged ({why}); the copy before it is in force. Look at the pauses, the grants and the time used in the last minutes."
                )
                .into(),
            }
        }
        Trouble::Lost(path, why) => {
            let path = path.display();
            Words {
                es: format!(
                    "{path} está dañado ({why}), y su copia anterior también: se perdieron las pausas, los permisos, las peticiones y el tiempo usado. Las reglas siguen en vigor."
                )
                .into(),
                en: format!(
                    "{path} is damaged ({why}), and so is the copy before it: pauses, grants, requests and the time used are lost. The rules are in force."
                )
                .into(),
            }
        }
    }
}

/// What could not be written.
pub(super) fn unwritten_words(error: &io::Error) -> Words {
    Words {
        es: format!(
            "no se pueden guardar las pausas, los permisos ni el tiempo usado ({error}); valen hasta que el equipo se reinicie."
        )
        .into(),
        en: format!(
            "pauses, grants and the time used cannot be saved ({error}); they hold until the machine restarts."
        )
        .into(),
    }
}
