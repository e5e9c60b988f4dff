//! Which stored slices are older than what they are made from, without computing any.

use std::collections::{BTreeSet, HashMap};

use crate::models::{Ingredients, Kind, Model, World};

/// The table models behind `model` whose slices do not fit what they are made from now, so that a
/// run would compute them: as far as the model's rows of `day` rest on them.
pub fn stale_models(world: &World, model: &str, day: i32) -> Vec<String> {
    let library = &world.setup.library;
    let mut search = Search {
        world,
        ingredients: HashMap::new(),
        seen: BTreeSet::new(),
        stale: BTreeSet::new(),
    };
    for name in library.closure(model) {
        search.look(&name, day);
    }
    // In the order in which a run would compute them.
    library
        .in_order()
        .map(|model| model.name.clone())
        .filter(|name| search.stale.contains(name))
        .collect()
}

struct Search<'a> {
    world: &'a World,
    ingredients: HashMap<String, Ingredients>,
    seen: BTreeSet<(String, i32)>,
    stale: BTreeSet<String>,
}

impl Search<'_> {
    fn look(&mut self, name: &str, day: i32) {
        let Some(model) = self.world.setup.library.get(name) else {
            return;
        };
        if model.kind != Kind::Table || !self.seen.insert((name.to_owned(), day)) {
            return;
        }
        let ingredients = self
            .ingredients
            .entry(name.to_owned())
            .or_insert_with(|| Ingredients::of(self.world, model));
        if !is_current(self.world, model, ingredients, day) {
            self.stale.insert(name.to_owned());
        }
        let inputs = ingredients.inputs.clone();
        for (input, before, after) in inputs {
            for around in day - before..=day + after {
                self.look(&input, around);
            }
        }
    }
}

/// Whether the day's slice has the fingerprint that a run would give it; a day without a slice is
/// current where there is nothing to make one from.
fn is_current(world: &World, model: &Model, ingredients: &Ingredients, day: i32) -> bool {
    let stored = world
        .snapshots
        .get(&model.name)
        .is_some_and(|snapshot| snapshot.day(day).next().is_some());
    if stored {
        let fingerprint = ingredients.fingerprint(world, day);
        return Ingredients::is_stored(world, &model.name, day, &fingerprint);
    }
    !ingredients.inputs.iter().any(|(input, before, after)| {
        // A model's day makes the same day; a raw UTC date may make the local dates around.
        let is_model = world.setup.library.get(input).is_some();
        let (back, forth) = if is_model { (0, 0) } else { (*before, *after) };
        world.snapshots.get(input).is_some_and(|snapshot| {
            (day - back..=day + forth).any(|day| snapshot.day(day).any(|file| file.rows > 0))
        })
    })
}
