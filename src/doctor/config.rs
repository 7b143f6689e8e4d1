//! Whether the config file is found, passes, and is safe from others.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Check, Finding, Look, State, fill, shell};
use crate::config::{self, Checked, Origin, Severity, System};
use crate::house;
use crate::words::{Language, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "config",
    label: &words::CONFIG,
    judge: |facts| judge(facts.language, &facts.config),
};

/// Who may write a file besides its owner.
const OTHERS_WRITE: u32 = 0o022;

/// What is known of the config file.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) language: Language,
    pub(super) state_directory: PathBuf,
    /// Whether the file itself names the household's time zone.
    pub(super) names_zone: bool,
    file: File,
    access: Option<Access>,
}

/// What became of reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum File {
    /// There is none, and there never was.
    None { expected: PathBuf },
    /// There is none where one was taken before, as its copy shows.
    Gone { expected: PathBuf, copy: PathBuf },
    /// It cannot be read.
    Unreadable { path: PathBuf, why: String },
    /// It has mistakes.
    Wrong { path: PathBuf, mistakes: usize, report: String, has_copy: bool },
    /// It passes, with so many warnings.
    Good { path: PathBuf, warnings: usize },
}

/// Who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Access {
    mode: u32,
    owner: u32,
    group: u32,
    /// The user whose state directory it is: the one that runs amparo. None: not known.
    runs_as: Option<(u32, u32)>,
}

/// Reads the file, and what to go by: itself, its last good copy, or the embedded default.
pub(super) fn gather(look: &Look) -> (Facts, Checked) {
    let found = config::find_file(look.config.as_deref());
    let state = look.state.as_deref();
    let (mut file, mut said_language, mut said_directory) = (None, None, None);
    let mut good = None;
    if let Some(path) = &found {
        match config::read_file(path) {
            Err(why) => file = Some(File::Unreadable { path: path.clone(), why }),
            Ok(text) => {
                said_language = config::language_in(&text);
                said_directory = config::directory_in(&text);
                match config::load(&text, &Origin::File(path.clone()), &System::detect()) {
                    Err(report) => {
                        file = Some(File::Wrong {
                            path: path.clone(),
                            mistakes: report
                                .problems()
                                .iter()
                                .filter(|problem| problem.severity == Severity::Error)
                                .count(),
                            report: report.render(false),
                            has_copy: false,
                        });
                    }
                    Ok(mut checked) => {
                        let today =
                            checked.config.household.zone.to_datetime(look.clock.now()).date();
                        let odd = config::lint::lint(&text, &checked.config, today);
                        checked.warnings.add(odd);
                        let warnings = checked.warnings.len();
                        file = Some(File::Good { path: path.clone(), warnings });
                        good = Some(checked);
                    }
                }
            }
        }
    }
    let of_config = good.as_ref().map(|checked| &checked.config);
    let state_directory = match (state, said_directory) {
        (None, Some(said)) => said,
        (state, _) => config::state_directory(state, of_config),
    };
    let copy = house::last_config(&state_directory);
    // Without a file, or with a broken one, the last good copy is what a daemon goes by.
    let kept = || {
        let text = config::read_file(&copy).ok()?;
        config::load(&text, &Origin::File(copy.clone()), &System::detect()).ok()
    };
    let kept = if good.is_none() { kept() } else { None };
    let file = match file {
        None if copy.exists() => File::Gone { expected: config::usual_place(), copy: copy.clone() },
        None => File::None { expected: config::usual_place() },
        Some(File::Wrong { path, mistakes, report, .. }) => {
            File::Wrong { path, mistakes, report, has_copy: kept.is_some() }
        }
        Some(
            other @ (File::Good { .. }
            | File::Unreadable { .. }
            | File::None { .. }
            | File::Gone { .. }),
        ) => other,
    };
    let default = || {
        config::load(config::EMBEDDED, &Origin::Embedded, &System::detect())
            .expect("a test has the embedded default pass")
    };
    let checked = good.or(kept).unwrap_or_else(default);
    let language = said_language.unwrap_or(checked.config.household.language);
    let names_zone = found
        .as_ref()
        .and_then(|path| config::read_file(path).ok())
        .is_some_and(|text| config::names_zone(&text));
    let access = found.as_ref().and_then(|path| Access::of(path, &state_directory));
    (Facts { language, state_directory, names_zone, file, access }, checked)
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let fill = |sentence, what: &str, who: &str| fill(language, sentence, what, who);
    let mut findings = Vec::new();
    let finding = match &facts.file {
        File::None { expected } => Finding::new(
            State::Note,
            fill(&words::CONFIG_NONE, &expected.display().to_string(), ""),
        )
        .run("amparo init"),
        File::Gone { expected, copy } => Finding::new(
            State::Failed,
            fill(&words::CONFIG_GONE, &expected.display().to_string(), ""),
        )
        .run(format!("cp {} {}", shell(copy), shell(expected)))
        .say(fill(&words::CONFIG_GONE_OR, &shell(copy), "")),
        File::Unreadable { path, why } => Finding::new(
            State::Failed,
            fill(&words::CONFIG_UNREADABLE, &path.display().to_string(), why),
        )
        .say(words::CONFIG_UNREADABLE_FIX.in_language(language)),
        File::Wrong { path, mistakes, report, has_copy } => {
            let said = match mistakes {
                1 => &words::CONFIG_WRONG_ONE,
                _ => &words::CONFIG_WRONG,
            };
            let text = fill(said, &path.display().to_string(), &mistakes.to_string());
            let meanwhile =
                if *has_copy { &words::CONFIG_COPY_SERVES } else { &words::CONFIG_NO_COPY };
            let text = format!("{text} {}", meanwhile.in_language(language));
            Finding::new(State::Failed, text)
                .detail(report.trim_end())
                .say(words::CONFIG_MEND.in_language(language))
                .run(format!("amparo check {}", shell(path)))
        }
        File::Good { path, warnings } => {
            let shown = path.display().to_string();
            match warnings {
                0 => Finding::new(State::Ok, fill(&words::CONFIG_GOOD, &shown, "")),
                1 => Finding::new(State::Note, fill(&words::CONFIG_ODD_ONE, &shown, ""))
                    .run(format!("amparo check {}", shell(path))),
                many => {
                    let text = fill(&words::CONFIG_ODD, &shown, &many.to_string());
                    Finding::new(State::Note, text).run(format!("amparo check {}", shell(path)))
                }
            }
        }
    };
    findings.push(finding);
    if let (Some(path), Some(access)) = (facts.file.path(), facts.access) {
        findings.extend(judge_access(language, path, access));
    }
    findings
}

fn judge_access(language: Language, path: &Path, access: Access) -> Vec<Finding> {
    let shown = path.display().to_string();
    let mode = access.mode & 0o7777;
    let mut findings = Vec::new();
    if mode & OTHERS_WRITE != 0 {
        let text = fill(language, &words::CONFIG_WRITABLE, &shown, &format!("{mode:04o}"));
        findings.push(
            Finding::new(State::Warning, text)
                .run(format!("chmod go-w {}", shell(path)))
                .undo(format!("chmod {mode:04o} {}", shell(path))),
        );
    }
    if let Some((user, group)) = access.runs_as
        && !may_read(access, user, group)
    {
        let text = fill(language, &words::CONFIG_CLOSED, &shown, &user.to_string());
        findings.push(
            Finding::new(State::Warning, text)
                .run(format!("chmod a+r {}", shell(path)))
                .undo(format!("chmod {mode:04o} {}", shell(path))),
        );
    }
    findings
}

/// Whether a user may read a file with this mode. What its other groups may is not known.
fn may_read(access: Access, user: u32, group: u32) -> bool {
    let bit = match (access.owner == user, access.group == group) {
        (true, _) => 0o400,
        (false, true) => 0o040,
        (false, false) => 0o004,
    };
    user == 0 || access.mode & bit != 0
}

// === impl Facts ===

impl Facts {
    /// Whether the embedded default is what serves.
    pub(super) fn is_embedded(&self) -> bool {
        matches!(self.file, File::None { .. })
    }
}

// === impl File ===

impl File {
    fn path(&self) -> Option<&Path> {
        match self {
            File::None { .. } | File::Gone { .. } => None,
            File::Unreadable { path, .. } | File::Wrong { path, .. } | File::Good { path, .. } => {
                Some(path)
            }
        }
    }
}

// === impl Access ===

impl Access {
    fn of(path: &Path, state_directory: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        let state = std::fs::metadata(state_directory).ok();
        Some(Access {
            mode: about.mode(),
            owner: about.uid(),
            group: about.gid(),
            runs_as: state.map(|state| (state.uid(), state.gid())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(file: File, mode: u32, runs_as: Option<(u32, u32)>) -> Facts {
        let access = Some(Access { mode, owner: 0, group: 0, runs_as });
        let (language, state_directory) = (Language::En, "/var/lib/amparo".into());
        Facts { language, state_directory, names_zone: true, file, access }
    }

    fn good(warnings: usize) -> File {
        File::Good { path: "/etc/amparo/amparo.toml".into(), warnings }
    }

    fn told(facts: &Facts, language: Language) -> Vec<(State, String)> {
        let findings = judge(language, facts);
        findings.into_iter().map(|finding| (finding.state, finding.text)).collect()
    }

    #[test]
    fn a_good_file_that_its_owner_alone_may_write_is_ok() {
        let told = told(&facts(good(0), 0o100_644, Some((998, 998))), Language::En);
        assert_eq!(told, [(State::Ok, "/etc/amparo/amparo.toml passes.".to_owned())]);
    }

    #[test]
    fn warnings_are_counted_and_check_shows_them() {
        let found = &judge(Language::En, &facts(good(2), 0o644, None))[0];
        assert_eq!(found.state, State::Note);
        assert_eq!(found.text, "/etc/amparo/amparo.toml passes, with 2 warnings.");
        assert_eq!(found.fix[0].text(), "amparo check /etc/amparo/amparo.toml");
    }

    #[test]
    fn a_file_that_others_may_write_is_a_warning_with_its_undo() {
        let found = judge(Language::En, &facts(good(0), 0o100_666, None));
        assert_eq!(found[1].state, State::Warning);
        assert_eq!(found[1].fix[0].text(), "chmod go-w /etc/amparo/amparo.toml");
        assert_eq!(found[1].undo[0].text(), "chmod 0666 /etc/amparo/amparo.toml");
    }

    #[test]
    fn whoever_runs_amparo_must_be_able_to_read_it() {
        let closed = |mode, runs_as| judge(Language::En, &facts(good(0), mode, runs_as)).len() > 1;
        assert!(closed(0o600, Some((998, 998))));
        assert!(!closed(0o640, Some((998, 0))), "by its group");
        assert!(!closed(0o600, Some((0, 0))) && !closed(0o600, None));
    }

    #[test]
    fn a_broken_file_is_shown_as_check_shows_it() {
        let file = File::Wrong {
            path: "a.toml".into(),
            mistakes: 2,
            report: "error: it\n".into(),
            has_copy: true,
        };
        let found = &judge(Language::Es, &facts(file, 0o644, None))[0];
        assert_eq!(found.state, State::Failed);
        assert_eq!(found.detail.as_deref(), Some("error: it"));
        assert!(found.text.starts_with("a.toml tiene 2 errores."), "{}", found.text);
    }

    #[test]
    fn a_file_that_is_gone_is_no_household_without_rules() {
        let file = File::Gone { expected: "/etc/a".into(), copy: "/var/b".into() };
        assert_eq!(told(&facts(file, 0o644, None), Language::En)[0].0, State::Failed);
        let none = File::None { expected: "/etc/a".into() };
        assert_eq!(told(&facts(none, 0o644, None), Language::En)[0].0, State::Note);
    }
}
