//! How a mistake reads, to the letter.

use super::load;

/// The whole report of a text, warnings included.
fn report(text: &str) -> String {
    match load(text.trim_start_matches('\n')) {
        Ok(checked) => checked.warnings.render(false),
        Err(report) => report.render(false),
    }
}

#[track_caller]
pub(super) fn check(text: &str, expected: &str) {
    let report = report(text);
    assert!(report == expected.trim_start_matches('\n'), "it reads:\n{report}");
}

#[test]
fn a_word_that_is_not_defined() {
    check(
        r#"
[child.mateo]
age     = 14
block   = ["tiktokk"]
"#,
        r#"
error: child `mateo` blocks something that is not defined
 --> /etc/amparo/amparo.toml:3:12
  |
3 | block   = ["tiktokk"]
  |            ^^^^^^^^^ did you mean `tiktok`?
"#,
    );
}

#[test]
fn two_mistakes_are_reported_at_once_and_counted() {
    check(
        r#"
[profile.kids]
block = ["adult", "gamblng"]
bedtime = "21:00-21:00"
"#,
        r#"
error: profile `kids` blocks something that is not defined
 --> /etc/amparo/amparo.toml:2:19
  |
2 | block = ["adult", "gamblng"]
  |                   ^^^^^^^^^ did you mean `gambling`?

error: bedtime `21:00-21:00` has no length
 --> /etc/amparo/amparo.toml:3:11
  |
3 | bedtime = "21:00-21:00"
  |           ^^^^^^^^^^^^^ write "00:00-24:00" for the whole day, or remove the line

2 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn an_unknown_key() {
    check(
        r#"
[household]
langauge = "es"
[child.x]
age = 9
colour = "red"
"#,
        r#"
error: `[household]` has no key `langauge`
 --> /etc/amparo/amparo.toml:2:1
  |
2 | langauge = "es"
  | ^^^^^^^^ did you mean `language`?

error: `[child.x]` has no key `colour`
 --> /etc/amparo/amparo.toml:5:1
  |
5 | colour = "red"
  | ^^^^^^ its keys are `name`, `profile`, `devices`, `timezone`, `age`, `based_on`, `block`, `allow`, `only`, `safe_search`, `youtube`, `schedule`, `bedtime`, `budget`, `budget_mode`, `journal` and `bypass`

2 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn an_unknown_table() {
    check(
        r"
[childs.x]
age = 9
[zzz]
",
        r"
error: there is no table `childs`
 --> /etc/amparo/amparo.toml:1:2
  |
1 | [childs.x]
  |  ^^^^^^ did you mean `child`?

error: there is no table `zzz`
 --> /etc/amparo/amparo.toml:3:2
  |
3 | [zzz]
  |  ^^^ the tables are `household`, `dns`, `web`, `state`, `journal`, `list`, `category`, `service`, `profile`, `child`, `adult`, `calendar`, `enforce` and `notify`

2 problems in /etc/amparo/amparo.toml.
",
    );
}

#[test]
fn a_key_outside_of_every_table() {
    check(
        r#"
timezone = "UTC"
"#,
        r#"
error: `timezone` stands outside of every table
 --> /etc/amparo/amparo.toml:1:1
  |
1 | timezone = "UTC"
  | ^^^^^^^^ it belongs below `[household]`, `[child.ID]` or `[adult.ID]`
"#,
    );
}

#[test]
fn a_value_of_the_wrong_type() {
    check(
        r#"
[dns]
cache_mib = "16"
serve_stale = 1
listen = 53
upstreams = ["udp://9.9.9.9", 5]
"#,
        r#"
error: `cache_mib` is a whole number, and this is text
 --> /etc/amparo/amparo.toml:2:13
  |
2 | cache_mib = "16"
  |             ^^^^ write it without quotes: `cache_mib = 16`

error: `serve_stale` is true or false, and this is a number
 --> /etc/amparo/amparo.toml:3:15
  |
3 | serve_stale = 1
  |               ^ write it like `serve_stale = true`

error: `listen` is one text or an array of them, and this is a number
 --> /etc/amparo/amparo.toml:4:10
  |
4 | listen = 53
  |          ^^ write it like `listen = ["0.0.0.0:53", "[::]:53"]`

error: `upstreams` holds texts, and this is a number
 --> /etc/amparo/amparo.toml:5:31
  |
5 | upstreams = ["udp://9.9.9.9", 5]
  |                               ^ write it between quotes

4 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn a_line_that_is_no_toml() {
    check(
        r#"
[child.x]
age = 
devices = ["1.2.3.4"
"#,
        r#"
error: this line cannot be read
 --> /etc/amparo/amparo.toml:2:7
  |
2 | age = 
  |       ^ there is no value behind `=`

error: this line cannot be read
 --> /etc/amparo/amparo.toml:3:21
  |
3 | devices = ["1.2.3.4"
  |                     ^ unclosed array, expected `]`

2 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn the_caret_stands_under_wide_and_accented_text() {
    check(
        r#"
[child.x]
age = 9
name = "x"	# tab
block = ["niño.example", "日本 x.example", "youtubee"]
"#,
        r#"
error: `日本 x.example` is not a domain name: its letters do not form an international name
 --> /etc/amparo/amparo.toml:4:26
  |
4 | block = ["niño.example", "日本 x.example", "youtubee"]
  |                          ^^^^^^^^^^^^^^^^ write a name like `example.com`

error: child `x` blocks something that is not defined
 --> /etc/amparo/amparo.toml:4:42
  |
4 | block = ["niño.example", "日本 x.example", "youtubee"]
  |                                            ^^^^^^^^^^ did you mean `youtube`?

2 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn one_device_of_two_children() {
    check(
        r#"
[child.a]
age = 9
devices = ["3c:22:fb:12:34:56"]

[child.b]
age = 12
devices = ["3C-22-FB-12-34-56"]
"#,
        r#"
error: `a` and `b` have the same device, `3C-22-FB-12-34-56`
 --> /etc/amparo/amparo.toml:7:12
  |
3 | devices = ["3c:22:fb:12:34:56"]
  |            ------------------- of `a`
...
7 | devices = ["3C-22-FB-12-34-56"]
  |            ^^^^^^^^^^^^^^^^^^^ a device belongs to one person
"#,
    );
}

#[test]
fn the_same_word_blocked_and_allowed() {
    check(
        r#"
[household]
block = ["x.com"]
allow = ["y.com", "x.com"]
"#,
        r#"
error: the household both blocks and allows `x.com`
 --> /etc/amparo/amparo.toml:2:10
  |
2 | block = ["x.com"]
  |          ^^^^^^^ blocked here: keep one of the two
3 | allow = ["y.com", "x.com"]
  |                   ------- allowed here
"#,
    );
}

#[test]
fn ages_and_profiles() {
    check(
        r#"
[child.ana]
age = 18
[child.b]
profile = "kidz"
[profile.kids]
based_on = "kids2"
[profile.kids2]
based_on = "kids"
[profile.10-12]
[adult.ana]
age = 40
"#,
        r#"
error: child `ana`: the age of a child is from 0 to 17
 --> /etc/amparo/amparo.toml:2:7
  |
2 | age = 18
  |       ^^ write `[adult.ana]` instead, without an age

error: child `b` has a profile that is not defined
 --> /etc/amparo/amparo.toml:4:11
  |
4 | profile = "kidz"
  |           ^^^^^^ did you mean `kids`?

error: profile `kids` is based on itself, through `kids2`
 --> /etc/amparo/amparo.toml:6:12
  |
6 | based_on = "kids2"
  |            ^^^^^^^ base one of them on a built-in profile

error: profile `10-12` is built in
 --> /etc/amparo/amparo.toml:9:10
  |
9 | [profile.10-12]
  |          ^^^^^ choose another id and write `based_on = "10-12"` in it

error: `ana` is both a child and an adult
  --> /etc/amparo/amparo.toml:10:8
   |
 1 | [child.ana]
   |        --- the child
...
10 | [adult.ana]
   |        ^^^ give one of them another id

error: `[adult.ana]` has no key `age`
  --> /etc/amparo/amparo.toml:11:1
   |
11 | age = 40
   | ^^^ only a child has an age; remove the line

6 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn places_and_people() {
    check(
        r#"
[household]
timezone = "Guatemala"
country = "Guatemala"
unknown_devices = "blok"
language = "sp"
[child."Sofía"]
age = 9
[child]
age = 9
"#,
        r#"
error: there is no time zone `Guatemala`
 --> /etc/amparo/amparo.toml:2:12
  |
2 | timezone = "Guatemala"
  |            ^^^^^^^^^^^ did you mean `America/Guatemala`?

warning: `country` is not built yet: it has no effect
 --> /etc/amparo/amparo.toml:3:1
  |
3 | country = "Guatemala"
  | ^^^^^^^ meanwhile no page shows help lines yet; their names always answer

error: `Guatemala` is not a country
 --> /etc/amparo/amparo.toml:3:11
  |
3 | country = "Guatemala"
  |           ^^^^^^^^^^^ write its two letters, like `GT`

error: unknown devices have a profile that is not defined
 --> /etc/amparo/amparo.toml:4:19
  |
4 | unknown_devices = "blok"
  |                   ^^^^^^ built in are `0-6`, `7-9`, `10-12`, `13-15`, `16-17`, `adult` and `open`

error: `language` cannot be `sp`
 --> /etc/amparo/amparo.toml:5:12
  |
5 | language = "sp"
  |            ^^^^ write `es` or `en`

error: `Sofía` cannot be the id of a child
 --> /etc/amparo/amparo.toml:6:8
  |
6 | [child."Sofía"]
  |        ^^^^^^^ an id has the letters a-z, digits, `_` and `-`: write `sofia`

error: `[child]` needs an id
 --> /etc/amparo/amparo.toml:9:1
  |
9 | age = 9
  | ^^^ write `[child.ID]` above it, with an id of your choice

6 problems and 1 warning in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn schedules() {
    check(
        r#"
[child.x]
age = 9
bedtime = { mon-fri = "20:00-6", friday = "21:00-06:00" }
[[child.x.schedule]]
name = "homework"
days = ["mondays"]
[[child.x.schedule]]
time = "15:00-17:00"
block = "everything"
except = "holidys"
dates = ["2026-13-01"]
[calendar.holidays]
[child.y]
age = 9
block = "everything"
"#,
        r#"
error: `20:00-6` is not a time from when to when
 --> /etc/amparo/amparo.toml:3:23
  |
3 | bedtime = { mon-fri = "20:00-6", friday = "21:00-06:00" }
  |                       ^^^^^^^^^ write it like "20:30-06:30", with 24 hours to the day

error: schedule `homework` of child `x` has no time
 --> /etc/amparo/amparo.toml:4:1
  |
4 | [[child.x.schedule]]
  | ^^^^^^^^^^^^^^^^^^^^ add `time = "15:00-17:00"`, or "00:00-24:00" for the whole day

error: schedule `homework` of child `x` closes nothing
 --> /etc/amparo/amparo.toml:4:1
  |
4 | [[child.x.schedule]]
  | ^^^^^^^^^^^^^^^^^^^^ add `block = "everything"`, or what it closes, or `only`

error: `mondays` is not a day
 --> /etc/amparo/amparo.toml:6:9
  |
6 | days = ["mondays"]
  |         ^^^^^^^^^ did you mean `monday`?

error: there is no calendar `holidys`
  --> /etc/amparo/amparo.toml:10:10
   |
10 | except = "holidys"
   |          ^^^^^^^^^ did you mean `holidays`?

error: `2026-13-01` is not a date
  --> /etc/amparo/amparo.toml:11:10
   |
11 | dates = ["2026-13-01"]
   |          ^^^^^^^^^^^^ write it like "2026-12-24" or "2026-12-20..2027-01-10"

error: calendar `holidays` has no days
  --> /etc/amparo/amparo.toml:12:11
   |
12 | [calendar.holidays]
   |           ^^^^^^^^ add `dates = ["2026-12-20..2027-01-10"]`, or `file = "holidays.ics"`

error: `everything` is a word of a schedule
  --> /etc/amparo/amparo.toml:15:9
   |
15 | block = "everything"
   |         ^^^^^^^^^^^^ write `internet`

8 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn upstreams() {
    check(
        r#"
[dns]
upstreams = ["https://dns.quad9.net/dns-query"]
child_upstreams = []
listen = ["localhost"]
blocked_answer = "zeroip"
[child.x]
age = 9
devices = ["phone", "10.0.0.0/40"]
block = ["https://x.com/home"]
"#,
        r#"
error: upstream `https://dns.quad9.net/dns-query` has no address to start with
 --> /etc/amparo/amparo.toml:2:14
  |
2 | upstreams = ["https://dns.quad9.net/dns-query"]
  |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write its address, and this name behind it: "https://ADDRESS/dns-query#dns.quad9.net"

error: `child_upstreams` names nobody to ask
 --> /etc/amparo/amparo.toml:3:19
  |
3 | child_upstreams = []
  |                   ^^ write one, or remove the line: then the built-in ones are asked

error: `localhost` is not an address to listen on
 --> /etc/amparo/amparo.toml:4:11
  |
4 | listen = ["localhost"]
  |           ^^^^^^^^^^^ write it like "0.0.0.0:53" or "[::]:53"

error: `blocked_answer` cannot be `zeroip`
 --> /etc/amparo/amparo.toml:5:18
  |
5 | blocked_answer = "zeroip"
  |                  ^^^^^^^^ did you mean `zero_ip`?

error: `phone` is not a device
 --> /etc/amparo/amparo.toml:8:12
  |
8 | devices = ["phone", "10.0.0.0/40"]
  |            ^^^^^^^ write a MAC (`3c:22:fb:12:34:56`), an address (`192.168.1.42`), a range (`192.168.1.32/28`) or what it calls itself (`host:mateo-phone`)

error: `10.0.0.0/40` is not an address or a range of them
 --> /etc/amparo/amparo.toml:8:21
  |
8 | devices = ["phone", "10.0.0.0/40"]
  |                     ^^^^^^^^^^^^^ write it like `192.168.1.42`, `192.168.1.0/24` or `fd00::/8`

error: `https://x.com/home` is not a domain name: `:` cannot stand in a domain name
 --> /etc/amparo/amparo.toml:9:10
  |
9 | block = ["https://x.com/home"]
  |          ^^^^^^^^^^^^^^^^^^^^ write `x.com`: it covers what is below it

7 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn what_is_not_built_yet() {
    check(
        r#"
[journal]
store = "sqlite"
[web]
listen = "0.0.0.0:8080"
[list.big]
url = "https://example.org/list.txt"
every = "1x"
[notify.me]
kind = "ntfy"
topic = "x"
[child.x]
age = 9
budget = { youtube = "1h", games = { mon-fri = "45" } }
devices = "host:tablet"
"#,
        r#"
warning: `store` is not built yet: it has no effect
 --> /etc/amparo/amparo.toml:2:1
  |
2 | store = "sqlite"
  | ^^^^^ meanwhile the journal is one SQLite file in the state directory

warning: `[web]` is not built yet: it has no effect
 --> /etc/amparo/amparo.toml:3:2
  |
3 | [web]
  |  ^^^ meanwhile no page is served; of its keys `names` alone is in force

error: `1x` is not a length of time
 --> /etc/amparo/amparo.toml:7:9
  |
7 | every = "1x"
  |         ^^^^ write it like `45m`, `1h30m` or `2d`

warning: `[notify.me]` is not built yet: it has no effect
 --> /etc/amparo/amparo.toml:8:9
  |
8 | [notify.me]
  |         ^^ meanwhile nobody is told anything

error: `45` is not a length of time
  --> /etc/amparo/amparo.toml:13:48
   |
13 | budget = { youtube = "1h", games = { mon-fri = "45" } }
   |                                                ^^^^ write it like `45m`, `1h30m` or `2d`

2 problems and 3 warnings in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn an_id_with_an_accent() {
    check(
        r"
[child.Sofía]
[adult.x]
",
        r"
error: this line cannot be read
 --> /etc/amparo/amparo.toml:1:11
  |
1 | [child.Sofía]
  |           ^ ids and keys have the letters a-z, digits, `_` and `-`
",
    );
}

#[test]
fn two_bedtimes_on_one_day() {
    check(
        r#"
[child.x]
age = 9
bedtime = { mon-fri = "20:00-06:00", viernes = "21:00-06:00" }
"#,
        r#"
error: friday has two bedtimes
 --> /etc/amparo/amparo.toml:3:38
  |
3 | bedtime = { mon-fri = "20:00-06:00", viernes = "21:00-06:00" }
  |                                      ^^^^^^^ leave the day out of one of them
"#,
    );
}

#[test]
fn a_report_is_also_json_and_colours_stay_off_where_they_are_not_wanted() {
    let report = load("[child.x]\nage = 9\nblock = [\"tiktokk\"]\n").unwrap_err();
    let expected = serde_json::json!([{
        "severity": "error",
        "message": "child `x` blocks something that is not defined",
        "line": 3,
        "column": 10,
        "help": "did you mean `tiktok`?",
    }]);
    assert_eq!(report.to_json(), expected);
    assert!(report.render(true).contains("\u{1b}[1;31merror:\u{1b}[0m child"));
    assert!(!report.render(false).contains('\u{1b}'));
}

#[test]
fn a_house_that_nobody_may_ask_is_a_mistake() {
    check(
        "[dns]\nlisten = []\nallow_from = []\n",
        r"
error: `listen` is empty: no question comes in
 --> /etc/amparo/amparo.toml:2:10
  |
2 | listen = []
  |          ^^ name some, or remove the line for the default

error: `allow_from` is empty: nobody may ask
 --> /etc/amparo/amparo.toml:3:14
  |
3 | allow_from = []
  |              ^^ name some, or remove the line for the default

2 problems in /etc/amparo/amparo.toml.
",
    );
}

#[test]
fn a_window_between_single_brackets() {
    check(
        r#"
[child.x]
age = 9
[child.x.schedule]
time = "15:00-17:00"
"#,
        r"
error: there may be more than one schedule
 --> /etc/amparo/amparo.toml:3:1
  |
3 | [child.x.schedule]
  | ^^^^^^^^^^^^^^^^^^ write `[[child.x.schedule]]`, with two brackets on either side
",
    );
    check(
        r#"
[child.x.schedule]
time = "15:00-17:00"
[child.x.schedule] # another
time = "18:00-19:00"
"#,
        r"
error: this line cannot be read
 --> /etc/amparo/amparo.toml:3:10
  |
3 | [child.x.schedule] # another
  |          ^^^^^^^^ write `[[child.x.schedule]]`, with two brackets on either side: there may be several
",
    );
}

#[test]
fn whoever_cannot_be_told_what_to_cut() {
    check(
        r#"
[enforce]
command = "/bin/cut -x"
nftables_set = "inet amparo closed; flush ruleset"
"#,
        r#"
warning: `/bin/cut -x` is taken as the name of one program
 --> /etc/amparo/amparo.toml:2:11
  |
2 | command = "/bin/cut -x"
  |           ^^^^^^^^^^^^^ arguments stand by themselves: `command = ["/bin/cut", "-x"]`

error: `inet amparo closed; flush ruleset` names no set of nftables
 --> /etc/amparo/amparo.toml:3:16
  |
3 | nftables_set = "inet amparo closed; flush ruleset"
  |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write family, table and set, like `inet amparo closed`

1 problem and 1 warning in /etc/amparo/amparo.toml.
"#,
    );
    check(
        "[enforce]\ncommand = []\nnftables_set = \"ip filter closed\"",
        r#"
error: `command` names no program
 --> /etc/amparo/amparo.toml:2:11
  |
2 | command = []
  |           ^^ write the path of a program, or remove the line

error: a table of family `ip` does not hold both IPv4 and IPv6
 --> /etc/amparo/amparo.toml:3:16
  |
3 | nftables_set = "ip filter closed"
  |                ^^^^^^^^^^^^^^^^^^ make a table of family `inet`: see docs/enforce/README.md

2 problems in /etc/amparo/amparo.toml.
"#,
    );
    check(
        "[enforce]\nnftables_set = \"inet fw4 1;x\"",
        r#"
error: `inet fw4 1;x` has a name that nftables does not take
 --> /etc/amparo/amparo.toml:2:16
  |
2 | nftables_set = "inet fw4 1;x"
  |                ^^^^^^^^^^^^^^ names have letters, digits, `_` and `-`, and begin with a letter
"#,
    );
}

#[test]
fn files_of_trust_that_cannot_be_read() {
    check(
        r#"
[dns]
upstream_ca = "/nonexistent/ca.pem"
trust_anchor = ["/dev/null"]
"#,
        r#"
error: `/nonexistent/ca.pem` cannot be read: No such file or directory (os error 2)
 --> /etc/amparo/amparo.toml:2:15
  |
2 | upstream_ca = "/nonexistent/ca.pem"
  |               ^^^^^^^^^^^^^^^^^^^^^ looked for it at /nonexistent/ca.pem

warning: `trust_anchor` has no effect: no signature is validated
 --> /etc/amparo/amparo.toml:3:17
  |
3 | trust_anchor = ["/dev/null"]
  |                 ^^^^^^^^^^^ write `dnssec = "validate"` too

error: `/dev/null` cannot be used: it holds no key
 --> /etc/amparo/amparo.toml:3:17
  |
3 | trust_anchor = ["/dev/null"]
  |                 ^^^^^^^^^^^ write a DNSKEY record in each line, like `. IN DNSKEY 257 3 8 AwEAA…`

2 problems and 1 warning in /etc/amparo/amparo.toml.
"#,
    );
}
