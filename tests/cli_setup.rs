//! `amparo device-setup`: what a person is told to set on a phone, and the profile for Apple's devices.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use crate::harness::{Home, Output};

/// Done.
const DONE: i32 = 0;
/// Failed.
const FAILED: i32 = 1;
/// Not how it is called.
const USAGE: i32 = 2;
/// The config is wrong.
const CONFIG: i32 = 3;

/// What fits a terminal.
const COLUMNS: usize = 80;

const FAMILY: &str = r#"
[dns.encrypted]
certificate = "/nowhere/cert.pem"
private_key = "/nowhere/key.pem"
hostname    = "dns.example.org"
tls         = ["0.0.0.0:853"]
https       = ["192.168.1.5:8443"]
quic        = ["0.0.0.0:853"]

[child.mateo]
age     = 14
name    = "Mateo <R&D> \"el grande\""
devices = ["10.0.0.3", "id:mateo-phone"]

[adult.ana]
devices = ["10.0.0.20"]
"#;

/// A home whose family speaks a language.
fn home(language: &str) -> Home {
    Home::with(&format!("[household]\nlanguage = \"{language}\"\n{FAMILY}"))
}

/// What is said above the first kind of device.
fn above(output: &Output) -> &str {
    output.stdout.split("\nAndroid\n").next().expect("split gives one at least")
}

// === What is told ===

#[test]
fn each_kind_of_device_is_told_what_to_set_in_both_languages() {
    let common = [
        "\n      mateo-phone.dns.example.org\n",
        "\n      https://dns.example.org:8443/dns-query/mateo-phone\n",
        "\n      amparo device-setup mateo-phone --apple mateo-phone.mobileconfig\n",
        "Android",
        "iPhone, iPad, Mac",
        "Firefox",
        "Chrome",
        "Windows 11",
        "192.168.1.5",
        "  DNS over QUIC   mateo-phone.dns.example.org\n",
        "*.dns.example.org",
    ];
    let english = ["with the id mateo-phone", "Private DNS provider hostname", "Away from home"];
    let spanish = ["con el id mateo-phone", "DNS privado", "Fuera de casa"];
    for (language, words) in [("en", english), ("es", spanish)] {
        let output = home(language).amparo(&["device-setup", "mateo-phone"]);
        output.exits(DONE).is_plain();
        for part in common.into_iter().chain(words) {
            output.prints(part);
        }
        assert!(!output.stdout.contains("devices = ["), "somebody has it: {output}");
        let is_value = |line: &&str| !line.contains("      ");
        let wide = output.stdout.lines().filter(is_value).find(|l| l.chars().count() > COLUMNS);
        assert_eq!(wide, None, "{output}");
    }
}

#[test]
fn an_id_that_nobody_has_comes_with_the_line_that_gives_it() {
    let home = home("en");
    let ana = home.amparo(&["device-setup", "ana"]);
    ana.exits(DONE).prints("Encrypted DNS for Ana, with the id ana\n");
    for part in [
        "Nobody has `id:ana` yet",
        "\n      amparo devices assign id:ana ana\n",
        "[adult.ana]",
        "\n      devices = [..., \"id:ana\"]\n",
    ] {
        assert!(above(&ana).contains(part), "{part}: {ana}");
    }
    let near = home.amparo(&["device-setup", "mateo-fone"]);
    near.exits(DONE).prints("Encrypted DNS with the id mateo-fone\n");
    near.prints("Did you mean mateo-phone?").prints("assign id:mateo-fone WHO\n");
}

#[test]
fn json_has_ids_and_no_names_of_people() {
    let home = home("es");
    let one = |id: &str| -> Value {
        let mut all = home.amparo(&["device-setup", id, "--json"]).exits(DONE).json();
        assert_eq!(all.len(), 1, "{id}");
        all.remove(0)
    };
    let expected = json!({
        "v": 1,
        "id": "mateo-phone",
        "person": "mateo",
        "tls_name": "mateo-phone.dns.example.org",
        "https_url": "https://dns.example.org:8443/dns-query/mateo-phone",
        "quic_name": "mateo-phone.dns.example.org",
        "listed": true,
    });
    assert_eq!(one("Mateo-Phone"), expected);
    let stranger = one("a_b");
    assert_eq!((&stranger["person"], &stranger["listed"]), (&Value::Null, &false.into()));
    assert_eq!(stranger["tls_name"], Value::Null, "a certificate's `*` is no `a_b`");
}

// === What is refused ===

#[test]
fn where_nothing_is_set_up_it_says_what_to_write() {
    let home = Home::with("[adult.ana]\ndevices = [\"10.0.0.20\"]\n");
    let output = home.amparo(&["device-setup", "ana"]);
    output.exits(FAILED).complains("there is no encrypted DNS here").is_plain();
    output.complains("docs/encrypted/README.md").complains("  [dns.encrypted]\n");
    let text = FAMILY.replace("hostname ", "#");
    let output = Home::with(&format!("[household]\nlanguage = \"es\"\n{text}"))
        .amparo(&["device-setup", "ana"]);
    output.exits(FAILED).complains("no tiene `hostname`");
}

#[test]
fn what_is_no_id_is_a_mistake_of_usage() {
    let home = home("en");
    for bad in ["10.0.0.3", "3c:22:fb:12:34:56", "a b", "ñ", "\u{1b}[31m"] {
        home.amparo(&["device-setup", bad]).exits(USAGE).complains("is no id").is_plain();
    }
    home.amparo(&["device-setup"]).exits(USAGE);
    home.amparo(&["device-setup", "ana", "--wifi", "Casa"]).exits(USAGE).complains("--apple");
    Home::with("[[[").amparo(&["device-setup", "ana"]).exits(CONFIG);
}

// === The profile ===

#[test]
fn a_profile_is_what_apples_devices_read() {
    let home = home("en");
    let wifi = "Casa <3 & \"más\"";
    let args = ["device-setup", "mateo-phone", "--apple", "m.mobileconfig", "--wifi", wifi];
    home.amparo(&args).exits(DONE).prints("The profile is in m.mobileconfig.").prints("Casa <3");
    let path = home.path().join("m.mobileconfig");
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o644);

    let profile = property_list(&text);
    let of = |dict: &Plist, key: &str| dict.get(key).text().to_owned();
    assert_eq!(of(&profile, "PayloadType"), "Configuration");
    assert_eq!(of(&profile, "PayloadDisplayName"), "The house's DNS: Mateo <R&D> \"el grande\"");
    let payload = profile.get("PayloadContent").item();
    assert_eq!(of(payload, "PayloadType"), "com.apple.dnsSettings.managed");
    let settings = payload.get("DNSSettings");
    assert_eq!(of(settings, "DNSProtocol"), "HTTPS");
    let url = "https://dns.example.org:8443/dns-query/mateo-phone";
    assert_eq!(of(settings, "ServerURL"), url);
    let Plist::Array(rules) = payload.get("OnDemandRules") else { panic!("{text}") };
    assert_eq!(
        (of(&rules[0], "Action"), of(&rules[1], "Action")),
        ("Connect".into(), "Disconnect".into())
    );
    assert_eq!(rules[0].get("SSIDMatch").item().text(), wifi);
    assert_ne!(of(&profile, "PayloadUUID"), of(payload, "PayloadUUID"));
}

#[test]
fn a_profile_written_again_takes_the_place_of_the_one_before() {
    let home = home("en");
    let args = ["device-setup", "mateo-phone", "--apple", "m.mobileconfig"];
    let read = || std::fs::read_to_string(home.path().join("m.mobileconfig")).expect("it is ours");
    home.amparo(&args).exits(DONE).prints("away from home too");
    let first = read();
    home.amparo(&args).exits(DONE).prints("in place of the one that Amparo wrote");
    assert_eq!(read(), first, "the same device has the same UUIDs");
    let text = std::fs::read_to_string(home.config()).expect("it is ours");
    home.write("amparo.toml", &text.replace("https ", "#"));
    home.amparo(&args).exits(DONE);
    let (before, after) = (property_list(&first), property_list(&read()));
    let id = |profile: &Plist| profile.get("PayloadUUID").text().to_owned();
    assert_eq!(id(&before), id(&after));
    let settings = after.get("PayloadContent").item().get("DNSSettings");
    assert_eq!(settings.get("ServerName").text(), "mateo-phone.dns.example.org");
}

#[test]
fn what_is_not_ours_is_never_written_over() {
    let home = home("en");
    home.write("letter.txt", "Dear Ana");
    home.write("true.mobileconfig", "<?xml version=\"1.0\"?>com.apple.dnsSettings.managed");
    symlink("letter.txt", home.path().join("link")).expect("the directory is ours");
    for name in ["letter.txt", "true.mobileconfig", "link", ".", "/dev/null"] {
        let output = home.amparo(&["device-setup", "mateo", "--apple", name]);
        output.exits(FAILED).complains("is no profile that Amparo wrote");
    }
    let kept = std::fs::read_to_string(home.path().join("letter.txt")).expect("it is ours");
    assert_eq!(kept, "Dear Ana");
    let output = home.amparo(&["device-setup", "mateo", "--apple", "no/such/place.mobileconfig"]);
    output.exits(FAILED).complains("cannot be written");
}

#[test]
fn no_profile_is_written_that_apples_devices_could_not_use() {
    let home = Home::with(&FAMILY.replace("https ", "#").replace(":853\"]", ":8853\"]"));
    let output = home.amparo(&["device-setup", "mateo-phone", "--apple", "m.mobileconfig"]);
    output.exits(FAILED).complains("no profile is possible").complains("`https`");
    assert!(!home.path().join("m.mobileconfig").exists());
    let output = home.amparo(&["device-setup", "mateo-phone"]);
    output.exits(DONE).prints("Android asks at port 853 only").prints("no profile is possible");
    output.prints("mateo-phone.dns.example.org:8853");
}

// === A property list, as strictly as it is written ===

/// A value of a property list.
#[derive(Debug, PartialEq)]
enum Plist {
    Dict(BTreeMap<String, Plist>),
    Array(Vec<Plist>),
    Text(String),
}

impl Plist {
    #[track_caller]
    fn get(&self, key: &str) -> &Plist {
        let Plist::Dict(dict) = self else { panic!("{self:?} is no dict") };
        dict.get(key).unwrap_or_else(|| panic!("no `{key}` in {dict:?}"))
    }

    /// The first of an array.
    #[track_caller]
    fn item(&self) -> &Plist {
        let Plist::Array(items) = self else { panic!("{self:?} is no array") };
        items.first().expect("it is not empty")
    }

    #[track_caller]
    fn text(&self) -> &str {
        let Plist::Text(text) = self else { panic!("{self:?} is no text") };
        text
    }
}

/// Reads a property list in XML; whatever is not well-formed ends the test.
#[track_caller]
fn property_list(text: &str) -> Plist {
    let rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist ");
    let (_, mut rest) = rest.and_then(|rest| rest.split_once(">\n")).expect("the prologue");
    open(&mut rest, "plist version=\"1.0\"");
    let value = plist_value(&mut rest);
    open(&mut rest, "/plist");
    assert_eq!(rest.trim(), "", "nothing stands behind it");
    value
}

/// Takes one tag, whatever white space stands before it.
#[track_caller]
fn open(rest: &mut &str, tag: &str) {
    let is_there = next_is(rest, tag);
    assert!(is_there, "<{tag}> expected at: {rest:.60}");
    *rest = &rest.trim_start()[tag.len() + 2..];
}

fn next_is(rest: &str, tag: &str) -> bool {
    rest.trim_start().starts_with(&format!("<{tag}>"))
}

#[track_caller]
fn plist_value(rest: &mut &str) -> Plist {
    if next_is(rest, "dict") {
        open(rest, "dict");
        let mut dict = BTreeMap::new();
        while !next_is(rest, "/dict") {
            let key = element(rest, "key");
            let value = plist_value(rest);
            assert!(dict.insert(key, value).is_none(), "a key stands twice");
        }
        open(rest, "/dict");
        return Plist::Dict(dict);
    }
    if next_is(rest, "array") {
        open(rest, "array");
        let mut items = Vec::new();
        while !next_is(rest, "/array") {
            items.push(plist_value(rest));
        }
        open(rest, "/array");
        return Plist::Array(items);
    }
    Plist::Text(element(rest, if next_is(rest, "integer") { "integer" } else { "string" }))
}

/// The text of an element without others in it.
#[track_caller]
fn element(rest: &mut &str, tag: &str) -> String {
    open(rest, tag);
    let end = rest.find('<').expect("it ends");
    let raw = &rest[..end];
    *rest = &rest[end..];
    open(rest, &format!("/{tag}"));
    let plain = raw.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "\u{0}");
    assert!(!plain.contains('&'), "an entity that nobody knows: {raw}");
    plain.replace('\u{0}', "&")
}
