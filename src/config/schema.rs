//! The JSON schema of the file (draft-07), for editors: made from the registry of keys.
//!
//! The checked-in copy is `config/amparo.schema.json`; a test holds the two together, and writes
//! it anew with `UPDATE=1`.

use serde_json::{Map, Value, json};

use super::registry::{Key, Shape, TABLES, Table};

/// The schema as a file's text: indented, the last line ended.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", schema())
}

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let tables = TABLES.iter().map(|table| {
        let mut schema = of_table(table);
        if table.by_id {
            schema = json!({
                "type": "object",
                "description": described(table.doc, table.unbuilt),
                "propertyNames": { "pattern": "^[a-z0-9_-]+$" },
                "additionalProperties": schema,
            });
        }
        (table.name.to_owned(), schema)
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "amparo.toml",
        "description": "The family's rules.",
        "type": "object",
        "additionalProperties": false,
        "properties": tables.collect::<Map<_, _>>(),
    })
}

fn of_table(table: &Table) -> Value {
    let keys: Map<String, Value> =
        table.keys().map(|key| (key.name.to_owned(), of_key(key))).collect();
    json!({
        "type": "object",
        "description": described(table.doc, table.unbuilt),
        "additionalProperties": table.open,
        "properties": keys,
    })
}

fn of_key(key: &Key) -> Value {
    let mut schema = of_shape(key.shape);
    if let Some(object) = schema.as_object_mut() {
        let doc = format!("{} Example: {}", key.doc, key.example);
        object.insert("description".to_owned(), described(&doc, key.unbuilt));
    }
    schema
}

fn described(doc: &str, unbuilt: Option<&str>) -> Value {
    match unbuilt {
        Some(meanwhile) => json!(format!("{doc} Not built yet: meanwhile {meanwhile}.")),
        None => json!(doc),
    }
}

fn of_shape(shape: Shape) -> Value {
    let text = || json!({ "type": "string" });
    let texts = || json!({ "type": ["string", "array"], "items": text() });
    let duration =
        || json!({ "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$" });
    let minutes = || json!({ "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?$" });
    let map_of = |one: Value| json!({ "type": "object", "additionalProperties": one });
    match shape {
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Age => json!({ "type": "integer", "minimum": 0, "maximum": 17 }),
        Shape::Text => text(),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Duration => duration(),
        Shape::Texts => texts(),
        Shape::Bedtime => json!({ "type": ["string", "object"], "additionalProperties": text() }),
        Shape::Budget => {
            let pattern = minutes();
            map_of(json!({
                "type": ["string", "object"],
                "pattern": pattern["pattern"],
                "additionalProperties": pattern,
            }))
        }
        Shape::Records => map_of(texts()),
        Shape::Table(table) => of_table(table),
        Shape::Tables(table) => json!({ "type": "array", "items": of_table(table) }),
    }
}
