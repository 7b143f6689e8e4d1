//! The rules for `OpenWrt` 22.03 and later: the same table, in a file that its firewall (fw4) loads
//! with its own rules, at every start and whenever it begins anew.
//!
//! Everything is one script for the router's shell, and so is taking it back.

use std::path::Path;

use super::{Plan, nft};

/// What the bridge of the house is called there.
pub const HOUSE: &str = "br-lan";
/// The section of the firewall's settings that is ours.
const SECTION: &str = "firewall.amparo_firewall";
/// What stands around the rules in the script; no line of theirs.
const END: &str = "END_OF_RULES";

/// The program whose presence says that this is `OpenWrt`.
pub const UCI: &str = "uci";
/// What reads the scripts.
pub const SHELL: [&str; 3] = ["sh", "-es", "-"];

/// The script that brings a plan about. `file` is where the rules are kept.
#[must_use]
pub fn script(plan: &Plan, file: &Path) -> String {
    let (rules, folder) = (nft::script(plan), file.parent().unwrap_or(Path::new("/")));
    let (file, folder) = (shell(file), shell(folder));
    format!(
        "mkdir -p {folder}\n\
         cat > {file} <<'{END}'\n{rules}{END}\n\
         uci -q batch <<'{END}'\n\
         set {SECTION}=include\n\
         set {SECTION}.type='nftables'\n\
         set {SECTION}.path={file}\n\
         set {SECTION}.position='ruleset-prepend'\n\
         set {SECTION}.enabled='1'\n\
         commit firewall\n\
         {END}\n\
         fw4 -q reload\n"
    )
}

/// The script that takes them back, whether they are there or not.
#[must_use]
pub fn undo(file: &Path) -> String {
    let file = shell(file);
    format!(
        "uci -q delete {SECTION} || true\n\
         uci commit firewall\n\
         rm -f {file}\n\
         nft delete table inet {} 2>/dev/null || true\n\
         fw4 -q reload\n",
        nft::TABLE
    )
}

/// A path as one word for a shell, and for `uci`.
fn shell(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
