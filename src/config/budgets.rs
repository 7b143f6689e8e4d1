//! `budget`: how much time a day something may be used, as written.
//!
//! The registry knows only that it is a table: all that stands in it is checked here, because what
//! a value may look like hangs on whether its word is one.

use toml::de::{DeTable, DeValue};

use super::context::Context;
use super::elements;
use super::part::{Sayer, said, word_of};
use super::read::{Text, Value, inner, rows, text_of};
use super::tags::Tags;
use crate::policy::budget::BUDGETS_MAX;
use crate::policy::hours::Days;
use crate::policy::rules::What;

/// What a budget looks like, for whoever wrote something else.
const LIKE: &str = "write it like \"45m\" or \"1h30m\"";

/// One word of `budget` with its time.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    /// What it is about.
    pub(super) what: What,
    /// The word, in one spelling.
    pub(super) id: String,
    /// The minutes of each day, Monday first; none: no limit on that day.
    pub(super) minutes: [Option<u16>; 7],
}

/// Reads `budget`; none is written: no allowance.
pub(super) fn budgets(
    context: &mut Context<'_>,
    tags: &Tags,
    sayer: &Sayer,
    table: &DeTable<'_>,
) -> Vec<Allowance> {
    let mut allowances: Vec<Allowance> = Vec::new();
    for (word, value) in inner(table, "budget").map(rows).unwrap_or_default() {
        if let Some(name) = in_pieces(&word, value) {
            let help = format!("a name stands between quotes: `\"{name}\" = …`");
            context.error(word.span, format!("`{name}` is read as several words"), help);
            continue;
        }
        let what = said(context, tags, sayer, &word, "limits");
        let minutes = minutes(context, &word, value);
        let (Some(what), Some(minutes)) = (what, minutes) else { continue };
        let id = word_of(tags, &what);
        if allowances.iter().any(|other| other.id == id) {
            let message = format!("{} has two budgets for `{id}`", sayer.title);
            context.error(word.span, message, "keep one of the two");
            continue;
        }
        if allowances.len() == BUDGETS_MAX {
            let message = format!("{} has more than {BUDGETS_MAX} budgets", sayer.title);
            context.error(word.span, message, "limit a category instead of its services");
            break;
        }
        allowances.push(Allowance { what, id, minutes });
    }
    allowances
}

/// The name that was written without quotes, `youtube.com = "1h"`: TOML takes its dots for those
/// between tables.
fn in_pieces(word: &Text<'_>, value: &Value<'_>) -> Option<String> {
    let (inner, only) = rows(value.get_ref().as_table()?).into_iter().next()?;
    let is_dotted = inner.span.start == word.span.end + 1;
    // `games.sat = "3h"` is by days.
    if !is_dotted || elements::days(inner.text).is_ok() {
        return None;
    }
    let rest = in_pieces(&inner, only).unwrap_or_else(|| inner.text.to_owned());
    Some(format!("{}.{rest}", word.text))
}

/// The minutes of each day.
fn minutes(
    context: &mut Context<'_>,
    word: &Text<'_>,
    value: &Value<'_>,
) -> Option<[Option<u16>; 7]> {
    let by_days = match value.get_ref() {
        DeValue::Table(by_days) => by_days,
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => return Some([Some(time(context, value)?); 7]),
    };
    let mut minutes = [None; 7];
    let mut seen = Days(0);
    for (key, value) in rows(by_days) {
        let days = context.element(&key, elements::days);
        let time = time(context, value);
        let (Some(days), Some(time)) = (days, time) else { continue };
        if let Some(day) = elements::days_clash(seen, days) {
            let message = format!("{day} has two budgets for `{}`", word.text);
            context.error(key.span, message, "leave the day out of one of them");
        }
        seen.0 |= days.0;
        let of_days = minutes.iter_mut().enumerate();
        of_days.filter(|(day, _)| days.0 & (1 << day) != 0).for_each(|(_, of)| *of = Some(time));
    }
    if by_days.is_empty() {
        let message = format!("the budget for `{}` names no day", word.text);
        context.error(value.span(), message, format!("{LIKE}, or by days"));
    }
    Some(minutes)
}

fn time(context: &mut Context<'_>, value: &Value<'_>) -> Option<u16> {
    let Some(text) = text_of(value) else {
        context.error(value.span(), "a budget is a length of time between quotes", LIKE);
        return None;
    };
    context.element(&text, elements::minutes)
}
