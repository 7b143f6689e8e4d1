//! How a mistake about lists, categories and services reads.

use super::reports::check;

#[test]
fn lists() {
    check(
        r#"
[list.a]
[list.b]
category = "gamblin"
file = "b.txt"
[list.c]
file = "c.txt"
url = "https://x.example/c.txt"
[category.tiktok]
[category.clubs]
names = ["club"]
[service.clubs]
"#,
        r#"
error: list `a` has neither a file nor a url
 --> /etc/amparo/amparo.toml:1:7
  |
1 | [list.a]
  |       ^ add `file = "…"` or `url = "https://…"`

error: list `b` fills a category that is not defined: `gamblin`
 --> /etc/amparo/amparo.toml:3:12
  |
3 | category = "gamblin"
  |            ^^^^^^^^^ did you mean `gambling`?

error: list `c` has both a file and a url
 --> /etc/amparo/amparo.toml:7:7
  |
6 | file = "c.txt"
  |        ------- the file
7 | url = "https://x.example/c.txt"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^ remove one of the two

error: `tiktok` is built in as a service
 --> /etc/amparo/amparo.toml:8:11
  |
8 | [category.tiktok]
  |           ^^^^^^ write `[service.tiktok]` to add names, or choose another id

error: `club` is not a domain name: it has no dot
  --> /etc/amparo/amparo.toml:10:10
   |
10 | names = ["club"]
   |          ^^^^^^ write a name like `example.com`

error: `clubs` is both a category and a service
  --> /etc/amparo/amparo.toml:11:10
   |
 9 | [category.clubs]
   |           ----- the category
...
11 | [service.clubs]
   |          ^^^^^ give one of them another id

6 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn lists_that_are_fetched() {
    check(
        r#"
[list.a]
url = "example.org/list.txt"
[list.b]
url = "ftp://example.org/list.txt"
[list.c]
url = "https://ana:1234@example.org/list.txt"
[list.d]
url = "https://example.org/list.txt"
every = "10m"
[list.e]
file = "e.txt"
every = "2h"
[list.f]
url = "https://"
kind = "allow"
[list.public_gamblin]
[list.public_games]
every = "5m"
"#,
        r#"
error: `example.org/list.txt` is not an address to fetch from
 --> /etc/amparo/amparo.toml:2:7
  |
2 | url = "example.org/list.txt"
  |       ^^^^^^^^^^^^^^^^^^^^^^ write "https://example.org/list.txt"

error: lists are not fetched by `ftp`
 --> /etc/amparo/amparo.toml:4:7
  |
4 | url = "ftp://example.org/list.txt"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ only http:// and https:// are fetched

error: this address holds a user or a password, and lists are fetched without
 --> /etc/amparo/amparo.toml:6:7
  |
6 | url = "https://ana:1234@example.org/list.txt"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write it without what stands before `@example.org`

error: list `d` would be fetched too often
 --> /etc/amparo/amparo.toml:9:9
  |
9 | every = "10m"
  |         ^^^^^ write "1h" or more: lists change once a day

warning: `every` is for a list with a `url`: it has no effect
  --> /etc/amparo/amparo.toml:12:9
   |
12 | every = "2h"
   |         ^^^^ a file is read again as soon as it changes

error: `https://` has no host to fetch from
  --> /etc/amparo/amparo.toml:14:7
   |
14 | url = "https://"
   |       ^^^^^^^^^^ write it like "https://example.org/list.txt"

error: list `public_gamblin` has neither a file nor a url
  --> /etc/amparo/amparo.toml:16:7
   |
16 | [list.public_gamblin]
   |       ^^^^^^^^^^^^^^ did you mean `public_gambling`?

error: list `public_games` would be fetched too often
  --> /etc/amparo/amparo.toml:18:9
   |
18 | every = "5m"
   |         ^^^^ write "1h" or more: lists change once a day

7 problems and 1 warning in /etc/amparo/amparo.toml.
"#,
    );
}
