//! Why nothing can be written at the moment, for a person.

use std::io;

use rusqlite::ErrorCode;

use crate::words::Words;

/// Why a writing failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file is no journal any more: set aside, begun anew.
    Damaged(String),
    /// A later version of the program made it.
    Newer,
    /// There is no room.
    Full(String),
    /// Another program holds it.
    Locked(String),
    /// Anything else: rights, a read-only or failing disk.
    Unwritable(String),
}

impl Trouble {
    /// The sentence of the status page.
    pub(super) fn sentence(&self) -> Words {
        let (es, en, detail) = match self {
            Trouble::Damaged(detail) => {
                ("el archivo está dañado", "the file is damaged", detail.as_str())
            }
            Trouble::Newer => (
                "una versión más nueva de amparo creó el archivo; actualice amparo o mueva el archivo",
                "a newer version of amparo made the file; update amparo, or move the file away",
                "",
            ),
            Trouble::Full(detail) => (
                "no queda espacio en el disco; libere espacio",
                "the disk is full; free some space",
                detail.as_str(),
            ),
            Trouble::Locked(detail) => (
                "otro programa tiene bloqueado el archivo; ciérrelo",
                "another program has locked the file; close it",
                detail.as_str(),
            ),
            Trouble::Unwritable(detail) => {
                ("no se puede escribir el archivo", "the file cannot be written", detail.as_str())
            }
        };
        let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
        Words {
            es: format!(
                "el diario no se guarda: {es}{detail}. Los filtros siguen; lo último queda en \
                 memoria y se guardará en cuanto se pueda"
            )
            .into(),
            en: format!(
                "the journal is not being saved: {en}{detail}. Filtering goes on; the latest is \
                 kept in memory and will be saved as soon as it can be"
            )
            .into(),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull {
            Trouble::Full(error.to_string())
        } else {
            Trouble::Unwritable(error.to_string())
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Trouble::Damaged(text),
            Some(ErrorCode::DiskFull) => Trouble::Full(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Locked(text),
            // Tables that are not ours, or values of another type, in a file that calls itself our
            // version: damaged as surely as a torn page.
            Some(ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::ConstraintViolation) => {
                Trouble::Damaged(text)
            }
            None if is_about_values(&error) => Trouble::Damaged(text),
            Some(_) | None => Trouble::Unwritable(text),
        }
    }
}

/// Whether a row did not hold what the tables promise.
fn is_about_values(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows
    )
}
