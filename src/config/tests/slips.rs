//! What parents and relatives write for the first time, and what they are told to write instead.

use super::load;

/// What the report of a text says, which must be a mistake.
#[track_caller]
fn told(text: &str) -> String {
    load(text).expect_err("it is a mistake").render(false)
}

#[test]
fn each_slip_is_told_what_to_write() {
    for (line, told_to) in [
        ("block = [tiktok]", "text stands between quotes, like \"text\""),
        ("name = Sofia", "text stands between quotes, like \"text\""),
        ("name = “Sofía”", "these are printed quotes: write straight ones"),
        ("name: \"Sofía\"", "write `=` instead of `:`, like `name = …`"),
        ("age: 9", "write `=` instead of `:`, like `age = …`"),
        ("age = 09", "without the zero in front"),
        ("devices = \"192.168.1.4\", \"192.168.1.5\"", "`devices = [\"…\", \"…\"]`"),
        ("bedtime = 20:30", "is a date or time without quotes"),
        ("block = \"tiktok, youtube\"", "of its own: `[\"tiktok\", \"youtube\"]`"),
        ("block = \"porn\"", "did you mean `adult`?"),
        ("block = \"Pornografía\"", "did you mean `adult`?"),
        ("block = \"juegos\"", "did you mean `games`?"),
        ("block = \"todo\"", "did you mean `internet`?"),
        ("block = \"TikTok\"", "did you mean `tiktok`?"),
        ("block = \"roblocks\"", "write the whole name, like `roblocks.com`"),
        ("budget = { youtub = \"1h\" }", "did you mean `youtube`?"),
        (
            "schedule = [{ time = \"15:00-16:00\", block = \"everything\", dates = \"20/12/2026\" }]",
            "`20/12/2026` is not a date",
        ),
        ("name = \"a\"\nname = \"b\"", "written twice: keep one of the two"),
        ("name = \"a\"\n[child.x]", "put the lines below it together"),
    ] {
        let told = told(&format!("[child.x]\nprofile = \"7-9\"\n{line}\n"));
        assert!(told.contains(told_to), "{line}:\n{told}");
    }
}

#[test]
fn one_slip_in_a_line_is_one_mistake() {
    let told = told("[child.x]\nage: 9\n");
    assert_eq!(told.matches("error:").count(), 1, "{told}");
}

#[test]
fn no_zone_is_suggested_that_lies_on_the_other_side_of_the_world() {
    // `Etc/GMT-6` is six hours ahead of Greenwich: twelve off for whoever wrote `GMT-6`.
    let told = told("[household]\ntimezone = \"GMT-6\"");
    assert!(!told.contains("Etc/") && told.contains("timezone"), "{told}");
}

#[test]
fn a_format_that_does_not_exist_is_not_said_to_come() {
    let told = told("[list.x]\ncategory = \"adult\"\nfile = \"x.txt\"\nformat = \"host\"");
    assert!(told.contains("did you mean `hosts`?") && !told.contains("not built"), "{told}");
}
