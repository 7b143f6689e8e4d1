//! `amparo lists update`: the daemon fetches, or we do where there is none.

use std::io::{ErrorKind, Write as _};
use std::sync::Arc;

use super::bar::Bar;
use super::lists_of;
use crate::cli::{App, Exit, Failure, print_json};
use crate::control::{self, Command, ListProgress};
use crate::daemon::{OwnUpstreams, progress_of};
use crate::dns::State;
use crate::house::{Copies, House};
use crate::inspect::{self, ListStatus, ListUpdate, ListView};
use crate::policy::passing::Passing;
use crate::update::{Fresh, News, Settings, Updater, Wanted};

/// Runs the command.
pub(super) fn run(app: &App, id: Option<&str>, accept: bool, json: bool) -> Result<(), Failure> {
    let ids = ids(&lists_of(app)?, id)?;
    let mut out = std::io::stdout().lock();
    if ids.is_empty() {
        if !json {
            writeln!(out, "No list is fetched: `[list.ID]` with a `url` makes one that is.")?;
        }
        return Ok(());
    }
    let state = app.found_or_default()?.state_directory;
    let command = Command::ListsUpdate { id: id.map(str::to_owned), accept };
    let mut bar = Bar::new(ids.len());
    let told = control::tell_and_watch(&state, &command, |progress| {
        // Another version may say more than we know.
        if let Ok(progress) = serde_json::from_value::<ListProgress>(progress) {
            bar.hear(progress);
        }
    });
    let updates = match told {
        Ok(updates) => Ok(updates),
        Err(control::Error::Silent { source, .. })
            if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            update_here(app, ids.clone(), accept, &mut bar)
        }
        Err(error) => Err(error.into()),
    };
    bar.finish();
    let updates: Vec<ListUpdate> = updates?;
    for update in &updates {
        if json {
            print_json(&mut out, update)?;
        } else {
            writeln!(out, "{}", line(update))?;
        }
    }
    let is_fresh = |update: &ListUpdate| ["taken", "unchanged"].contains(&&*update.outcome);
    if updates.len() < ids.len() || !updates.iter().all(is_fresh) {
        return Err(Failure::quiet(Exit::Failed));
    }
    Ok(())
}

/// The lists that are to be fetched.
fn ids(lists: &[ListStatus], id: Option<&str>) -> Result<Vec<String>, Failure> {
    let fetched = lists.iter().filter(|list| list.is_fetched);
    let fetched: Vec<String> = fetched.map(|list| list.list.clone()).collect();
    let Some(id) = id else { return Ok(fetched) };
    if fetched.iter().any(|list| list == id) {
        return Ok(vec![id.to_owned()]);
    }
    let hint = if fetched.is_empty() {
        "no list is fetched: `[list.ID]` with a `url` makes one that is".to_owned()
    } else {
        format!("fetched are: {}", fetched.join(", "))
    };
    let message = match lists.iter().find(|list| list.list == id) {
        Some(ListStatus { from: Some(file), .. }) => {
            format!("list `{id}` is not fetched; its file {file} is read again when it changes")
        }
        Some(_) => format!("list `{id}` is not fetched: it is part of the program or the config"),
        None => format!("no list is called `{id}`"),
    };
    Err(Failure::usage(message).hint(hint))
}

/// What came of it, as a person reads it.
fn line(ListUpdate { status, outcome }: &ListUpdate) -> String {
    let list = &status.list;
    match (outcome.as_str(), &status.updated) {
        ("taken", _) => format!("{list}: a new copy came, with {} names", status.taken),
        ("unchanged", Some(came)) => {
            let day = came.get(..10).unwrap_or(came);
            format!("{list}: there is nothing newer than the copy of {day}")
        }
        ("unchanged", None) => format!("{list}: there is nothing newer"),
        _ => format!("{list}: {}", status.state),
    }
}

/// Fetches into the state directory, where no daemon does.
fn update_here(
    app: &App,
    ids: Vec<String>,
    accept: bool,
    bar: &mut Bar,
) -> Result<Vec<ListUpdate>, Failure> {
    let found = app.found()?;
    let (config, directory) = (found.checked.config, found.state_directory);
    let wanted = Wanted::of(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime cannot start: {error}")))?;
    let house = House::open(config.clone(), &directory, Copies::LookOnly);
    let state = Arc::new(State::new(house, Vec::new(), Passing::default(), &app.clock, None));
    let addresses = OwnUpstreams::new(move || Arc::clone(&state), runtime.handle().clone());
    let settings =
        Settings { clock: app.clock.clone(), state: directory.clone(), keeps_fresh: false };
    let updater = Updater::start(addresses, settings, wanted, Arc::new(Fresh::default()))
        .map_err(|error| Failure::failed(format!("no thread to fetch lists: {error}")))?;
    let mut news = updater.update(ids, accept);
    let mut outcomes = Vec::new();
    while let Some(news) = news.blocking_recv() {
        bar.hear(progress_of(&news));
        if let News::Over { list, outcome } = news {
            outcomes.push((list, outcome.word()));
        }
    }
    updater.stop();
    // What came counts now.
    let house = House::open(config, &directory, Copies::LookOnly);
    let view = ListView { state: &directory, now: app.clock.now(), uptime: None };
    let lists = house.lists.iter().map(|list| inspect::list_status(&house, list, &view)).collect();
    Ok(inspect::list_updates(lists, &outcomes))
}
